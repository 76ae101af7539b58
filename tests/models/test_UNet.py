"""U-Net: number of parameters, and the decoder on end points that lack a level."""

import keras
import numpy as np
import pytest

from models import build_model
from models.UNet import PRESETS, build_unet, build_unet_on_frontend, up


def test_number_of_parameters():
    """The paper's layers; for each filter of a 3x3 convolution two of batch norm instead of a bias."""
    widths = [64, 128, 256, 512, 1024]
    expected = 64 * 12 + 12
    for before, filters in zip([3, *widths], widths):
        expected += 9 * (before + filters) * filters + 4 * filters
    for before, filters in zip(widths[:0:-1], widths[-2::-1]):
        expected += 4 * before * filters + filters + 9 * (2 * filters + filters) * filters + 4 * filters
    model = build_model("UNet", 12)
    assert sum(np.prod(variable.shape) for variable in model.trainable_variables) == expected
    assert 31.0e6 < expected < 31.1e6


def test_images_smaller_than_its_stride():
    images = keras.Input((None, None, 3))
    model = keras.Model(images, build_unet(images, 2, widths=(2, 3, 4, 5, 6)))
    for size in (1, 5, 17):
        assert model(np.zeros((1, size, size, 3))).shape == (1, size, size, 2)


@pytest.mark.parametrize("finest", [1, 2])
def test_the_decoder_ends_at_full_size_whatever_the_finest_level(finest):
    """ConvNeXt has nothing at stride 2."""
    end_points = {f"pool{n}": keras.Input((64 >> n, 96 >> n, 4), name=f"pool{n}") for n in range(finest, 6)}
    logits = build_unet_on_frontend(end_points, 3, **PRESETS["UNet-Frontend"])
    assert tuple(logits.shape[1:]) == (64, 96, 3)
    assert len(keras.Model(end_points, logits).inputs) == 6 - finest


def test_skips_of_another_size_are_joined():
    x, skip = keras.Input((3, 4, 6)), keras.Input((5, 9, 2))
    assert tuple(up(x, 7, skip).shape) == (None, 5, 9, 7)
    assert tuple(up(x, 7).shape) == (None, 6, 8, 7)
