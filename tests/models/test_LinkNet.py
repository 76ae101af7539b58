"""LinkNet: widths and sizes of the decoder, additive skips, and frontends that lack a level."""

import keras
import numpy as np
import pytest

from models.LinkNet import PRESETS, build_linknet, decoder_block

CHANNELS = {1: 64, 2: 256, 3: 512, 4: 1024, 5: 2048}  # of ResNet-50 and deeper


def end_points(finest=1, channels=CHANNELS, height=64, width=96):
    return {f"pool{n}": keras.Input((height >> n, width >> n, channels[n]), name=f"pool{n}") for n in range(finest, 6)}


def layers_of(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


def test_decoder_block_doubles_the_size_in_a_quarter_of_the_channels():
    inputs = keras.Input((5, 7, 32))
    model = keras.Model(inputs, decoder_block(inputs, 12))
    assert model.output.shape == (None, 10, 14, 12)
    convolutions = [layer for layer in model.layers if hasattr(layer, "kernel_size")]
    assert [(layer.kernel_size[0], layer.strides[0], layer.filters) for layer in convolutions] == [
        (1, 1, 8),
        (3, 2, 8),
        (1, 1, 12),
    ]
    # The paper's kernels, none with a bias, and two numbers of batch norm for each of their outputs.
    expected = 32 * 8 + 9 * 8 * 8 + 8 * 12 + 2 * (8 + 8 + 12)
    assert sum(np.prod(variable.shape) for variable in model.trainable_variables) == expected
    assert len(layers_of(model, keras.layers.BatchNormalization)) == len(layers_of(model, keras.layers.ReLU)) == 3


def test_widths_are_those_of_the_frontend_at_every_level():
    features = end_points()
    model = keras.Model(features, build_linknet(features, 5, **PRESETS["LinkNet"]))
    assert model.output.shape == (None, 64, 96, 5) and model.output.dtype == "float32"
    sums = [layer.output.shape[1:] for layer in layers_of(model, keras.layers.Add)]
    assert sums == [(4, 6, 1024), (8, 12, 512), (16, 24, 256), (32, 48, 64)]
    widths = [layer.filters for layer in layers_of(model, keras.layers.Conv2DTranspose)]
    assert widths == [512, 256, 128, 64, 5]
    assert not layers_of(model, keras.layers.Concatenate)


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_skips_are_added(level):
    """What is added to a skip shows in the sum at its level, unchanged."""
    features = end_points(channels={n: 4 * n for n in range(1, 6)})
    model = keras.Model(features, build_linknet(features, 3, **PRESETS["LinkNet"]))
    sums = keras.Model(features, layers_of(model, keras.layers.Add)[4 - level].output)
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=(1, *x.shape[1:])).astype(np.float32) for name, x in features.items()}
    before = sums.predict_on_batch(values)
    values[f"pool{level}"] = values[f"pool{level}"] + 1.5
    np.testing.assert_allclose(sums.predict_on_batch(values) - before, 1.5, atol=1e-5)


def test_a_missing_level_is_passed_without_a_skip():
    """ConvNeXt has no feature of stride 2."""
    features = end_points(finest=2)
    model = keras.Model(features, build_linknet(features, 3, **PRESETS["LinkNet"]))
    assert model.output.shape == (None, 64, 96, 3)
    assert len(layers_of(model, keras.layers.Add)) == 3


def test_skips_of_odd_sizes_are_added():
    features = {f"pool{n}": keras.Input((-(-97 // 2**n), -(-131 // 2**n), 8), name=f"pool{n}") for n in range(1, 6)}
    logits = build_linknet(features, 3, **PRESETS["LinkNet"])
    assert logits.shape == (None, 98, 132, 3)
