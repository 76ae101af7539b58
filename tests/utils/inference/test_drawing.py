"""Colors, overlays, shares."""

import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.errors import UsageError
from utils.inference.drawing import Painter

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
