"""The frontend is frozen in a first phase. As a program, this file checks one combination on any backend."""

import importlib.util
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "tiny")]

import keras
import numpy as np
import pytest
import tiny_model  # noqa: F401  registers the network

from models import frontend_layers
from utils.cli import train_parser
from utils.training.build import build_training_model
from utils.training.freezing import frontend_phase

COMBINATIONS = [
    ("adamw", "--accumulate", "2"),
    ("sgd", "--remat"),
    ("rmsprop", "--mixed_precision", "float16"),
]


def check(optimizer, *more):
    """Trains two epochs with the frontend frozen and two without."""
    flags = "--model tiny-frontend --frontend MobileNetV3Small --frontend_weights none --crop_height 32 --crop_width 32"
    more = ["--weight_decay", "0.01", "--learning_rate", "0.01", "--frontend_learning_rate", "0.5", *more]
    arguments = [*flags.split(), "--optimizer", optimizer, *more]
    settings = {**vars(train_parser().parse_args(arguments)), "num_classes": 3}
    model, state = build_training_model(settings, None, 10), {}
    frontend = [weight for layer in frontend_layers(model) for weight in layer.weights]
    rest = [variable for variable in model.trainable_variables if id(variable) not in set(map(id, frontend))]
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (4, 32, 32, 3), np.uint8), rng.integers(0, 3, (4, 32, 32), np.uint8)
    values = []
    for epoch in range(2):
        before = [[keras.ops.convert_to_numpy(x) for x in some] for some in (frontend, rest)]
        with frontend_phase(model, epoch == 0, state):
            model.fit(images, dict.fromkeys(("logits", "auxiliary"), labels), batch_size=2, epochs=2, verbose=0)
        values.append(
            [
                [not np.array_equal(x, keras.ops.convert_to_numpy(y)) for x, y in zip(*pair)]
                for pair in zip(before, (frontend, rest))
            ]
        )
    (frozen, decoder), (trained, _) = values
    assert frozen and not any(frozen) and all(decoder) and sum(trained) > 0.9 * len(trained)
    assert state == {"frozen_updates": 4 // settings["accumulate"]}


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_the_frontend_is_frozen_and_then_trains(combination):
    try:
        check(*combination)
    finally:
        keras.mixed_precision.set_global_policy("float32")


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
@pytest.mark.parametrize("combination", COMBINATIONS)
def test_on_jax(combination):
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    done = subprocess.run([sys.executable, __file__, *combination], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


if __name__ == "__main__":
    check(*sys.argv[1:])
