"""AdapNet: units with two dilation rates, widths, and the place of the classifier."""

import keras
import numpy as np

from models.AdapNet import build_adapnet, multiscale_unit
from models.blocks import classifier, resize_like


def test_a_multiscale_unit_reaches_both_dilations_and_the_input():
    inputs = keras.Input((25, 25, 8))
    model = keras.Model(inputs, multiscale_unit(inputs, 4, 8, 4, (2, 9)))
    for weight in model.trainable_weights:
        weight.assign(np.full(weight.shape, 0.1, np.float32))
    images = np.zeros((2, 25, 25, 8), np.float32)
    images[1, 12, 12] = 1.0
    dark, bright = model.predict_on_batch(images)
    reached = {(int(y) - 12, int(x) - 12) for y, x in np.argwhere(np.abs(bright - dark).max(axis=-1) > 1e-6)}
    assert reached == {(y * rate, x * rate) for rate in (2, 9) for y in (-1, 0, 1) for x in (-1, 0, 1)}


def test_dilations_and_widths():
    """The original suite's: the second rate rises from 2 to 16; its 12 channels in the middle are the classes here."""
    inputs = keras.Input((64, 96, 3))
    model = keras.Model(inputs, build_adapnet(inputs, 7))
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    rates = [layer.dilation_rate[0] for layer in convolutions if layer.kernel_size == (3, 3) and layer.filters == 32]
    assert sorted(rates) == sorted([1, 2, 1, 2, 1, 4, 1, 8, 1, 16])
    rates = [layer.dilation_rate[0] for layer in convolutions if layer.kernel_size == (3, 3) and layer.filters == 256]
    assert sorted(rates) == sorted([1, 1, 2, 4, 2, 8, 2, 16])
    assert [layer.filters for layer in convolutions].count(7) == 3
    assert model.output.shape == (None, 8, 12, 7)


def test_classifying_before_or_after_resizing_is_the_same():
    small, full = keras.Input((5, 6, 4)), keras.Input((40, 48, 3))
    logits = classifier(small, 3)
    layer = keras.Model(small, logits).layers[-1]
    layer.bias.assign([1.0, -2.0, 3.0])
    model = keras.Model([small, full], [resize_like(logits, full), layer(resize_like(small, full))])
    x = np.random.default_rng(0).normal(size=(1, 5, 6, 4))
    before, after = model.predict_on_batch([x, np.zeros((1, 40, 48, 3))])
    np.testing.assert_allclose(before, after, atol=1e-5)
