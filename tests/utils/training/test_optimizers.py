"""Learning rates over an epoch's steps, and what weight decay leaves alone."""

import keras
import numpy as np
import pytest

from utils.training.optimizers import build_optimizer, build_schedule, current_learning_rate


@pytest.mark.parametrize(
    "name, step, expected",
    [
        ("exponential", 0, 0.1),
        ("exponential", 9, 0.1),
        ("exponential", 10, 0.0995),
        ("exponential", 25, 0.0995 * 0.995),
        ("poly", 0, 0.1),
        ("poly", 50, 0.1 * 0.5**0.9),
        ("poly", 100, 0.0),
        ("cosine", 0, 0.1),
        ("cosine", 50, 0.05),
        ("cosine", 100, 0.0),
    ],
)
def test_schedules(name, step, expected):
    schedule = build_schedule(name, 0.1, steps_per_epoch=10, num_epochs=10)
    assert float(schedule(step)) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("name", ["constant", "poly", "cosine"])
def test_warm_up_rises_linearly_and_then_leaves_the_schedule_alone(name):
    course = build_schedule(name, 0.1, 10, 10)
    warm = build_schedule(name, 0.1, 10, 10, warm_up=0.5)
    again = type(warm).from_config(warm.get_config())
    for step in range(100):
        rate = float(course(step)) if callable(course) else course
        assert float(warm(step)) == pytest.approx(rate * min((step + 1) / 5, 1), abs=1e-7)
        assert float(again(step)) == pytest.approx(float(warm(step)))


def test_constant_schedule_and_current_rate():
    assert build_schedule("constant", 0.1, 10, 10) == 0.1
    assert current_learning_rate(build_optimizer("adam", 0.1)) == pytest.approx(0.1)


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
