"""The latency of recorded recipes: measured, written, drawn."""

import json

import cv2
import pytest

from tools import reproduce
from tools import time_experiments as time_recipes

RESULT = {"mean_iou": 0.5, "class_iou": {"Sky": 0.5, "Road": 0.5}}


@pytest.fixture
def recipes(tmp_path, monkeypatch):
    """Four recipes: a network, worse and better trained, the same with two views, and one without a result."""
    monkeypatch.setattr(reproduce, "RECIPES", tmp_path)
    monkeypatch.setattr(time_recipes, "RESULTS", tmp_path / "results" / "latency.json")
    monkeypatch.setattr(time_recipes, "PICTURE", tmp_path / "results" / "latency.png")
    (tmp_path / "results").mkdir()
    train = {"model": "tiny", "dataset": "CamVid"}
    reproduce.write_recipe(
        "worse",
        {
            "table": "camvid",
            "train": train,
            "test": {},
            "result": {**RESULT, "mean_iou": 0.4},
        },
    )
    reproduce.write_recipe("once", {"table": "camvid", "train": train, "test": {"batch_size": 2}, "result": RESULT})
    reproduce.write_recipe(
        "twice",
        {
            "table": "camvid",
            "train": "once",
            "test": {"scales": "1,1.5"},
            "result": {**RESULT, "mean_iou": 0.6},
        },
    )
    reproduce.write_recipe("never", {"table": "camvid", "train": train, "test": {}})
    return tmp_path / "results"


def test_every_recorded_network_is_timed_with_all_its_views(recipes, capsys):
    assert time_recipes.main(["--rounds", "3"]) == 0
    written = json.loads((recipes / "latency.json").read_text())
    once, twice = "tiny, from scratch", "tiny, from scratch, 2 views at 1-1.5"
    assert set(written["milliseconds"]) == set(written["parameters"]) == {once, twice}
    assert 0 < written["milliseconds"][once] < written["milliseconds"][twice]
    assert written["rounds"] == 3 and written["machine"]["cores"] >= 1
    assert written["parameters"][once] == written["parameters"][twice] > 0
    assert cv2.imread(str(recipes / "latency.png")).shape[0] > 200
    printed = capsys.readouterr().out
    assert "mean IoU 60.00 %" in printed and "mean IoU 50.00 %" in printed and "mean IoU 40.00 %" not in printed


def test_views_are_told():
    recipe = {"train": {"model": "custom"}, "test": {"scales": "1,2,1.5", "flip": True}}
    assert time_recipes.title(recipe) == "custom, 6 views at 1-2"
    assert time_recipes.title({**recipe, "test": {}}) == "custom"
    assert time_recipes.title({**recipe, "test": {"flip": True}}) == "custom, 2 views"
    recipe["train"]["mixed_precision"] = "bfloat16"
    assert time_recipes.title(recipe) == "custom, bfloat16, 6 views at 1-2"
    recipe["train"]["output_stride"] = 16
    assert time_recipes.title({**recipe, "test": {"scales": "1.5"}}) == "custom, stride 16, bfloat16, scale 1.5"
    assert time_recipes.title({"train": {"model": "UNet"}, "test": {}}) == "UNet, from scratch"
    recipe = {"train": {"model": "UNet"}, "test": {"batch_statistics": True}}
    assert time_recipes.title(recipe) == "UNet, from scratch, batch statistics"


def test_the_line_is_of_those_that_none_beats():
    points = [(30, 60), (10, 40), (20, 70), (20, 50), (15, 39)]
    assert time_recipes.frontier(points) == [(10, 40), (20, 70)]


def test_without_a_recorded_recipe_there_is_nothing_to_measure(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reproduce, "RECIPES", tmp_path)
    with pytest.raises(SystemExit) as end:
        time_recipes.main([])
    assert end.value.code == 2 and "--record" in capsys.readouterr().err
