"""Label images as stored: values of one channel, a palette, or colors."""

import collections
import threading
from collections.abc import Iterable

import numpy as np

from utils.data import label_files
from utils.errors import UsageError


def read_stored(path):
    """Reads a label image without decoding its values.

    Args:
        path: of an image file, or of a NumPy array in a `.npy` file.

    Returns:
        `(pixels, palette)`: integer array `(H, W)` of values or uint8 `(H, W, 3)` of RGB colors; the palette, uint8
        `(P, 3)`, or None.

    Raises:
        UsageError: if it is damaged or not an image.
    """
    stored = label_files.read_stored(path)
    return stored.pixels, stored.palette


def read_ids(path, table):
    """Reads a label image of one channel as class indices.

    Args:
        path: of an image file, grayscale or with a palette.
        table: uint8 array `(65536,)`, the class index of each value.

    Returns:
        uint8 array `(H, W)` of class indices.

    Raises:
        UsageError: if it is unreadable, or has colors.
    """
    pixels, _ = read_stored(path)
    if pixels.ndim != 2:
        raise UsageError(f"{path} has colors; expected one channel of class numbers")
    if pixels.min() < 0 or pixels.max() >= len(table):
        raise UsageError(f"{path} has values from {pixels.min()} to {pixels.max()}; expected class numbers")
    return table.take(pixels)


class OfficialIds:
    """Decoder of label images of one channel whose values the format fixes; others are ignored and counted.

    Args:
        table: uint8 array `(65536,)`, the class index of each value.
        values: all values of the format, those that are ignored on purpose included.
    """

    def __init__(self, table: np.ndarray, values: Iterable[int]):
        self.table, self.is_foreign = table, np.ones(len(table), bool)
        self.is_foreign[list(values)] = False
        self._pixels, self._files, self._lock = collections.Counter(), 0, threading.Lock()

    def __call__(self, path) -> np.ndarray:
        """Reads a label image as class indices, uint8 `(H, W)`; raises UsageError as `read_ids`."""
        return self.decode(read_ids(path, np.arange(len(self.table))))

    def decode(self, ids: np.ndarray) -> np.ndarray:
        """Converts values `(H, W)` to class indices; safe on threads."""
        foreign = self.is_foreign.take(ids)
        if foreign.any():
            values, counts = np.unique(ids[foreign], return_counts=True)
            with self._lock:
                self._pixels.update(dict(zip(values.tolist(), counts.tolist())))
                self._files += 1
        return self.table.take(ids)

    def note(self) -> str:
        """Describes the values that the format does not have in one line; "" if there were none."""
        if not self._pixels:
            return ""
        commonest = ", ".join(f"{value} ({count:,} px)" for value, count in self._pixels.most_common(3))
        more = ", ..." if len(self._pixels) > 3 else ""
        return f"{self._files} labels have values that this format does not have, now ignored: {commonest}{more}"
