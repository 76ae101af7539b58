"""Gradients that are not finite are found in the step in which they first occur."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("TensorFlow's operations", allow_module_level=True)

import tensorflow as tf

from utils.training.optimizers import build_optimizer


def variables_and_optimizer(name, **options):
    variables = [keras.Variable(np.ones(3, np.float32), name=f"v{index}") for index in range(3)]
    optimizer = build_optimizer(name, 0.1, **options)
    optimizer.build(variables)
    return variables, optimizer


def apply(optimizer, variables, *bad, value=np.nan):
    """Applies gradients of 1, with one number that is not finite in those of the variables `bad`."""
    gradients = [
        tf.constant([1.0, value if any(variable is one for one in bad) else 1.0, 1.0]) for variable in variables
    ]
    tf.function(lambda: optimizer.apply(gradients, variables))()


@pytest.mark.parametrize("name", ["rmsprop", "adam", "adamw", "sgd"])
def test_the_first_step_and_its_variables(name):
    variables, optimizer = variables_and_optimizer(name)
    apply(optimizer, variables)
    apply(optimizer, variables)
    assert optimizer.first_bad_gradients() is None
    apply(optimizer, variables, variables[1], value=-np.inf)
    apply(optimizer, variables, variables[0], variables[1])
    update, found = optimizer.first_bad_gradients()
    assert update == 2 and [variable.name for variable in found] == ["v1"]
    optimizer.forget_bad_gradients()
    assert optimizer.first_bad_gradients() is None


def test_frozen_variables_and_accumulated_gradients():
    variables, optimizer = variables_and_optimizer("sgd", accumulate=2)
    for _ in range(2):
        apply(optimizer, variables[1:], variables[2])  # the first one is frozen
    _, found = optimizer.first_bad_gradients()
    assert [variable.name for variable in found] == ["v2"]


def test_a_strategy_of_one_device():
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    with strategy.scope():
        variables, optimizer = variables_and_optimizer("adam")
    strategy.run(lambda: apply(optimizer, variables, variables[1]))
    assert [variable.name for variable in optimizer.first_bad_gradients()[1]] == ["v1"]
    optimizer.forget_bad_gradients()
    assert optimizer.first_bad_gradients() is None


def test_no_checkpoint_holds_it():
    _, optimizer = variables_and_optimizer("adam")
    _, without = variables_and_optimizer("adam")
    del without.bad_since
    assert [v.path.split("/")[-1] for v in optimizer.variables] == [v.path.split("/")[-1] for v in without.variables]
    assert len(optimizer.variables) == 2 + 2 * 3
