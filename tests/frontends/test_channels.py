"""Frontends for other numbers of channels than three."""

import keras
import numpy as np
import pytest

from frontends import build_frontend
from frontends.channels import extend_values, spread_kernel
from frontends.layers import Preprocess
from frontends.table import FRONTENDS


def build(name, channels, weights=None, **options):
    images = keras.Input((None, None, channels))
    return keras.Model(images, build_frontend(images, name, weights, **options)["pool5"])


def gray(channels, size=64):
    """The same picture in every channel, in the middle of the values."""
    picture = np.random.default_rng(0).uniform(90, 160, (1, size, size, 1)).astype("float32")
    return np.repeat(picture, channels, axis=-1)


def test_values_of_further_channels():
    assert extend_values((1, 2, 6), 5).tolist() == [1, 2, 6, 3, 3]
    assert extend_values((1, 2, 6), 3).tolist() == [1, 2, 6]
    assert extend_values((1, 2, 6), 1).tolist() == [3]


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_kernel_responds_to_gray_as_before(channels):
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 5))
    spread = spread_kernel(kernel, channels)
    assert spread.shape == (3, 3, channels, 5)
    np.testing.assert_allclose(spread.sum(2), kernel.sum(2), rtol=1e-4, atol=1e-5)
    if channels > 3:
        np.testing.assert_allclose(spread[:, :, :3], kernel * 3 / channels, rtol=1e-4)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch", "unit", "tf128", "none"])
def test_normalization_of_the_first_three_is_that_of_rgb(mode):
    images = np.random.default_rng(0).uniform(0, 255, (1, 4, 5, 6)).astype("float32")
    normalized = np.asarray(Preprocess(mode)(images))
    np.testing.assert_allclose(normalized[..., :3], Preprocess(mode)(images[..., :3]), rtol=1e-6)
    assert np.isfinite(normalized).all() and np.asarray(Preprocess(mode)(images[..., :1])).shape == (1, 4, 5, 1)


def weights_file(name, path):
    """Writes the weights of the published RGB network, with statistics and biases unlike fresh ones."""
    network = getattr(keras.applications, FRONTENDS[name].network)(include_top=False, weights=None)
    rng = np.random.default_rng(1)
    for weight in network.weights:
        if len(weight.shape) == 1:
            weight.assign(np.asarray(weight) + rng.uniform(0, 0.1, weight.shape))
    network.save_weights(path)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "MobileNetV3Small",
        *(
            pytest.param(name, marks=pytest.mark.sweep)
            for name in ("EfficientNetB0", "ResNet50V1", "EfficientNetV2B0", "ConvNeXtTiny")
        ),
    ],
)
def test_pretrained_weights_are_those_of_rgb_but_for_the_first_kernel(name, tmp_path):
    path = weights_file(name, tmp_path / "a.weights.h5")
    reference, spread = build(name, 3, path), []
    model = build(name, 5, path)
    for weight, expected in zip(model.weights, reference.weights, strict=True):
        expected = np.asarray(expected)
        if weight.shape == expected.shape:
            np.testing.assert_array_equal(weight, expected)
        elif expected.ndim == 4:
            spread.append(weight)
            np.testing.assert_array_equal(weight, spread_kernel(expected, 5))
        else:  # the normalization of EfficientNet
            np.testing.assert_array_equal(weight, extend_values(expected, 5))
    assert len(spread) == 1
    features = np.asarray(model(gray(5)))
    assert np.isfinite(features).all() and features.std() > 0


@pytest.mark.parametrize("channels", [1, 4])
def test_features_of_gray_pictures_stay(channels, tmp_path):
    path = weights_file("MobileNet", tmp_path / "a.weights.h5")
    expected = np.asarray(build("MobileNet", 3, path)(gray(3)))
    actual = np.asarray(build("MobileNet", channels, path)(gray(channels)))
    np.testing.assert_allclose(actual, expected, atol=1e-3 * np.abs(expected).max())


def test_dilated_and_shared_frontends_take_bands():
    assert build("MobileNet", 5, output_stride=8)(np.zeros((1, 64, 64, 5))).shape == (1, 8, 8, 1024)
    images = [keras.Input((None, None, 5)) for _ in range(2)]
    assert [features["pool2"].shape[-1] for features in build_frontend(images, "MobileNet")] == [128, 128]
