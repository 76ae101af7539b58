"""Training on two devices of TensorFlow against training on one, both by tiny_replicas.py."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import pytest

from utils.losses import LOSSES
from utils.replicas import num_replicas, replica_scope, set_replicas

ROOT = pathlib.Path(__file__).parents[2]

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("TensorFlow is not installed", allow_module_level=True)


def result_of(*arguments):
    """The JSON that tiny_replicas.py prints."""
    command = [sys.executable, ROOT / "tests" / "tiny" / "tiny_replicas.py", *arguments]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def found():
    return result_of()


def test_losses_of_replicas_add_up(found):
    """To the loss of the whole batch, in whose halves other numbers of pixels are ignored; or to the mean of halves."""
    assert set(found["losses"]) == {*LOSSES, "presence", "border"}
    for name, (added, whole, mean) in found["losses"].items():
        assert whole != pytest.approx(mean, rel=1e-5), name
        if name not in LOSSES or LOSSES[name].additive:
            assert added == pytest.approx(whole, rel=1e-6), name
    assert found["losses"]["lovasz"][0] == pytest.approx(found["losses"]["lovasz"][2], rel=1e-6)


def test_two_replicas_train_as_one_device(found):
    one, two = found["one"], found["two"]
    assert (one["line"], two["line"]) == (None, "Devices --> 2 of 2, with 2 images of each batch")
    assert two["numbers"] == pytest.approx(one["numbers"], rel=1e-6)
    assert two["weights"] == pytest.approx(one["weights"], abs=1e-6)
    assert two["state"] == one["state"] == {"frozen_updates": 5}
    assert set(two["synchronized"]) == {True} and set(one["synchronized"]) == {False}


def test_accumulated_gradients_of_all_replicas_count(found):
    one, two = found["accumulated"]
    assert two == pytest.approx(one, rel=1e-6)
    assert one[0] == 1.0 != one[1] == one[2] != one[3]


def test_each_image_is_predicted_once(found):
    assert found["two"]["shape"] == found["one"]["shape"] == [3, 32, 32, 3]


def test_an_infinite_gradient_of_one_replica_is_noticed(found):
    """It is named; in float16 its update is left out, and the loss is scaled by half as much."""
    single, half = found["overflow"]
    assert single["bad"] == ["b"]
    assert half == {"bad": None, "scale": 0.5, "weights": [1.0, 1.0]}


@pytest.mark.sweep
def test_a_run_resumes_on_one_device(streets, tmp_path):
    one, two, resumed = result_of(streets, tmp_path).values()
    assert one["code"] == two["code"] == resumed["code"] == 0
    assert len(two["rows"]) == 1 and len(one["rows"]) == len(resumed["rows"]) == 2
    for name in ("loss", "val_loss"):
        values = [[float(row[name]) for row in run["rows"]] for run in (one, resumed)]
        assert values[1] == pytest.approx(values[0], rel=1e-4)
    assert '"synchronized": false' in two["config"] and '"synchronized": true' not in two["config"]


def test_one_device_has_no_strategy():
    set_replicas(["cpu:0"])
    with replica_scope():
        assert num_replicas() == 1
