"""Rasterization of shapes."""

import numpy as np
import pytest

from tools.formats import polygons
from tools.formats.polygons import Canvas, draw_by_area, polygon_area
from utils.errors import UsageError


def test_a_polygon_covers_the_pixels_whose_centers_are_inside():
    canvas = Canvas(6, 8, background=9)
    canvas.rectangle((2, 1), (5, 4), 1)
    assert np.argwhere(canvas.label == 1).tolist() == [[y, x] for y in (1, 2, 3) for x in (2, 3, 4)]
    canvas.polygon([(0, 0), (2.4, 0), (2.4, 2.6), (0, 2.6)], 2)
    assert (canvas.label[:3, :2] == 2).all() and canvas.label[1, 2] == 1 and canvas.label[3, 0] == 9


def test_neighbors_leave_no_gap_and_do_not_overlap():
    generator = np.random.default_rng(0)
    for _ in range(20):
        first, second = Canvas(20, 30, 0), Canvas(20, 30, 0)
        x1, x2 = generator.uniform(0, 30, 2)
        first.polygon([(-5, -5), (x1, -5), (x2, 25), (-5, 25)], 1)
        second.polygon([(x1, -5), (35, -5), (35, 25), (x2, 25)], 1)
        assert (first.label + second.label == 1).all()


def test_shapes_may_stick_out_and_cross_themselves():
    canvas = Canvas(4, 4, 0)
    canvas.rectangle((-10, 2), (10, 10), 1)
    assert canvas.label.tolist() == [[0] * 4, [0] * 4, [1] * 4, [1] * 4]
    canvas.mask(-1, -1, np.ones((2, 2), bool), 5)
    canvas.mask(3, 3, np.ones((2, 2), bool), 6)
    assert canvas.label[0].tolist() == [5, 0, 0, 0] and canvas.label[3].tolist() == [1, 1, 1, 6]
    canvas = Canvas(9, 9, 0)
    canvas.polygon([(0, 0), (9, 0), (9, 9), (0, 9), (0, 0), (3, 3), (6, 3), (6, 6), (3, 6), (3, 3)], 1)
    assert canvas.label[4, 4] == 0 and canvas.label.sum() == 81 - 9


def test_circle_area():
    canvas = Canvas(100, 100, 0)
    canvas.ellipse((50, 50), (30, 20), 1, angle=30)
    assert canvas.label.sum() == pytest.approx(np.pi * 30 * 20, rel=0.01)
    assert canvas.label[50 + 12, 50 + 22] == 1 and canvas.label[50 - 12, 50 + 22] == 0  # clockwise, as y points down


def test_lines_and_dots():
    canvas = Canvas(20, 40, 0)
    canvas.line([(5, 10), (30, 10)], 4, 1)
    assert canvas.label.sum() == 26 * 4 and canvas.label[9:13, 5:31].all()
    canvas.dot((35, 10), 2, 3)
    assert (canvas.label == 3).sum() == 21 and canvas.label[10, 33] == canvas.label[12, 35] == 3
    canvas.line([(-50, -50), (-5, -5)], 4, 7)
    canvas.dot((100, 100), 5, 7)
    assert not (canvas.label == 7).any()


def test_areas_and_the_order_of_drawing():
    square = np.array([(0, 0), (4, 0), (4, 4), (0, 4)])
    assert polygon_area(square) == polygon_area(square[::-1]) == 16 and polygon_area(square[:3]) == 8
    drawn = []
    shapes = [(True, 2, "small"), (True, 9, "large"), (False, 1, "crowd"), (True, 9, "second")]
    draw_by_area([(above, area, lambda name=name: drawn.append(name)) for above, area, name in shapes])
    assert drawn == ["crowd", "large", "second", "small"]


def test_several_polygons_cover_their_union_in_one_pass(monkeypatch):
    generator = np.random.default_rng(0)
    shapes = [generator.uniform(-10, 50, (generator.integers(1, 9), 2)) for _ in range(60)]
    for block in (polygons.BLOCK, 50):
        monkeypatch.setattr(polygons, "BLOCK", block)
        for first in range(0, 60, 4):
            one_by_one, at_once = Canvas(40, 37, 0), Canvas(40, 37, 0)
            for points in shapes[first : first + 4]:
                one_by_one.polygon(points, 1)
            at_once.polygons(shapes[first : first + 4], 1)
            assert (one_by_one.label == at_once.label).all() and one_by_one.label.any()
    at_once.polygons([], 2)
    assert not (at_once.label == 2).any()


def test_polygons_of_many_points_are_drawn_in_blocks_up_to_a_limit(monkeypatch):
    points = np.random.default_rng(0).uniform(-5, 45, (50, 2))
    whole, parts = Canvas(40, 40, 0), Canvas(40, 40, 0, "a.jpg")
    whole.polygon(points, 1)
    monkeypatch.setattr(polygons, "BLOCK", 7)
    parts.polygon(points, 1)
    assert (whole.label == parts.label).all() and 0 < whole.label.sum() < whole.label.size
    monkeypatch.setattr(polygons, "MOST_CROSSINGS", 100)
    with pytest.raises(UsageError, match="^a.jpg: a polygon of 50 points crosses [0-9]+ rows; draw it with fewer"):
        parts.polygon(points, 1)
