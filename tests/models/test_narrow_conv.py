"""Convolution to few channels: values and gradients are those of Keras's layer, as are weights and configuration."""

import keras
import numpy as np
import pytest

from models import narrow_conv
from models.narrow_conv import Conv2D

pytestmark = pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="other backends use Keras's layer")


def run(layer, images):
    """Returns the outputs in training, and the gradients of a weighted sum of them."""
    import tensorflow as tf

    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x, training=True) if isinstance(layer, Conv2D) else layer(x)
        weights = np.random.default_rng(1).normal(size=outputs.shape)
        loss = tf.reduce_sum(tf.cast(outputs, "float32") * weights.astype("float32"))
    gradients = tape.gradient(loss, [x, *layer.trainable_variables])
    return [np.asarray(tf.cast(value, "float32")) for value in (outputs, *gradients)]


def pair(options, shape):
    """Returns a narrow and an ordinary layer with equal weights."""
    narrow, ordinary = (kind(filters=3, padding="same", **options) for kind in (Conv2D, keras.layers.Conv2D))
    for layer in (narrow, ordinary):
        layer.build(shape)
    narrow.set_weights(ordinary.get_weights())
    return narrow, ordinary


@pytest.mark.parametrize(
    ("options", "is_fast"),
    [
        ({"kernel_size": 3}, True),
        ({"kernel_size": 1, "activation": "relu"}, True),
        ({"kernel_size": (3, 5), "use_bias": False}, True),
        ({"kernel_size": 2}, False),
        ({"kernel_size": 3, "strides": 2}, False),
        ({"kernel_size": 3, "dilation_rate": 2}, False),
        ({"kernel_size": 3, "groups": 3}, False),
    ],
)
def test_values_and_gradients_are_those_of_keras(options, is_fast, monkeypatch):
    calls, convolve = [], narrow_conv.convolve
    monkeypatch.setattr(narrow_conv, "convolve", lambda *arguments: calls.append(1) or convolve(*arguments))
    narrow, ordinary = pair(options, (None, None, None, 6))
    images = np.random.default_rng(0).normal(size=(2, 7, 9, 6)).astype("float32")
    for actual, expected in zip(run(narrow, images), run(ordinary, images), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)
    assert len(calls) == is_fast
    narrow(images)  # in prediction as well, Keras's implementation is used
    assert len(calls) == is_fast


def test_half_precision():
    options = {"kernel_size": 3, "dtype": "mixed_bfloat16"}
    narrow, ordinary = pair(options, (None, None, None, 6))
    images = np.random.default_rng(0).normal(size=(2, 7, 9, 6)).astype("float32")
    for actual, expected in zip(run(narrow, images), run(ordinary, images), strict=True):
        np.testing.assert_allclose(actual, expected, atol=0.02 * np.abs(expected).max())


def test_accelerators_use_keras(monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["GPU:0"])
    monkeypatch.delattr(narrow_conv, "convolve")
    layer = Conv2D(3, 3, padding="same")
    assert layer(np.zeros((1, 5, 6, 4), "float32"), training=True).shape == (1, 5, 6, 3)


def test_weights_are_stored_under_the_names_of_keras(tmp_path):
    images = keras.Input((None, None, 4))
    narrow, ordinary = (
        keras.Model(images, kind(3, 3, padding="same")(images)) for kind in (Conv2D, keras.layers.Conv2D)
    )
    ordinary.save_weights(tmp_path / "model.weights.h5")
    narrow.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(narrow.get_weights()[0], ordinary.get_weights()[0])
    narrow.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again.layers[1]) is Conv2D
    np.testing.assert_array_equal(again.get_weights()[0], narrow.get_weights()[0])
