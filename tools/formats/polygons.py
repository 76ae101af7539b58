"""Rasterization of polygons, ellipses, lines and masks."""

import numpy as np

from utils.class_dict import IGNORED
from utils.errors import UsageError

BLOCK = 1 << 20  # crossings of edges and rows at a time: a polygon that has more is a block of its own
MOST_CROSSINGS = 5_000_000  # of a polygon, which take a second


class Canvas:
    """A label image on which shapes are drawn in order.

    Points are `(x, y)` in pixels from the upper left corner of the image. A pixel belongs to a shape if its center
    is inside, so that shapes with a common edge neither overlap nor leave a gap.

    Args:
        height, width: int, pixels.
        background: int, the value of pixels that no shape covers.
        name: of the image, for errors.

    Attributes:
        label: uint8 array `(height, width)`.
    """

    def __init__(self, height, width, background=IGNORED, name="the image"):
        self.label, self.name = np.full((height, width), background, np.uint8), name

    def polygon(self, points, value):
        """Fills a polygon, by the even-odd rule where it crosses itself."""
        self.polygons([points], value)

    def polygons(self, polygons, value):
        """Fills the union of several polygons, each by the even-odd rule where it crosses itself."""
        points = [np.asarray(polygon, float) for polygon in polygons]
        if not points:
            return
        corners, size = np.concatenate(points), self.label.shape[::-1]
        left, top = np.clip(np.floor(corners.min(axis=0)), 0, size).astype(int)
        right, bottom = np.clip(np.ceil(corners.max(axis=0)), 0, size).astype(int)
        if left < right and top < bottom:
            try:
                self.label[top:bottom, left:right][inside(points, left, top, right, bottom)] = value
            except UsageError as error:
                raise UsageError(f"{self.name}: {error}") from None

    def rectangle(self, corner, opposite, value):
        """Fills an axis-aligned rectangle, from two opposite corners."""
        (x1, y1), (x2, y2) = corner, opposite
        self.polygon([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], value)

    def ellipse(self, center, radii, value, angle=0.0):
        """Fills an ellipse of two radii, rotated clockwise by an angle in degrees."""
        angles = np.deg2rad(np.linspace(0, 360, 360, endpoint=False))
        x, y = radii[0] * np.cos(angles), radii[1] * np.sin(angles)
        cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        self.polygon(np.stack([center[0] + x * cos - y * sin, center[1] + x * sin + y * cos], axis=1), value)

    def line(self, points, width, value):
        """Draws a line through points, `width` pixels wide, as Pillow does."""
        from PIL import Image, ImageDraw

        mask = Image.new("1", self.label.shape[::-1])
        ImageDraw.Draw(mask).line([tuple(point) for point in points], fill=1, width=width)
        self.label[np.array(mask)] = value

    def dot(self, center, radius, value):
        """Draws a disk of a radius in pixels around the pixel at `center`, as Pillow does."""
        from PIL import Image, ImageDraw

        (x, y), mask = center, Image.new("1", self.label.shape[::-1])
        ImageDraw.Draw(mask).ellipse([x - radius, y - radius, x + radius, y + radius], fill=1)
        self.label[np.array(mask)] = value

    def mask(self, left, top, mask, value):
        """Fills the pixels of a bool array `(H, W)`; `left` and `top` are the pixel of its upper left corner."""
        height, width = self.label.shape
        mask = mask[max(-top, 0) : max(height - top, 0), max(-left, 0) : max(width - left, 0)]
        left, top = max(left, 0), max(top, 0)
        self.label[top : top + mask.shape[0], left : left + mask.shape[1]][mask] = value


def inside(polygons: list[np.ndarray], left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """Returns which pixels are inside a polygon: those after an odd number of its crossings in their row.

    Args:
        polygons: list of float arrays `(N, 2)` of x and y.
        left, top, right, bottom: int, the pixels to look at, without `right` and `bottom`.

    Returns:
        bool array `(bottom - top, right - left)`.

    Raises:
        UsageError: if a polygon zigzags too often.
    """
    lengths = np.array([len(points) for points in polygons])
    owners, ends = np.repeat(np.arange(len(polygons)), lengths), np.cumsum(lengths)
    following = np.arange(1, ends[-1] + 1)
    following[ends - 1] = ends - lengths  # the last point of a polygon is joined to its first
    x1, y1 = np.concatenate(polygons).T
    x2, y2 = x1[following], y1[following]
    first = np.clip(np.ceil(np.minimum(y1, y2) - 0.5), top, bottom).astype(int)  # the rows that an edge crosses
    counts = np.clip(np.ceil(np.maximum(y1, y2) - 0.5), top, bottom).astype(int) - first
    totals = np.bincount(owners, counts, len(polygons)).astype(int)
    if totals.max() > MOST_CROSSINGS:
        most = np.argmax(totals)
        raise UsageError(
            f"a polygon of {len(polygons[most])} points crosses {totals[most]:,} rows; draw it with fewer points"
        )
    height, width = bottom - top, right - left + 1
    changes = np.zeros((height, width), np.int32)  # of the number of polygons that cover a pixel, from left to right
    blocks = (np.cumsum(totals) // BLOCK)[owners]  # bounds the memory
    for block in np.unique(blocks):
        edges = np.flatnonzero((blocks == block) & (counts > 0))
        start = np.cumsum(counts[edges]) - counts[edges]
        rows = np.arange(counts[edges].sum()) + np.repeat(first[edges] - start, counts[edges])
        edges = np.repeat(edges, counts[edges])
        share = (rows + 0.5 - y1[edges]) / (y2[edges] - y1[edges])
        crossings = x1[edges] + share * (x2[edges] - x1[edges])
        columns = np.clip(np.ceil(crossings - 0.5), left, right).astype(int) - left
        # A closed line crosses a row an even number of times: sorted by polygon, row and column, crossings are pairs.
        cells = np.sort((owners[edges] * height + rows - top) * width + columns) % (height * width)
        np.add.at(changes.reshape(-1), cells[::2], 1)
        np.add.at(changes.reshape(-1), cells[1::2], -1)
    return np.cumsum(changes, axis=1, out=changes)[:, :-1] > 0


def polygon_area(points) -> float:
    """Computes the area of a polygon in square pixels (the shoelace formula)."""
    x, y = np.asarray(points, float).T
    return abs(float(x[:-1] @ y[1:] + x[-1] * y[0] - y[:-1] @ x[1:] - y[-1] * x[0])) / 2


def draw_by_area(shapes: list[tuple]) -> None:
    """Draws shapes from the largest to the smallest, so that none is hidden by a larger one.

    Args:
        shapes: list of tuples: whether the shape is above those that are not, its area, and a function that draws it.
    """
    for number in sorted(range(len(shapes)), key=lambda number: (shapes[number][0], -shapes[number][1])):
        shapes[number][2]()
