import json

import numpy as np
import pytest
from tiny_peers import run_as_peers

from utils.class_dict import ClassDict
from utils.data import label_counts
from utils.data.folder import Pair
from utils.data.label_counts import COUNTS, count_labels
from utils.data.labels import write_label
from utils.errors import UsageError
from utils.progress import Console


@pytest.fixture
def dataset(tmp_path):
    """Five pairs, of which label `n` has `n` pixels of the second class and 10 of the first, and their classes."""
    classes = ClassDict(["a", "b"], [(0, 0, 0), (9, 9, 9)], label_format="indices")
    classes.readings = {"gray": "indices"}
    pairs = [Pair(str(n), tmp_path / f"{n}.jpg", tmp_path / f"{n}.png") for n in range(5)]
    for n, pair in enumerate(pairs):
        write_label(pair.label, np.array([[0] * 10 + [1] * n], np.uint8))
    return tmp_path, pairs, classes


@pytest.fixture
def opened(monkeypatch):
    """The labels that are read."""
    paths, real = [], label_counts.label_statistics
    monkeypatch.setattr(label_counts, "label_statistics", lambda *words: paths.append(words[0]) or real(*words))
    return paths


def test_labels_are_counted_once(dataset, opened, capsys):
    folder, pairs, classes = dataset
    counts = [part.tolist() for part in count_labels([folder], pairs, classes, console=Console("plain"))]
    assert counts == [[50, 10], [60, 50]] and len(opened) == 5
    assert "Labels: 5/5" in capsys.readouterr().out
    assert [part.tolist() for part in count_labels([folder], pairs, classes, console=Console("plain"))] == counts
    assert len(opened) == 5 and f"counted before, in {folder / COUNTS}" in capsys.readouterr().out


def test_another_label_or_reading_is_counted_anew(dataset, opened):
    folder, pairs, classes = dataset
    count_labels([folder], pairs, classes)
    write_label(pairs[0].label, np.array([[1] * 3], np.uint8))
    assert count_labels([folder], pairs, classes)[0].tolist() == [40, 13]
    assert count_labels([folder], pairs[1:], classes)[0].tolist() == [40, 10]
    (folder / COUNTS).write_text("no json")
    assert count_labels([folder], pairs[1:], classes)[0].tolist() == [40, 10] and len(opened) == 5 + 5 + 4 + 4
    assert json.loads((folder / COUNTS).read_text())["pixels"] == [40, 10]


@pytest.mark.parametrize("pixels", ["many", [1], [1, -1], [1, 2.5], [1, 10**30], [[1], [2]], {"a": 1}, None])
def test_kept_counts_that_are_damaged_are_counted_anew(dataset, opened, pixels):
    folder, pairs, classes = dataset
    counts = [part.tolist() for part in count_labels([folder], pairs, classes)]
    kept = json.loads((folder / COUNTS).read_text())
    (folder / COUNTS).write_text(json.dumps({**kept, "pixels": pixels}))
    assert [part.tolist() for part in count_labels([folder], pairs, classes)] == counts and len(opened) == 10


def test_processes_share_the_labels_out(dataset, opened):
    folder, pairs, classes = dataset
    counts = run_as_peers(3, lambda peers: [part.tolist() for part in count_labels([folder], pairs, classes, 1, peers)])
    assert counts == [[[50, 10], [60, 50]]] * 3 and sorted(opened) == [pair.label for pair in pairs]


def test_problems_name_the_files(dataset):
    folder, pairs, classes = dataset
    pairs[1].label.write_bytes(b"")
    write_label(pairs[3].label, np.array([[0, 7]], np.uint8))
    with pytest.raises(
        UsageError, match="(?s)2 problems:.*1.png: damaged.*3.png: 1 value that class_dict.csv does not"
    ):
        count_labels([folder], pairs, classes)
    assert not (folder / COUNTS).exists()
