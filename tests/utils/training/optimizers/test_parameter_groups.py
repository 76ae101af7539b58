"""A group with its own factor, and one that was frozen, against steps of Keras's optimizers."""

import keras
import numpy as np
import pytest

from utils.cli.choices import OPTIMIZERS
from utils.training.optimizers import build_optimizer, keras_optimizers

CLASSES = {"rmsprop": "RMSprop", "adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}


def after(optimizer, variables, selected, steps=3):
    """Variables after steps in which the optimizer sees only the selected ones."""
    rng = np.random.default_rng(0)
    for _ in range(steps):
        gradients = [rng.normal(size=variable.shape).astype("float32") for variable in variables]
        pairs = [pair for pair, take in zip(zip(gradients, variables), selected) if take]
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient, _ in pairs], [v for _, v in pairs])
    return [np.array(variable) for variable in variables]


def pair_of_variables():
    return [keras.Variable([1.0, -2.0], name="kernel"), keras.Variable([3.0, 4.0], name="kernel")]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("kind", ["fused", "plain"])
def test_the_factor_is_that_of_a_learning_rate_and_of_weight_decay(name, kind):
    """The group moves as with a tenth of the learning rate, the rest as without a factor."""

    def build(rate):
        if kind == "fused":
            return build_optimizer(name, rate, weight_decay=0.5)
        return getattr(keras_optimizers, CLASSES[name])(rate, weight_decay=0.5)

    results = []
    for rate, factor in ((0.1, 0.1), (0.1, 1.0), (0.01, 1.0)):
        variables, optimizer = pair_of_variables(), build(rate)
        optimizer.build(variables)
        optimizer.set_parameter_group(variables[1:], factor)
        results.append(after(optimizer, variables, (True, True)))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-6)
    np.testing.assert_allclose(results[0][1], results[2][1], rtol=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_group_that_was_frozen_starts_as_at_the_first_step(name, accumulate):
    """After four steps without it, the group takes the steps that it takes in a new optimizer."""
    results = []
    for steps in (4, 0):
        variables, optimizer = pair_of_variables(), build_optimizer(name, 0.1, 0.1, accumulate)
        optimizer.build(variables)
        optimizer.set_parameter_group(variables[1:], 0.5)
        frozen = after(optimizer, variables, (True, False), steps)
        np.testing.assert_array_equal(frozen[1], [3.0, 4.0])
        optimizer.frozen_updates = steps // accumulate
        results.append(after(optimizer, variables, (True, True), 4)[1])
    np.testing.assert_allclose(*results, rtol=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_state_is_that_of_keras(name):
    """So that checkpoints fit."""
    options = {"momentum": 0.9} if name == "sgd" else {}
    optimizers = build_optimizer(name, 0.1), getattr(keras.optimizers, CLASSES[name])(0.1, **options)
    for optimizer in optimizers:
        optimizer.build(pair_of_variables())
    shapes, expected = ([variable.shape for variable in optimizer.variables] for optimizer in optimizers)
    assert shapes == expected
