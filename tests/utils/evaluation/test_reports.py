"""Score tables as text and CSV."""

import csv

import numpy as np
import pytest

from utils.data.folder import Pair
from utils.evaluation.reports import class_table, headline, suite_means, write_image_scores
from utils.metrics import ConfusionMatrix, image_scores
from utils.text import display_width


@pytest.fixture
def confusion():
    confusion = ConfusionMatrix(3, ["Sky", "Road", "Sign"])
    confusion.update(np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]]))
    return confusion


def test_image_scores_have_the_suite_s_columns(tmp_path, confusion):
    pairs = [Pair("one", None, None)]
    path = tmp_path / "val_scores.csv"
    rows = [image_scores(confusion.matrix)]
    write_image_scores(path, ("val_name", "avg_accuracy"), pairs, rows, confusion.class_names)
    header, line = path.read_text().splitlines()
    assert header == "val_name, avg_accuracy, precision, recall, f1 score, mean iou, Sky, Road, Sign"
    # Sky: 1 of 2 right; Road: 2 of 2; Sign is not in the image, which counted as 1 in the suite.
    assert line.startswith("one, 0.750000, ") and line.endswith("0.500000, 1.000000, 1.000000")


def test_tables_show_percent_and_absence(confusion):
    scores = confusion.result()
    lines = class_table(scores).splitlines()
    assert "50.00 %" in lines[1] and lines[3].split() == ["Sign", "-", "-"]
    assert "75.00 %" in headline(scores)
    assert "accuracy 75.00" in suite_means([image_scores(confusion.matrix)])


def test_names_of_any_alphabet_are_aligned():
    confusion = ConfusionMatrix(3, ["道路", "Sky", "😀 a"])
    confusion.update(np.array([[0, 1]]), np.array([[0, 2]]))
    lines = class_table(confusion.result()).splitlines()
    assert len(set(map(display_width, lines[1:]))) == 1


def test_names_with_commas_are_quoted(tmp_path, confusion):
    path = tmp_path / "val_scores.csv"
    names = ["Road, paved", 'the "sky"', 'a"b,c']
    write_image_scores(path, ("n", "a"), [Pair("x, y", None, None)], [image_scores(confusion.matrix)], names)
    with path.open(newline="") as file:
        header, row = csv.reader(file, skipinitialspace=True)
    assert header[6:] == names and row[0] == "x, y" and len(header) == len(row) == 9
