"""The comparison of networks, on the generated dataset."""

import json

import cv2
import numpy as np
import pytest
import tiny_model

import predict
import test as test_command
import train
from tools import compare_models, flag_words
from utils.errors import RunError


def paint(path, label):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.array(label, np.uint8))


def test_baseline_is_the_map_of_the_most_frequent_classes(tmp_path):
    """Two columns, two classes: the left column is mostly 0, the right one always 1."""
    (tmp_path / "class_dict.csv").write_text("name,r,g,b\na,10,0,0\nb,20,0,0\n")
    for split, labels in {"train": ([[0, 1]], [[0, 1]], [[1, 1]]), "test": ([[0, 1]], [[1, 1]])}.items():
        for number, label in enumerate(labels):
            paint(tmp_path / split / f"{number}.png", np.zeros((1, 2, 3)))
            paint(tmp_path / f"{split}_labels" / f"{number}.png", label)
    # Predicted 0, 1 twice; true 0, 1 and 1, 1: class a hits 1 of 2, class b 2 of 3.
    assert compare_models.layout_baseline(tmp_path) == pytest.approx((1 / 2 + 2 / 3) / 2)


@pytest.fixture
def in_process(monkeypatch):
    """Runs the commands in this process, where the network "tiny" is registered, and records their names."""
    calls = []
    commands = {"train.py": train.main, "test.py": test_command.main, "predict.py": predict.main}

    def run_command(command, flags, *words, quiet, threads):
        calls.append(command)
        assert quiet and threads and commands[command]([*words, *flag_words(flags)]) == 0

    flags = {**compare_models.FLAGS, "crop_height": 32, "crop_width": 32}
    monkeypatch.setattr(compare_models, "run_command", run_command)
    monkeypatch.setattr(compare_models, "FLAGS", flags)
    monkeypatch.setattr(compare_models, "MOST_STEPS", 8)
    monkeypatch.setattr(compare_models, "FEWEST_STEPS", 1)
    return calls


@pytest.mark.usefixtures("blank_plots")
def test_every_network_is_trained_tested_and_predicted(streets, in_process, tmp_path):
    flags = ["--models", "tiny", "--dataset", str(streets), "--jobs", "1"]
    results = tmp_path / "results.json"
    assert compare_models.main([*flags, "--output_dir", str(tmp_path / "out"), "--results", str(results)]) == 0
    assert in_process == ["train.py", "test.py", "predict.py"]
    written = json.loads(results.read_text())
    row = written["models"]["tiny"]
    assert 0 < row["last_loss"] < row["first_loss"] and row["steps"] % 4 == 0
    assert 0 < row["mean_iou"] < 1 and 0 < written["baseline"] < 1
    assert list((tmp_path / "out" / "tiny").glob("*_overlay.png"))


def test_a_failure_does_not_stop_the_rest(streets, in_process, tmp_path, monkeypatch, capsys):
    def fail(command, flags, **options):
        raise RunError(f"{command} failed: the disk is full")

    monkeypatch.setattr(compare_models, "run_command", fail)
    flags = ["--models", "tiny", "custom", "--dataset", str(streets), "--results", str(tmp_path / "results.json")]
    with pytest.raises(SystemExit) as exit_:
        compare_models.main([*flags, "--output_dir", str(tmp_path)])
    assert exit_.value.code == 1
    assert (
        "custom: train.py failed: the disk is full; tiny: train.py failed: the disk is full" in capsys.readouterr().err
    )


def test_computation_bounds_the_steps():
    assert compare_models.steps_per_epoch("tiny", 1e6) == compare_models.MOST_STEPS
    assert compare_models.steps_per_epoch("tiny", 0.0) == compare_models.FEWEST_STEPS
    assert compare_models.steps_per_epoch("UNet", 6) < compare_models.steps_per_epoch("custom", 6)


def test_recorded_results_are_of_networks_that_learn():
    results = json.loads(compare_models.RESULTS.read_text(encoding="utf-8"))
    assert set(results["models"]) == set(compare_models.MODELS) - set(tiny_model.NAMES)
    for name, row in results["models"].items():
        assert row["last_loss"] < row["first_loss"], name
        assert 1.2 * results["baseline"] < row["mean_iou"] < 1, name
