"""Text and files of a run."""

import csv
import json

import numpy as np
import pytest

from utils.data.folder import Pair
from utils.errors import RunError
from utils.evaluation.reports import (
    class_table,
    duration,
    headline,
    make_folder,
    suite_means,
    write_image_scores,
    write_json,
    write_rows,
)
from utils.metrics import ConfusionMatrix, image_scores


@pytest.fixture
def confusion():
    confusion = ConfusionMatrix(3, ["Sky", "Road", "Sign"])
    confusion.update(np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]]))
    return confusion


def test_rows_of_different_columns_share_a_header(tmp_path):
    write_rows(tmp_path / "log.csv", [{"epoch": 0, "loss": 1.5}, {"epoch": 1, "loss": 1.0, "val_mean_iou": 0.5}])
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {"epoch": "0", "loss": "1.5", "val_mean_iou": ""} and rows[1]["val_mean_iou"] == "0.5"


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


@pytest.mark.parametrize(
    "seconds, words",
    [(59.6, "0 hours 1 minutes 0 seconds"), (3725, "1 hours 2 minutes 5 seconds"), (0, "0 hours 0 minutes 0 seconds")],
)
def test_duration(seconds, words):
    assert duration(seconds) == words


def test_json_round_trip_and_refused_disk(tmp_path):
    write_json(tmp_path / "a.json", {"name": "Straße", "value": None})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"name": "Straße", "value": None}
    with pytest.raises(RunError, match="nowhere"):
        write_json(tmp_path / "nowhere" / "a.json", {})
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError):
        make_folder(tmp_path / "file" / "folder")
