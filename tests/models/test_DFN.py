"""DFN: channel attention, the refinement residual block, and the border network."""

import keras
import numpy as np

from models.DFN import PRESETS, build_dfn, channel_attention, refinement_residual


def end_points():
    return {f"pool{n}": keras.Input((64 >> n, 96 >> n, 4 * n), name=f"pool{n}") for n in (2, 3, 4, 5)}


def test_attention_weighs_whole_channels_of_the_level_and_adds_the_one_above():
    rng = np.random.default_rng(0)
    x, upper = rng.normal(size=(2, 2, 3, 5, 4)).astype(np.float32)
    inputs = [keras.Input((3, 5, 4)), keras.Input((3, 5, 4))]
    model = keras.Model(inputs, channel_attention(*inputs))
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    first.bias.assign(np.ones(first.bias.shape))  # else its ReLU may give 0 whatever the image
    result = np.array(model([x, upper]))
    weights = (result - upper) / x
    assert ((weights > 0) & (weights < 1)).all()
    np.testing.assert_allclose(weights, np.broadcast_to(weights[:, :1, :1], weights.shape), atol=1e-4)
    assert np.ptp(weights[:, 0, 0], axis=0).min() > 0  # the two images differ


def test_refinement_without_its_3x3_convolutions_is_the_1x1_convolution_and_relu():
    inputs = keras.Input((6, 7, 3))
    model = keras.Model(inputs, refinement_residual(inputs, 5))
    first, *_, last = (layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    last.kernel.assign(np.zeros(last.kernel.shape))
    x = np.random.default_rng(0).normal(size=(1, 6, 7, 3)).astype(np.float32)
    expected = np.maximum(x @ np.array(first.kernel)[0, 0], 0)
    np.testing.assert_allclose(model(x), expected, atol=1e-5)


def test_sizes_of_the_outputs():
    logits, heads = build_dfn(end_points(), 7, **PRESETS["DFN"])
    assert tuple(logits.shape[1:]) == (16, 24, 7)
    sizes = {name: tuple(head.shape[1:]) for name, head in heads.items()}
    assert sizes == {"smooth_32": (2, 3, 7), "smooth_16": (4, 6, 7), "smooth_8": (8, 12, 7), "border": (16, 24, 4)}


def test_the_finest_border_prediction_depends_on_the_finest_level_only():
    features = end_points()
    border = keras.Model(features, build_dfn(features, 3, filters=8, border_filters=4)[1]["border"])
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=(1, *x.shape[1:])).astype(np.float32) for name, x in features.items()}
    before = np.array(border(values))
    values["pool5"] = values["pool5"] + 1.0
    changed = np.abs(np.array(border(values)) - before).max(axis=(0, 1, 2)) > 0
    assert changed.tolist() == [False, False, False, True]
