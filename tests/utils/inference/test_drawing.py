"""Colors, overlays, shares."""

import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.errors import UsageError
from utils.inference.drawing import Painter, blend, draw_outlines, unknown_color

CLASSES = ClassDict(["Sky", "Road", "Car"], [(10, 20, 30), (200, 0, 0), (0, 200, 0)])
INDICES = np.array([[0, 1], [2, 1]], np.uint8).repeat(40, 0).repeat(40, 1)


def test_all_classes():
    np.testing.assert_array_equal(Painter(CLASSES).colors(INDICES), CLASSES.decode(INDICES))


def test_only_some():
    painter = Painter(CLASSES, ["Road"], outlines=False)
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


def test_the_legend_of_an_image_has_shares_and_the_greatest_first():
    indices = np.zeros((40, 100), np.uint8)
    indices[:30], indices[39, 99] = 2, 255
    names = [(name, share) for name, share, _ in Painter(CLASSES).legend(indices)]
    assert names == [("Car", "75.0 %"), ("Sky", "25.0 %"), ("unknown", "<0.1 %")]
    assert [name for name, share, _ in Painter(CLASSES).legend(None) if not share] == CLASSES.class_names
    assert Painter(CLASSES, ["Sky"]).legend(indices)[0] == ("Sky", "25.0 %", [10, 20, 30])


def test_outlines_are_dark_lines_of_two_pixels():
    picture, is_painted = np.full((80, 80, 3), 250, np.uint8), np.ones((80, 80), bool)
    colors = CLASSES.decode(INDICES)
    drawn = draw_outlines(picture, INDICES, colors, is_painted)
    assert (picture == 250).all() and (drawn[:38, :38] == 250).all() and (drawn[60, 60] == 250).all()
    np.testing.assert_allclose(drawn[10, 39], 0.4 * colors[10, 39], atol=1)
    np.testing.assert_allclose(drawn[10, 40], 0.4 * colors[10, 40], atol=1)
    assert (drawn[10, 38] < 250).any() and (drawn[10, 38] > drawn[10, 39]).all()  # anti-aliased
    assert (drawn[0, 0] == 250).all()  # the border of the image is none of a class
    drawn = draw_outlines(picture, INDICES, colors, INDICES == 1)
    assert (drawn[INDICES != 1] == 250).all() and (drawn[10, 40] < 250).any()
    large = np.zeros((2400, 2400), np.uint8)
    large[:, 1200:] = 1
    drawn = draw_outlines(np.full((2400, 2400, 3), 250, np.uint8), large, CLASSES.decode(large), large < 2)
    assert (drawn[5, 1198:1202] < 100).any(axis=-1).all() and (drawn[5, 1195] == 250).all()


def test_unknown_pixels_have_a_color_unlike_the_classes():
    assert unknown_color(CLASSES.label_values) == (255, 255, 255)
    assert unknown_color(np.array([(250, 250, 250), (255, 0, 250)], np.uint8)) == (0, 0, 0)
    every = np.array([(x, y, z) for x in (0, 128, 255) for y in (0, 128, 255) for z in (0, 128, 255)], np.uint8)
    assert unknown_color(every[:-1]) == (255, 255, 255) and unknown_color(every) in map(tuple, every.tolist())
    unknown = np.full((2, 2), 255, np.uint8)
    assert (Painter(CLASSES).colors(unknown) == 255).all() and (Painter(CLASSES, ["Car"]).colors(unknown) == 255).all()
