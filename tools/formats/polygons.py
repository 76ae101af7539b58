"""Rasterization of polygons, ellipses and masks, and EXIF orientation of labels."""

import numpy as np

from utils.class_dict import IGNORED
from utils.data.orientation import exif_orientation, undo_orientation


class Canvas:
    """A label image on which shapes are drawn in order.

    Points are `(x, y)` in pixels from the upper left corner of the image. A pixel belongs to a shape if its center
    is inside, so that shapes with a common edge neither overlap nor leave a gap.

    Args:
        height, width: int, pixels.
        background: int, the value of pixels that no shape covers.

    Attributes:
        label: uint8 array `(height, width)`.
    """

    def __init__(self, height, width, background=IGNORED):
        self.label = np.full((height, width), background, np.uint8)

    def polygon(self, points, value):
        """Fills a polygon, by the even-odd rule where it crosses itself."""
        self.label[self._inside(np.asarray(points, float))] = value

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

    def mask(self, left, top, mask, value):
        """Fills the pixels of a bool array `(H, W)`; `left` and `top` are the pixel of its upper left corner."""
        height, width = self.label.shape
        mask = mask[max(-top, 0) : max(height - top, 0), max(-left, 0) : max(width - left, 0)]
        left, top = max(left, 0), max(top, 0)
        self.label[top : top + mask.shape[0], left : left + mask.shape[1]][mask] = value

    def _inside(self, points):
        """Mask of a polygon, bool `(H, W)`: a pixel is inside after an odd number of crossings in its row."""
        height, width = self.label.shape
        (x1, y1), (x2, y2) = points.T, np.roll(points, -1, axis=0).T
        rows = np.arange(height) + 0.5
        edges, rows_crossed = np.nonzero((y1[:, None] <= rows) != (y2[:, None] <= rows))
        share = (rows[rows_crossed] - y1[edges]) / (y2[edges] - y1[edges])
        crossings = x1[edges] + share * (x2[edges] - x1[edges])
        columns = np.clip(np.ceil(crossings - 0.5), 0, width).astype(int)
        flips = np.zeros((height, width + 1), np.uint8)
        np.bitwise_xor.at(flips, (rows_crossed, columns), 1)
        return np.bitwise_xor.accumulate(flips, axis=1)[:, :width].astype(bool)


def to_stored_orientation(label: np.ndarray, image_path) -> np.ndarray:
    """Reverts the EXIF orientation of an image on its label, since datasets are read as stored.

    Args:
        label: array `(H, W)`, drawn on the upright image.
        image_path: of the image.

    Returns:
        Array `(H, W)` or `(W, H)`.
    """
    return undo_orientation(label, exif_orientation(image_path))
