"""Preprocessing against Keras's; padding, cropping and dilated pooling against values computed by hand."""

import keras
import numpy as np
import pytest

from frontends.layers import CropToStride, DilatedPooling, PadToGrid, PadToLeast, Preprocess

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 5, 7, 3)).astype("float32")


@pytest.mark.parametrize(
    "mode, module",
    [
        ("caffe", "vgg16"),
        ("caffe", "resnet"),
        ("tf", "resnet_v2"),
        ("tf", "mobilenet_v2"),
        ("tf", "nasnet"),
        ("torch", "densenet"),
    ],
)
def test_preprocess_equals_keras(mode, module):
    expected = getattr(keras.applications, module).preprocess_input(IMAGES.copy())
    np.testing.assert_allclose(Preprocess(mode)(IMAGES), expected, rtol=1e-5, atol=1e-5)


def test_unit_and_none():
    np.testing.assert_allclose(Preprocess("unit")(IMAGES), IMAGES / 255, rtol=1e-6)
    np.testing.assert_array_equal(Preprocess("none")(IMAGES), IMAGES)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch", "unit", "none"])
def test_preprocess_takes_integers(mode):
    pixels = IMAGES.astype("uint8")
    np.testing.assert_array_equal(Preprocess(mode)(pixels), Preprocess(mode)(pixels.astype("float32")))


@pytest.mark.parametrize(
    "policy, compute_dtype, step", [("mixed_float16", "float16", 2**-11), ("mixed_bfloat16", "bfloat16", 2**-8)]
)
def test_preprocess_rounds_only_its_result(policy, compute_dtype, step):
    x = Preprocess("tf", dtype=policy)(IMAGES)
    assert keras.backend.standardize_dtype(x.dtype) == compute_dtype
    difference = np.abs(np.asarray(keras.ops.cast(x, "float32")) - (IMAGES / 127.5 - 1))
    # Rounding the image instead would be off by up to half a gray level, 0.5 / 127.5, also near -1 ... 1's middle.
    assert np.all(difference <= step * np.abs(IMAGES / 127.5 - 1) + 1e-6)


def test_unknown_mode():
    with pytest.raises(ValueError, match="caffe"):
        Preprocess("imagenet")


@pytest.mark.parametrize("size, padded", [(1, 33), (32, 33), (33, 65), (224, 225), (225, 257), (331, 353)])
def test_pad_to_grid(size, padded):
    image = np.ones((1, size, 40, 3), "float32")
    x = np.asarray(PadToGrid()(image))
    assert x.shape == (1, padded, 65, 3) == PadToGrid().compute_output_shape(image.shape)
    np.testing.assert_array_equal(x[:, :size, :40], image)
    assert x.sum() == image.sum()


@pytest.mark.parametrize("stride, height, width", [(2, 49, 66), (32, 4, 5)])
def test_crop_to_stride(stride, height, width):
    image, feature = np.zeros((1, 97, 131, 3)), np.random.default_rng(1).normal(size=(1, 80, 80, 4))
    x = CropToStride(stride)([feature, image])
    np.testing.assert_allclose(x, feature[:, :height, :width], rtol=1e-6)
    assert CropToStride(stride).compute_output_shape([feature.shape, image.shape]) == (1, height, width, 4)
    assert CropToStride(stride).compute_output_shape([feature.shape, (1, None, None, 3)]) == (1, None, None, 4)
    assert CropToStride(stride).compute_output_shape([(1, 3, 4, 4), image.shape]) == (1, 3, 4, 4)
    small = feature[:, :3, :4]
    np.testing.assert_array_equal(CropToStride(stride)([small, image]), small.astype("float32"))


@pytest.mark.parametrize("height, width", [(5, 40), (32, 31), (33, 32)])
def test_pad_to_least(height, width):
    image = np.ones((1, height, width, 3), "float32")
    x = np.asarray(PadToLeast(32)(image))
    assert x.shape == (1, max(height, 32), max(width, 32), 3) == PadToLeast(32).compute_output_shape(image.shape)
    np.testing.assert_array_equal(x[:, :height, :width], image)
    assert x.sum() == image.sum()
    assert PadToLeast(32).compute_output_shape((1, None, 7, 3)) == (1, None, 32, 3)


@pytest.mark.parametrize("mode, pooling", [("max", keras.layers.MaxPooling2D), ("mean", keras.layers.AveragePooling2D)])
@pytest.mark.parametrize("pool_size, lead, padding", [(2, 0, "valid"), (3, 0, "same"), (1, 0, "valid")])
def test_dilated_pooling_holds_what_strided_pooling_gives(mode, pooling, pool_size, lead, padding):
    x = np.random.default_rng(2).normal(size=(2, 8, 12, 3)).astype("float32") - 5  # Zeros outside would be noticed.
    expected = pooling(pool_size, strides=2, padding=padding)(x)
    actual = np.asarray(DilatedPooling(mode, pool_size, lead=lead)(x))
    assert actual.shape == x.shape == DilatedPooling(mode, pool_size).compute_output_shape(x.shape)
    np.testing.assert_allclose(actual[:, ::2, ::2], expected, rtol=1e-5)
    # Every third pixel of an image in which each stands three times, next to one another, is the image.
    spread = x.repeat(3, axis=1).repeat(3, axis=2)
    dilated = np.asarray(DilatedPooling(mode, pool_size, dilation_rate=3, lead=lead)(spread))
    np.testing.assert_allclose(dilated[:, ::3, ::3], actual, rtol=1e-5)


def test_dilated_pooling_by_hand():
    row = np.array([1.0, 5, 2, -3, 4], "float32").reshape(1, 1, 5, 1)
    pooled = DilatedPooling("max", 3, dilation_rate=2, lead=1)(row)
    np.testing.assert_array_equal(np.ravel(pooled), [2, 5, 4, 5, 4])
    pooled = DilatedPooling("mean", 2, dilation_rate=2)(row)
    np.testing.assert_allclose(np.ravel(pooled), [1.5, 1, 3, -3, 4])
    layer = DilatedPooling.from_config(DilatedPooling("max", 3, 2, 1, name="pool").get_config())
    assert (layer.mode, layer.pool_size, layer.dilation_rate, layer.lead, layer.name) == ("max", 3, 2, 1, "pool")
    with pytest.raises(ValueError, match="median"):
        DilatedPooling("median", 2)
