"""EncNet: the encoding layer against its definition."""

import keras
import numpy as np
import pytest

from models.EncNet import PRESETS, Encoding, build_encnet, encode


def encode_by_definition(x, centers, scale):
    """Equations 1 and 2 of the paper for pixels `(N, C)`; the mean over the pixels, times the number of codewords."""
    residuals = x[:, None] - centers[None]  # (N, K, C)
    weights = np.exp(scale * np.square(residuals).sum(-1))
    shares = weights / weights.sum(axis=1, keepdims=True)
    return len(centers) * (shares[..., None] * residuals).mean(axis=0)


@pytest.mark.parametrize("dynamic", [True, False])
def test_encoding_equals_its_definition(dynamic):
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype(np.float32)
    inputs = keras.Input((None, None, 4) if dynamic else (3, 5, 4))
    layer = Encoding(6)
    model = keras.Model(inputs, layer(inputs))
    centers, scale = (np.array(weight) for weight in layer.get_weights())
    assert centers.shape == (6, 4) and np.abs(centers).max() <= 24**-0.5
    assert scale.shape == (6,) and scale.min() >= -1 and scale.max() <= 0
    expected = [encode_by_definition(image.reshape(15, 4), centers, scale) for image in x]
    np.testing.assert_allclose(model.predict_on_batch(x), expected, rtol=1e-4, atol=1e-5)


def test_an_image_and_four_copies_of_it_are_the_same_scene():
    x = np.random.default_rng(0).normal(size=(1, 3, 5, 4)).astype(np.float32)
    layer = Encoding(6)
    np.testing.assert_allclose(layer(np.tile(x, (1, 2, 2, 1))), layer(x), rtol=1e-4, atol=1e-5)


def test_encoding_computes_in_float32_under_mixed_precision():
    earlier = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = keras.Model(inputs := keras.Input((4, 4, 8)), encode(inputs, 3))
    finally:
        keras.mixed_precision.set_global_policy(earlier)
    (layer,) = (layer for layer in model.layers if isinstance(layer, Encoding))
    assert (layer.compute_dtype, layer.output.dtype, model.output.dtype) == ("float32", "float32", "bfloat16")


def test_the_description_of_a_batch_of_one_is_not_a_constant():
    """In training mode too: the batch norm has the channels to take its statistics from."""
    inputs = keras.Input((4, 4, 8))
    model = keras.Model(inputs, encode(inputs, 3))
    images = np.random.default_rng(0).normal(size=(2, 1, 4, 4, 8)).astype(np.float32)
    first, second = (np.array(model(image, training=True)) for image in images)
    assert first.shape == (1, 8) and np.abs(first - second).max() > 1e-3


def test_configuration_round_trip():
    assert Encoding.from_config(Encoding(7).get_config()).codewords == 7


@pytest.mark.parametrize("output_stride, feature, earlier", [(None, 4, 3), (8, 5, 4)])
def test_features_by_output_stride(output_stride, feature, earlier):
    end_points = {f"pool{n}": keras.Input((8 * n, 8, 4)) for n in (3, 4, 5)}
    logits, heads = build_encnet(end_points, 6, **PRESETS["EncNet"], output_stride=output_stride)
    assert tuple(logits.shape[1:]) == (8 * feature, 8, 6)
    assert tuple(heads["auxiliary"].shape[1:]) == (8 * earlier, 8, 6)
    assert tuple(heads["presence"].shape[1:]) == (6,)
