"""A recipe is recorded, reproduced, missed."""

import importlib.util
import json
import pathlib

import pytest

import train
from tools import reproduce
from utils.cli import test_parser as parser_of_test
from utils.cli import train_parser
from utils.errors import RunError
from utils.settings import read_checkpoint

spec = importlib.util.spec_from_file_location("suite_test", pathlib.Path(train.__file__).with_name("test.py"))
test_verb = importlib.util.module_from_spec(spec)
spec.loader.exec_module(test_verb)

RECIPE = {
    "about": "a test",
    "table": "all",
    "tolerance": 0.02,
    "test": {"batch_size": 2},
    "train": {
        "model": "tiny",
        "dataset": "Streets",
        "crop_height": 64,
        "crop_width": 64,
        "batch_size": 5,
        "num_epochs": 2,
        "ignore_class": ["Unlabelled"],
        "num_val_images": 1,
        "learning_rate": 0.01,
        "h_flip": True,
    },
}


@pytest.fixture
def recipes(tmp_path, monkeypatch):
    """A folder with the recipe "small", and the verbs run in this process, where the network "tiny" is registered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reproduce, "RECIPES", tmp_path / "recipes")
    (tmp_path / "recipes").mkdir()
    reproduce.write_recipe("small", RECIPE)
    verbs = {"train.py": train.main, "test.py": test_verb.main}

    def call(verb, flags, *more):
        assert verbs[verb]([*more, *reproduce.words(flags)]) == 0

    monkeypatch.setattr(reproduce, "call", call)
    return tmp_path / "recipes"


def run(streets, *more):
    return reproduce.main(["small", "--dataset", str(streets), *more])


def test_what_is_recorded_is_reproduced_and_a_miss_is_a_failure(recipes, streets, capsys):
    assert run(streets, "--record", "--output_dir", "first") == 0
    recorded = json.loads((recipes / "small.json").read_text())
    result = recorded["result"]
    assert {**recorded, "result": None} == {**RECIPE, "result": None}
    assert result["epochs"] == 2 and result["images"] == 5 and "Unlabelled" not in result["class_iou"]
    assert len(result["history"]["loss"]) == 2 and max(result["history"]["val_mean_iou"]) <= 1
    assert 0 < result["mean_iou"] < 1 and result["train_minutes"] < 2 and result["versions"]["keras"]
    scores = json.loads(pathlib.Path("first/small/test/scores.json").read_text())
    assert result["mean_iou"] == pytest.approx(scores["mean_iou"], abs=1e-5)
    assert run(streets, "--output_dir", "second") == 0  # trains again
    assert "recorded" in capsys.readouterr().out
    reproduce.write_recipe("small", {**recorded, "result": {**result, "mean_iou": result["mean_iou"] + 0.03}})
    with pytest.raises(SystemExit) as end:
        run(streets, "--output_dir", "second")  # complete: only tests
    assert end.value.code == 1 and "3.0" in capsys.readouterr().err


def test_a_recipe_may_test_or_train_on_what_another_one_trained(recipes, streets):
    further = {**RECIPE["train"], "init_from": "small", "num_epochs": 1, "learning_rate": 0.001}
    reproduce.write_recipe("small_twice", {**RECIPE, "train": "small", "test": {"scales": "1,1.5", "flip": True}})
    reproduce.write_recipe("small_further", {**RECIPE, "train": further})
    for name in ("small_further", "small_twice", "small"):
        assert reproduce.main([name, "--dataset", str(streets), "--record", "--output_dir", "out"]) == 0
    results = {name: reproduce.read_recipe(name)["result"] for name in reproduce.names()}
    assert list(reproduce.recorded("all")) == sorted(results, key=lambda name: -results[name]["mean_iou"])
    once, twice, more = (results[f"small{end}"] for end in ("", "_twice", "_further"))
    assert once["train_minutes"] == twice["train_minutes"] and once["mean_iou"] != twice["mean_iou"]
    assert more["epochs"] == 3 and more["train_minutes"] >= once["train_minutes"]
    assert len(more["history"]["loss"]) == 1
    settings, _ = read_checkpoint("out/small_further/latest_model_tiny_Streets.keras")
    assert settings["init_from"] == str(pathlib.Path("out/small/latest_model_tiny_Streets.keras"))
    assert not pathlib.Path("out/small_twice/latest_model_tiny_Streets.keras").exists()
    assert reproduce.recorded("all")["small_twice"]["train"] == RECIPE["train"] and not reproduce.recorded("other")


def test_recipes_are_listed_and_unknown_ones_refused(recipes, capsys):
    assert reproduce.main([]) == 0
    assert capsys.readouterr().out == "small: a test\n"
    with pytest.raises(SystemExit) as end:
        reproduce.main(["smal"])
    assert end.value.code == 2 and "did you mean small?" in capsys.readouterr().err


def test_a_verb_that_fails_ends_it():
    with pytest.raises(RunError, match="train.py ended with exit code 2"):
        reproduce.call("train.py", {"model": "nothing"})


@pytest.mark.parametrize("name", reproduce.names())
def test_recipes_of_the_suite_are_accepted(name):
    recipe = reproduce.read_recipe(name)
    train_parser().parse_args(reproduce.words(reproduce.training_flags(name)))
    parser_of_test().parse_args(reproduce.words(recipe["test"]))
    assert 0 < recipe["tolerance"] < 0.1 and recipe["about"]
