"""Colors, overlays, shares."""

import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.errors import UsageError
from utils.inference.drawing import Painter, blend, with_legend

CLASSES = ClassDict(["Sky", "Road", "Car"], [(10, 20, 30), (200, 0, 0), (0, 200, 0)])
INDICES = np.array([[0, 1], [2, 1]], np.uint8).repeat(40, 0).repeat(40, 1)


def test_all_classes():
    np.testing.assert_array_equal(Painter(CLASSES).colors(INDICES), CLASSES.decode(INDICES))


def test_only_some():
    painter = Painter(CLASSES, ["Road"])
    colors = painter.colors(INDICES)
    assert (colors[INDICES == 1] == (200, 0, 0)).all() and not colors[INDICES != 1].any()
    picture = np.full((80, 80, 3), 100, np.uint8)
    laid_over = painter.overlay(picture, INDICES)[:80]
    assert (laid_over[INDICES == 1] == (150, 50, 50)).all() and (laid_over[INDICES != 1] == 100).all()


def legend(painter, indices, **options):
    return painter.overlay(np.zeros((80, 80, 3), np.uint8), indices, **options)[80:].reshape(-1, 3)


def test_the_legend_has_the_painted_classes_that_occur_or_all():
    only_road = np.ones((80, 80), np.uint8)
    for painter, options, colors in (
        (Painter(CLASSES), {}, {(200, 0, 0)}),
        (Painter(CLASSES), {"every_class": True}, {(10, 20, 30), (200, 0, 0), (0, 200, 0)}),
        (Painter(CLASSES, ["Car"]), {"every_class": True}, {(0, 200, 0)}),
        (Painter(CLASSES, ["Car"]), {}, set()),
    ):
        found = set(map(tuple, legend(painter, only_road, **options).tolist()))
        assert found & set(map(tuple, CLASSES.label_values.tolist())) == colors


def test_shares():
    assert Painter(CLASSES).coverage(INDICES) == {"Sky": 25.0, "Road": 50.0, "Car": 25.0}


def test_a_class_that_is_not_there():
    with pytest.raises(UsageError, match="Tram.*Sky, Road, Car"):
        Painter(CLASSES, ["Tram"])


def test_overlay_mixes():
    rgb, colors = np.full((2, 2, 3), 100, np.uint8), np.full((2, 2, 3), 200, np.uint8)
    assert (blend(rgb, colors) == 150).all() and (blend(rgb, colors, 0.25) == 125).all()
    assert np.array_equal(blend(rgb, colors, 0.0), rgb) and np.array_equal(blend(rgb, colors, 1.0), colors)
    assert (rgb == 100).all() and (colors == 200).all()


@pytest.mark.parametrize("width", [20, 320, 3000])
def test_legend_shows_the_classes_that_occur_and_only_those(width):
    classes = ClassDict(["Sky", "Road", "Car"], [(255, 0, 0), (0, 200, 0), (0, 0, 255)])  # letters are gray
    rgb = np.full((30, width, 3), 7, np.uint8)
    shown = with_legend(rgb, classes, np.array([[1, 1, 2, 255]], np.uint8))
    assert shown.dtype == np.uint8 and shown.shape[1:] == (width, 3) and shown.shape[0] > 30
    assert np.array_equal(shown[:30], rgb)
    found = {tuple(color) for color in shown[30:].reshape(-1, 3).tolist()}
    assert {(0, 200, 0), (0, 0, 255)} <= found and (255, 0, 0) not in found


def test_legend_breaks_lines_and_puts_up_with_nothing_to_show():
    many = ClassDict([f"class number {i}" for i in range(20)], [(255 - i, 200, i) for i in range(20)])
    rgb = np.zeros((30, 200, 3), np.uint8)
    empty, full = with_legend(rgb, many, np.array([255])), with_legend(rgb, many, np.arange(20))
    assert (empty[30:] == 255).all()
    assert full.shape[0] - 30 >= 5 * (empty.shape[0] - 30)
    found = {tuple(color) for color in full[30:].reshape(-1, 3).tolist()}
    assert all(tuple(color) in found for color in many.label_values.tolist())
