"""The figure of a training batch, judged by its pixels."""

import cv2
import numpy as np
import pytest

from utils.class_dict import IGNORED, ClassDict
from utils.evaluation.batch_plot import MAX_CROPS, TILE, draw_crop, legend_patches, plot_batch

CLASSES = ClassDict(["Road", "Sky"], [(120, 60, 120), (0, 200, 250)], {"Void": (2, (10, 20, 30))})


def batch(count, height, width, channels=3):
    """Images of one value, whose upper half is sky, the lowest tenth ignored."""
    labels = np.zeros((count, height, width), np.uint8)
    labels[:, : height // 2] = 1
    labels[:, -height // 10 :] = IGNORED
    return np.full((count, height, width, channels), 100, np.uint8), labels


@pytest.mark.parametrize("height, width", [(60, 80), (600, 800)])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_a_label_is_blended_with_its_crop(height, width, channels):
    images, labels = batch(1, height, width, channels)
    image, drawn = draw_crop(images[0], labels[0], CLASSES)
    assert image.shape == drawn.shape == (TILE * 3 // 4, TILE, 3) and (image == 100).all()
    assert (drawn[:130] == (40, 160, 190)).all() and (drawn[140:240] == (112, 76, 112)).all()
    ignored = drawn[245:].reshape(-1, 3)
    assert [(ignored == value).all(-1).mean() for value in (0, 255, 100)] == pytest.approx([0.25, 0.25, 0.5], abs=0.02)


@pytest.mark.parametrize("count", [1, 3, 8, 20])
def test_the_figure_has_the_crops_side_by_side(tmp_path, count):
    plot_batch(tmp_path / "batch.png", *batch(count, 60, 80), CLASSES)
    figure = cv2.imread(str(tmp_path / "batch.png"))[..., ::-1].astype(int)
    area = TILE**2 * 0.75 * min(count, MAX_CROPS)
    for color, share in (((100, 100, 100), 1.05), ((40, 160, 190), 0.5), ((112, 76, 112), 0.4)):
        assert (np.abs(figure - color) <= 2).all(-1).sum() == pytest.approx(share * area, rel=0.2), color


def test_the_legend_names_the_classes_that_occur():
    _, labels = batch(1, 60, 80)
    assert [patch.get_label() for patch in legend_patches(labels, CLASSES)] == ["Road", "Sky", "ignored: Void"]
    assert [patch.get_label() for patch in legend_patches(labels[:, :20], CLASSES)] == ["Sky"]
