"""Weight decay and gradient accumulation."""

import keras
import numpy as np
import pytest

from utils.training.optimizers import build_optimizer


@pytest.mark.parametrize("name", ["rmsprop", "adam", "adamw", "sgd"])
def test_weight_decay_shrinks_kernels_and_nothing_else(name):
    layers = [keras.layers.Conv2D(2, 1, bias_initializer="ones"), keras.layers.BatchNormalization()]
    model = keras.Sequential([keras.Input((4, 4, 3)), *layers])
    optimizer = build_optimizer(name, 0.1, weight_decay=0.5)
    before = [keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables]
    optimizer.build(model.trainable_variables)
    optimizer.apply([keras.ops.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables)
    shrunk = [not np.allclose(b, keras.ops.convert_to_numpy(v)) for b, v in zip(before, model.trainable_variables)]
    assert shrunk == [variable.path.endswith("kernel") for variable in model.trainable_variables]


@pytest.mark.parametrize("name", ["rmsprop", "adam", "adamw", "sgd"])
def test_accumulated_steps_are_one_of_their_mean_gradient(name):
    gradients = [np.array([1.0, -2.0], np.float32), np.array([3.0, 5.0], np.float32)]
    results = []
    for accumulate, steps in ((2, gradients), (1, [sum(gradients) / 2])):
        variable = keras.Variable([10.0, 20.0])
        optimizer = build_optimizer(name, 0.1, weight_decay=0.01, accumulate=accumulate)
        optimizer.build([variable])
        for number, gradient in enumerate(steps):
            optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
            changed = not np.allclose(keras.ops.convert_to_numpy(variable), [10.0, 20.0])
            assert changed == (number == len(steps) - 1)
        results.append(keras.ops.convert_to_numpy(variable))
    np.testing.assert_allclose(*results, rtol=1e-6)
