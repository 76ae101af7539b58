"""Coverage and sizes that are told; the files themselves are tested in test_loops.py."""

import csv

import numpy as np

from utils import notices
from utils.class_dict import ClassDict
from utils.inference import Painter, Results
from utils.progress import Console

COLORS = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]


def test_coverage_of_classes_with_the_names_of_columns(tmp_path):
    classes = ClassDict(["image", "frame", "seconds, 1"], COLORS)
    writer = Results(tmp_path, Painter(classes), Console("quiet"), coverage=True)
    writer.add_coverage("a.png", np.array([[0, 1, 1, 1]], np.uint8), frame=7)
    writer.add_coverage("b.png", np.zeros((300, 300), np.uint8))
    writer.write_coverage()
    with open(tmp_path / "coverage.csv", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["image"], first["frame"], first["image (class)"], first["frame (class)"]) == (
        "a.png",
        "7",
        "25.0",
        "75.0",
    )
    assert second["image (class)"] == "100.0" and second["seconds, 1"] == "0.0"


def test_what_the_predictor_keeps():
    painter = Painter(ClassDict(["a", "b", "c"], COLORS))
    for options, keep in (
        ({}, "classes"),
        ({"below": 0.5}, "confidence"),
        ({"confidence": True}, "confidence"),
        ({"confidence": True, "probabilities": True}, "probabilities"),
    ):
        assert Results(None, painter, Console("quiet"), **options).keep == keep


def test_large_probabilities_are_told(monkeypatch, capsys):
    monkeypatch.setattr(notices, "_told", set())
    writer = Results(None, Painter(ClassDict(["a", "b", "c"], COLORS)), Console("quiet"), probabilities=True)
    writer.tell_size("small.png", np.broadcast_to(np.uint8(0), (1000, 1000, 3)))
    assert not capsys.readouterr().err
    writer.tell_size("large.png", np.broadcast_to(np.uint8(0), (10000, 20000, 3)))
    told = capsys.readouterr().err
    assert "large.png take 1.2 GB" in told and "--tile" in told and "--confidence takes 3 times less" in told
