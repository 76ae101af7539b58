"""Training on several devices against training on one. Backends count their devices once: every case is a program."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import pytest

import train
from utils.losses import LOSSES

PROGRAMS = pathlib.Path(__file__).parent / "tiny"


def result_of(program, backend):
    """The JSON that a program of tests/tiny prints."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(PROGRAMS.parent.parent)}
    done = subprocess.run([sys.executable, PROGRAMS / program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def replicas():
    """Result of tiny_replicas.py."""
    return result_of("tiny_replicas.py", "tensorflow")


def test_losses_of_replicas_add_up_to_their_mean(replicas):
    assert set(replicas["losses"]) == set(LOSSES)
    for added, mean in replicas["losses"].values():
        assert added == pytest.approx(mean, rel=1e-6)


def test_two_replicas_train_as_one_device(replicas):
    one, two = replicas["one"], replicas["two"]
    assert two["numbers"] == pytest.approx(one["numbers"], rel=1e-6)
    assert two["weights"] == pytest.approx(one["weights"], abs=1e-6)
    assert two["state"] == one["state"] == {"frozen_updates": 2}


def test_each_image_is_predicted_once(replicas):
    assert replicas["two"]["shape"] == replicas["one"]["shape"] == [3, 32, 32, 3]


needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")


@needs_jax
def test_two_devices_of_jax_train_as_one():
    differences = result_of("tiny_devices.py", "jax")
    assert max(differences["without batch norm"]) < 1e-6
    assert max(differences["combined"]) < 1e-4  # batch norm amplifies rounding


@needs_jax
def test_two_processes_score_as_one(streets, tmp_path, blank_plots):
    flags = ["--model", "tiny", "--dataset", str(streets), "--num_epochs", "1", "--output_dir", str(tmp_path)]
    train.main([*flags, "--crop_height", "32", "--crop_width", "32", "--num_val_images", "1", "--no_report"])
    command = [sys.executable, PROGRAMS / "tiny_model.py", "test.py", "--checkpoint_path"]
    command += [tmp_path / "latest_model_tiny_Streets.keras", "--output_dir"]
    launcher = [sys.executable, "tools/launch_local.py", "--processes", "2"]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "JAX_PLATFORMS": "cpu"}
    for words in ([*command, tmp_path / "one"], [*launcher, *command, tmp_path / "two", "--distribute", "cluster"]):
        done = subprocess.run(words, cwd=PROGRAMS.parents[1], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
    one, two = tmp_path / "one", tmp_path / "two"
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in two.iterdir())
    for path in one.glob("*.csv"), one.glob("*_pred.png"):
        assert all((two / file.name).read_bytes() == file.read_bytes() for file in path)
    scores = [json.loads((folder / "scores.json").read_text()) for folder in (one, two)]
    for found in scores:
        del found["images_per_second"], found["settings"]
    assert scores[0] == scores[1]
