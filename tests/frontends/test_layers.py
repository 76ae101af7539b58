"""Preprocessing and padding, against Keras's own preprocessing and hand-made sizes."""

import keras
import numpy as np
import pytest

from frontends.layers import CropToStride, PadToGrid, Preprocess

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 5, 7, 3)).astype("float32")


@pytest.mark.parametrize("mode, module", [("caffe", "vgg16"), ("caffe", "resnet"), ("tf", "resnet_v2"),
                                          ("tf", "mobilenet_v2"), ("tf", "nasnet"), ("torch", "densenet")])
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


@pytest.mark.parametrize("policy, compute_dtype, step", [("mixed_float16", "float16", 2**-11),
                                                         ("mixed_bfloat16", "bfloat16", 2**-8)])
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
