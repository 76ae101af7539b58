"""Training on several devices against training on one. Engines count their devices once: every case is a program."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from utils.losses import LOSSES

PROGRAMS = pathlib.Path(__file__).parent / "tiny"


@pytest.fixture(scope="module")
def replicas():
    """Result of tiny_replicas.py, in TensorFlow."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(PROGRAMS.parent.parent)}
    done = subprocess.run(
        [sys.executable, PROGRAMS / "tiny_replicas.py"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


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
