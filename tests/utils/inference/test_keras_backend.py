"""A Keras model as a backend."""

import keras
import numpy as np
import pytest

from utils.inference.keras_backend import KerasBackend
from utils.inference.predictor import Backend, Predictor

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 32, 64, 3), np.uint8)


@pytest.fixture
def model():
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, keras.layers.Conv2D(5, 3, padding="same")(inputs))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_classes_are_those_of_the_logits(model, jit_compile):
    backend = KerasBackend(model, jit_compile)
    assert isinstance(backend, Backend) and not isinstance(model, Backend)
    assert backend.size is None and backend.compiles_each_shape == (jit_compile or keras.backend.backend() == "jax")
    logits, classes = backend.logits(IMAGES), backend.classes(IMAGES)
    assert logits.shape == (2, 32, 64, 5) and logits.dtype == np.float32
    assert classes.shape == (2, 32, 64) and classes.dtype == np.uint8
    assert (classes == logits.argmax(-1)).mean() > 0.999


def test_weights_are_shared_and_training_goes_on(model):
    model.compile("sgd", "mse")
    optimizer, backend = model.optimizer, KerasBackend(model)
    before = backend.classes(IMAGES)
    model.layers[-1].set_weights([-weight for weight in model.layers[-1].get_weights()])
    assert model.optimizer is optimizer and (backend.classes(IMAGES) != before).mean() > 0.9


def test_a_predictor_takes_the_model_itself(model):
    images = [(0, IMAGES[0]), (1, IMAGES[1, :20, :30])]
    wrapped, direct = dict(Predictor(KerasBackend(model))(images)), dict(Predictor(model)(images))
    for key in wrapped:
        np.testing.assert_array_equal(wrapped[key], direct[key])
