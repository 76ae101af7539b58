"""The command compare_runs.py: on runs of train.py and test.py, and on damaged ones."""

import contextlib
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import test as test_command
import train
from tools import ROOT, compare_runs

FLAGS = "--model tiny --crop_height 32 --crop_width 32 --num_val_images 2 --num_epochs 2 --steps_per_epoch 1"


def run(*flags):
    """Runs the command line and returns its exit code."""
    try:
        return compare_runs.main([str(flag) for flag in flags])
    except SystemExit as end:
        return end.code


def rewrite(path, **changes):
    """Changes values in a JSON file."""
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, **changes}))


@pytest.fixture(scope="module")
def trained(streets, tmp_path_factory):
    """A folder with a run of two epochs, its test, and copies of the run with another fold and another seed."""
    folder = tmp_path_factory.mktemp("runs")
    dataset, output = folder / "Streets_fold1", "checkpoints/0"
    shutil.copytree(streets, dataset)
    with contextlib.chdir(folder):
        assert (
            train.main([*FLAGS.split(), "--dataset", str(dataset), "--output_dir", output, "--progress", "quiet"]) == 0
        )
        checkpoint = f"{output}/latest_model_tiny_Streets_fold1.keras"
        assert test_command.main(["--checkpoint_path", checkpoint, "--progress", "quiet"]) == 0
    for copy, changes in (
        ("0/{}tiny_Streets_fold2", {"dataset_path": str(folder / "Streets_fold2")}),
        ("1/{}tiny_Streets_fold1", {"seed": 1}),
    ):
        shutil.copytree(folder / output / "tiny_Streets_fold1", folder / "checkpoints" / copy.format(""))
        shutil.copy(folder / checkpoint, folder / "checkpoints" / f"{copy.format('latest_model_')}.keras")
        rewrite(folder / "checkpoints" / copy.format("") / "settings.json", **changes)
    return folder


@pytest.fixture
def copy(trained, tmp_path, monkeypatch):
    """A copy of that folder to work in."""
    shutil.copytree(trained, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")


def test_runs_of_train(copy, capsys):
    assert run("--csv", "runs.csv", "--json", "runs.json") == 0
    out, err = capsys.readouterr()
    assert (
        not err
        and "flags that differ" in out
        and "val loss" in out
        and "dataset=Streets_fold2," in out
        and "2 of 2" in out
    )
    with open("runs.csv", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["0/tiny_Streets_fold1", "0/tiny_Streets_fold2", "1/tiny_Streets_fold1"]
    tested = json.loads(pathlib.Path("Test/tiny_Streets_fold1/scores.json").read_text())
    with open("checkpoints/0/tiny_Streets_fold1/log.csv", newline="") as file:
        ious = [float(row["val_mean_iou"]) for row in csv.DictReader(file)]
    row = rows["0/tiny_Streets_fold1"]
    assert float(row["test_mean_iou"]) == tested["mean_iou"] and float(row["best_mean_iou"]) == max(ious)
    assert float(row["images_per_second"]) == tested["images_per_second"]
    assert (float(row["last_mean_iou"]), row["dataset"], row["seed"]) == (ious[-1], "Streets_fold1", "0")
    values = json.loads(pathlib.Path("runs.json").read_text())
    assert [value["name"] for value in values["runs"]] == list(rows) and not values["groups"] + values["problems"]
    assert values["runs"][0]["test_flags"]["checkpoint"] == "latest"


def test_folds_and_seeds(copy, capsys):
    assert run("checkpoints", "--folds", "--json", "-") == 0
    out, err = capsys.readouterr()
    groups = json.loads(out)["groups"]
    assert "validation used at most 2 images of a fold; train with --num_val_images 0" in err
    assert sorted(len(group["runs"]) for group in groups) == [1, 2] and "±: sample standard deviation" in err
    assert run("checkpoints/0", "checkpoints/1", "--seeds", "--folds", "--markdown", "--csv", "-") == 0
    out, err = capsys.readouterr()
    (row,) = csv.DictReader(out.splitlines())
    assert row["best_mean_iou_count"] == "3" and "| 3 | " in err and "| seed, fold | all |" in err
    assert run("--group_by", "dataset") == 0
    assert "dataset=Streets_fold1" in capsys.readouterr().out


def test_damaged_runs_do_not_hide_others(copy, capsys):
    folder = "checkpoints/0/tiny_Streets_fold"
    with open(f"{folder}1/log.csv", "a") as file:
        file.write("2,oops\n")
    with open(f"{folder}2/settings.json", "w") as file:
        file.write("{")
    assert run("checkpoints", "gone") == 1
    out, err = capsys.readouterr()
    assert out.count("tiny_Streets_fold") == 3
    assert err.count("\n") == 3 and "left out: gone is not there" in err
    assert f"note: {folder}1/log.csv is damaged in line 4; latest_model_tiny_Streets_fold1.keras was read" in err
    assert f"note: {folder}2/settings.json is not JSON" in err


def test_what_makes_runs_incomparable_is_said(copy, capsys):
    folder = pathlib.Path("checkpoints")
    rewrite(folder / "0" / "tiny_Streets_fold1" / "settings.json", class_names=["a", "b"])
    rewrite(folder / "1" / "tiny_Streets_fold1" / "settings.json", num_epochs=9)
    rewrite(folder / "0" / "tiny_Streets_fold2" / "settings.json", loss="dice", name="other")
    shutil.copytree("Test", "Test/again")
    assert run("--folds") == 0
    err = capsys.readouterr().err
    assert "the runs have different classes (2, 12): their mean IoUs are not comparable" in err
    assert "the runs have different losses: their val losses are not comparable" in err
    assert "1/tiny_Streets_fold1 is not complete: 2 of 9 epochs" in err
    assert "0/tiny_Streets_fold1 has 2 tests; the newest is shown, Test/" in err


@pytest.mark.parametrize(
    "flags, words",
    [
        ((), "no run: checkpoints is not there"),
        (("a", "b"), "a is not there; b is not there"),
        (("--csv", "-", "--json", "-"), "cannot both"),
        (("--group_by", ","), "has no name"),
    ],
)
def test_bad_flags(tmp_path, monkeypatch, capsys, flags, words):
    monkeypatch.chdir(tmp_path)
    assert run(*flags) == 2
    assert words in capsys.readouterr().err


def test_bad_groups_and_tests(copy, capsys):
    assert run("--group_by", "sed") == 2
    assert "no run has a flag 'sed'; did you mean seed?" in capsys.readouterr().err
    assert run("--tests", "nowhere") == 1
    assert "left out: --tests nowhere is not there" in capsys.readouterr().err


def test_keras_is_not_imported(copy):
    code = "import sys; from tools import compare_runs; compare_runs.main(['checkpoints', '--folds'])"
    code += "; assert not {'keras', 'tensorflow'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0 and "tiny_Streets_fold1" in done.stdout, done.stderr
