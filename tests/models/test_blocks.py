"""Resizing to the size of another tensor."""

import keras
import numpy as np
import pytest

from models.blocks import ResizeLike, resize_like


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("dynamic", [True, False])
def test_resizing_equals_keras_at_static_size(interpolation, dynamic):
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype(np.float32)
    like = np.zeros((2, 13, 11, 1), np.float32)
    size = (None, None) if dynamic else (5, 7)
    size_like = (None, None) if dynamic else (13, 11)
    inputs = [keras.Input((*size, 3)), keras.Input((*size_like, 1))]
    model = keras.Model(inputs, resize_like(*inputs, interpolation))
    expected = keras.ops.image.resize(x, (13, 11), interpolation=interpolation)
    np.testing.assert_allclose(model.predict_on_batch([x, like]), expected, atol=1e-6)


def test_equal_static_sizes_add_no_layer():
    x, like = keras.Input((8, 8, 3)), keras.Input((8, 8, 1))
    assert resize_like(x, like) is x


def test_equal_dynamic_sizes_change_nothing():
    x = np.random.default_rng(0).normal(size=(1, 6, 6, 2)).astype(np.float32)
    inputs = [keras.Input((None, None, 2)), keras.Input((None, None, 2))]
    np.testing.assert_array_equal(keras.Model(inputs, resize_like(*inputs)).predict_on_batch([x, x]), x)


def test_the_result_keeps_the_compute_dtype_and_a_static_shape():
    layer = ResizeLike(dtype="mixed_bfloat16")
    result = layer([np.ones((1, 4, 4, 2), np.float32), np.ones((1, 8, 9, 5), np.float32)])
    assert keras.backend.standardize_dtype(result.dtype) == "bfloat16"
    assert tuple(result.shape) == (1, 8, 9, 2)


def test_configuration_round_trip():
    layer = ResizeLike("nearest")
    assert ResizeLike.from_config(layer.get_config()).interpolation == "nearest"
