"""The comparison of recipes, with a network that trains in a second."""

import json

import pytest

import test as test_command
import train
from tools import compare_recipes, flag_words
from tools.compare_recipes import BY_HAND, DATASETS, RECIPES, conclude, recipe_flags
from tools.results.records import experiment_names
from utils.cli import parse, train_parser


@pytest.mark.parametrize("dataset", DATASETS)
def test_flags_of_recipes_are_valid(dataset):
    assert BY_HAND[dataset] in experiment_names()
    for recipe in RECIPES:
        flags = recipe_flags(dataset, recipe, "mobilenet.weights.h5")
        args, _ = parse(train_parser(), flag_words(flags))
        assert (args.ignore_class == ["Unlabelled"]) == dataset.startswith("CamVid")
        assert not {"num_epochs", "dataset"} & set(flags)
    assert recipe_flags(dataset, "auto", None).get("frontend_weights") is None


def test_by_hand_are_the_recorded_flags_and_defaults_are_defaults():
    by_hand = recipe_flags("CamVid", "by hand", "w.h5")
    assert by_hand["recipe"] == "strong" and by_hand["model"] == "custom" and by_hand["frontend_weights"] == "w.h5"
    assert recipe_flags("Streets", "by hand", "w.h5")["frontend_weights"] == "none"
    assert recipe_flags("Streets", "defaults", "w.h5") == {}


@pytest.mark.usefixtures("blank_plots")
def test_results_are_added_one_by_one(streets, tmp_path, monkeypatch, capsys):
    calls, commands = [], {"train.py": train.main, "test.py": test_command.main}

    def run_command(command, flags, *words, quiet):
        calls.append(command)
        flags = dict(flags)
        if flags.pop("minutes", None):  # the time decides about more steps than a test has
            flags |= {"num_epochs": 1, "steps_per_epoch": 1, "num_val_images": 1, "crop_height": 32, "crop_width": 32}
        assert quiet and commands[command]([*words, *flag_words(flags)]) == 0

    monkeypatch.setattr(compare_recipes, "run_command", run_command)
    monkeypatch.setattr(compare_recipes, "find_dataset", lambda name, camvid, output: streets)
    monkeypatch.setattr(compare_recipes, "recipe_flags", lambda dataset, recipe, weights: {"model": "tiny"})
    results = tmp_path / "results.json"
    flags = ["--minutes", "2", "--datasets", "Streets", "--output_dir", str(tmp_path / "out")]
    flags += ["--results", str(results)]
    assert compare_recipes.main([*flags, "--recipes", "auto"]) == 0
    assert compare_recipes.main(flags) == 0
    assert calls == ["train.py", "test.py"] * 3  # auto was measured before
    written = json.loads(results.read_text())
    assert written["minutes"] == 2 and written["scores"]["Streets"].keys() == set(RECIPES)
    row = written["scores"]["Streets"]["auto"]
    assert 0 < row["mean_iou"] < 1 and row["epochs"] == 1 and row["flags"]["model"] == "tiny"
    assert "on 1, as the flags by hand on 1 of 1" in capsys.readouterr().out
    monkeypatch.setattr(compare_recipes, "RESULTS", results)
    assert "| Streets |" in compare_recipes.recipes_table()


def test_conclusion_counts_complete_datasets():
    def row(*scores):
        return {recipe: {"mean_iou": score} for recipe, score in zip(RECIPES, scores)}

    text = conclude({"a": row(0.1, 0.3, 0.2), "b": row(0.1, 0.2, 0.2), "c": row(0.1)})
    assert "defaults on 2" in text and "by hand on 1 of 2" in text
