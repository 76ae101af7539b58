"""The command time_experiments.py: measurement, recording and plot."""

import json

import cv2
import pytest

from tools import time_experiments
from tools.results import records
from tools.speed import timing

RESULT = {"mean_iou": 0.5, "class_iou": {"Sky": 0.5, "Road": 0.5}}


@pytest.fixture
def experiments(tmp_path, monkeypatch):
    """Four experiments: a network, worse and better trained, the same with two views, and one without a result."""
    monkeypatch.setattr(records, "EXPERIMENTS", tmp_path)
    monkeypatch.setattr(time_experiments, "LATENCIES", tmp_path / "results" / "latency.json")
    monkeypatch.setattr(time_experiments, "FIGURE", tmp_path / "results" / "latency.png")
    monkeypatch.setattr(timing, "LEAST_SECONDS", 0.0)
    (tmp_path / "results").mkdir()
    train = {"model": "tiny", "dataset": "CamVid"}
    records.write_experiment(
        "worse",
        {
            "table": "camvid",
            "train": train,
            "test": {},
            "result": {**RESULT, "mean_iou": 0.4},
        },
    )
    records.write_experiment("once", {"table": "camvid", "train": train, "test": {"batch_size": 2}, "result": RESULT})
    records.write_experiment(
        "twice",
        {
            "table": "camvid",
            "train": "once",
            "test": {"scales": "1,1.5"},
            "result": {**RESULT, "mean_iou": 0.6},
        },
    )
    records.write_experiment("never", {"table": "camvid", "train": train, "test": {}})
    return tmp_path / "results"


def test_every_recorded_network_is_timed_with_all_its_views(experiments, capsys):
    assert time_experiments.main(["--rounds", "3"]) == 0
    written = json.loads((experiments / "latency.json").read_text())
    once, twice = "tiny, from scratch", "tiny, from scratch, 2 views at 1-1.5"
    assert set(written["milliseconds"]) == set(written["parameters"]) == {once, twice}
    assert 0 < written["milliseconds"][once] < written["milliseconds"][twice]
    assert written["rounds"] == 3 and written["machine"]["cores"] >= 1
    assert written["parameters"][once] == written["parameters"][twice] > 0
    assert cv2.imread(str(experiments / "latency.png")).shape[0] > 200
    printed = capsys.readouterr().out
    assert "mean IoU 60.00 %" in printed and "mean IoU 50.00 %" in printed and "mean IoU 40.00 %" not in printed


def test_without_a_recorded_experiment_there_is_nothing_to_measure(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(records, "EXPERIMENTS", tmp_path)
    with pytest.raises(SystemExit) as end:
        time_experiments.main([])
    assert end.value.code == 2 and "--record" in capsys.readouterr().err
