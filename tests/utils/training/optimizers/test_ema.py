"""The average of the weights, against one kept in NumPy."""

import keras
import numpy as np
import pytest

from utils.cli.choices import OPTIMIZERS
from utils.training.optimizers import build_optimizer
from utils.training.optimizers.ema import averaged_weights

SHARE = 0.8


class Weights(keras.callbacks.Callback):
    """Notes the weights after each step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(self.model.get_weights())


def trained(optimizer, accumulate=1, ema=SHARE, frozen=False):
    """A network of two layers after six steps, and its weights before and after each of them."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)])
    model.compile(build_optimizer(optimizer, 0.1, accumulate=accumulate, ema=ema), "mse", jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    if frozen:
        model.layers[0].trainable = False
    weights, rng = Weights(), np.random.default_rng(0)
    weights.seen.append(model.get_weights())
    model.fit(rng.random((12, 3)), rng.random((12, 2)), batch_size=2, verbose=0, callbacks=[weights])
    return model, weights.seen


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_average_is_inside_and_the_weights_are_outside(optimizer):
    model, (_, first, *later) = trained(optimizer)
    expected = first
    for weights in later:
        expected = [SHARE * average + (1 - SHARE) * weight for average, weight in zip(expected, weights)]
    for _ in range(2):  # what is inside is still there the second time
        with averaged_weights(model):
            for average, found in zip(expected, model.get_weights()):
                np.testing.assert_allclose(found, average, rtol=1e-5, atol=1e-6)
        for last, found in zip(later[-1], model.get_weights()):
            np.testing.assert_array_equal(found, last)
    assert np.abs(expected[0] - later[-1][0]).max() > 1e-3


def test_without_an_average_nothing_happens():
    model, seen = trained("adam", ema=0.0)
    with averaged_weights(model):
        np.testing.assert_array_equal(model.get_weights()[0], seen[-1][0])


def test_an_error_inside_leaves_the_weights():
    model, seen = trained("sgd")
    with pytest.raises(KeyError), averaged_weights(model):
        raise KeyError
    np.testing.assert_array_equal(model.get_weights()[0], seen[-1][0])


@pytest.mark.parametrize("options", [{"accumulate": 2}, {"frozen": True}])
def test_beside_accumulation_and_frozen_layers(options):
    model, seen = trained("adamw", **options)
    with averaged_weights(model):
        inside = model.get_weights()
    low, high = (function([weights[-2] for weights in seen], axis=0) for function in (np.min, np.max))
    assert (low - 1e-6 <= inside[-2]).all() and (inside[-2] <= high + 1e-6).all()
    assert np.abs(inside[-2] - seen[-1][-2]).max() > 1e-4
    if "frozen" in options:
        np.testing.assert_array_equal(inside[0], seen[0][0])
        model.layers[0].trainable = True
        with averaged_weights(model):  # it waited with the weight
            np.testing.assert_array_equal(model.get_weights()[0], seen[0][0])
