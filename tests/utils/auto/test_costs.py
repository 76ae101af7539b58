"""Memory and time of a training step: against the layers of the networks, and against real steps."""

import json
import subprocess
import sys

import pytest

from utils.auto.costs import COSTS, step_seconds, training_memory
from utils.auto.network_costs import measure_costs

STEPS = """
import json, sys
from utils.backend import import_backend
from utils.cli.arguments import train_parser
settings = {**vars(train_parser().parse_args([])), **json.loads(sys.argv[1])}
import_backend()
from utils.benchmark.timing import process_memory
from utils.training.build import build_training_model, output_names
from utils.training.step_time import RepeatedBatch, random_batch
model = build_training_model(settings)
model.fit(RepeatedBatch(random_batch(settings, output_names(settings)), 3), shuffle=False, verbose=0)
print(process_memory())
"""


@pytest.mark.parametrize("name", COSTS)
def test_constants_are_those_of_the_layers(name):
    counted, constants = measure_costs(*name), COSTS[name]
    assert counted.parameters == constants.parameters
    assert counted.feature_bytes == pytest.approx(constants.feature_bytes, rel=0.02)
    assert (counted.class_bytes, counted.class_parameters) == (constants.class_bytes, constants.class_parameters)
    assert counted.seconds == pytest.approx(constants.seconds, rel=0.35)  # recorded ones have their own efficiency


def test_memory_rises_with_everything():
    costs = COSTS["custom", "MobileNet"]
    least = training_memory(costs, 10_000, 2, "bfloat16")
    assert least < training_memory(costs, 10_000, 2, "float32") < training_memory(costs, 10_000, 150, "float32")
    assert least < training_memory(costs, 20_000, 2, "bfloat16")
    assert training_memory(costs, 10_000, 2) < training_memory(COSTS["ExFuse", "MobileNet"], 10_000, 2)


def test_seconds_scale_with_pixels_and_speed():
    costs = COSTS["custom", "MobileNet"]
    assert step_seconds(costs, 1_000_000, 2.0) == pytest.approx(costs.seconds / 2)
    assert step_seconds(costs, 1_000_000, 1.0) == pytest.approx(costs.seconds)


@pytest.mark.sweep
@pytest.mark.parametrize(
    "model, frontend, batch, height, width, classes, precision",
    [
        ("custom", "MobileNet", 4, 224, 320, 12, "float32"),
        ("custom", "MobileNet", 4, 224, 320, 100, "float32"),
        ("custom", "MobileNetV3Small", 8, 160, 224, 12, "bfloat16"),
        ("ExFuse", "MobileNet", 4, 224, 320, 12, "float32"),
        ("ExFuse", "MobileNet", 4, 224, 320, 100, "float32"),
        ("DeepLabV3_plus", "ResNet50", 2, 224, 320, 12, "float32"),
    ],
)
def test_estimates_are_not_below_real_steps(model, frontend, batch, height, width, classes, precision):
    """Peak memory of processes that train three steps: the estimate is above, and not by more than a half."""
    flags = {"model": model, "frontend": frontend, "batch_size": batch, "crop_height": height, "crop_width": width}
    flags |= {"frontend_weights": "none", "optimizer": "adamw", "loss": "cross_entropy_lovasz", "num_classes": classes}
    flags |= {"mixed_precision": precision}
    done = subprocess.run([sys.executable, "-c", STEPS, json.dumps(flags)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    measured = float(done.stdout.split()[-1]) * 2**20
    estimate = training_memory(COSTS[model, frontend], batch * height * width, classes, precision)
    assert measured <= estimate <= 1.6 * measured
