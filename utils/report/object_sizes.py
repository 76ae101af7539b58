"""Recall of objects by their size: connected areas of a class in the label, in bins of pixels."""

from collections.abc import Sequence

import cv2
import numpy as np

from utils.class_dict import IGNORED

EDGES = (1, 64, 256, 1024, 4096, 16384, 65536)  # pixels; the last bin has no upper end
FOUND = 0.5  # least recall of an object that counts as found


class ObjectSizes:
    """Objects and their recall, by class and size.

    An object is a connected area of one class, diagonal neighbors included. Its recall is the share of its pixels that
    are predicted as its class.

    Args:
        class_names: C names.

    Attributes:
        count, found: int64 arrays `(C, bins)`, numbers of objects, and of those with a recall of at least 0.5.
        recall: float64 array `(C, bins)`, the sum of their recalls.
    """

    def __init__(self, class_names: Sequence[str]):
        self.class_names = list(class_names)
        shape = len(self.class_names), len(EDGES)
        self.count, self.found = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self.recall = np.zeros(shape)

    def update(self, label: np.ndarray, prediction: np.ndarray) -> None:
        """Adds the objects of an image, uint8 class indices `(H, W)`; 255 = ignored."""
        for index in np.flatnonzero(np.bincount(label.ravel(), minlength=256)[:IGNORED]).tolist():
            area, recall = objects(label, prediction, index)
            bins = np.searchsorted(EDGES, area, side="right") - 1
            np.add.at(self.count[index], bins, 1)
            np.add.at(self.found[index], bins, recall >= FOUND)
            np.add.at(self.recall[index], bins, recall)

    def result(self) -> dict:
        """Computes the recalls, in 0..1, or None where there are no objects.

        Returns:
            Dict with `edges`, the least area of each bin in pixels; `all` and `classes` (by class name), each a dict
            with the lists `count`, `recall` (mean over objects) and `found` (share with a recall of at least 0.5).
        """
        rows = {name: self._rows([index]) for index, name in enumerate(self.class_names)}
        return {"edges": list(EDGES), "all": self._rows(slice(None)), "classes": rows}

    def _rows(self, classes):
        """Sums the bins over classes."""
        count = self.count[classes].sum(axis=0)
        share = [None if not n else float(found / n) for n, found in zip(count, self.found[classes].sum(axis=0))]
        mean = [None if not n else float(recall / n) for n, recall in zip(count, self.recall[classes].sum(axis=0))]
        return {"count": count.tolist(), "recall": mean, "found": share}


def objects(label: np.ndarray, prediction: np.ndarray, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Measures the objects of one class.

    Args:
        label, prediction: uint8 arrays `(H, W)`, class indices.
        index: the class.

    Returns:
        `(area, recall)`: arrays `(N,)`, pixels and 0..1.
    """
    mask = (label == index).view(np.uint8)
    x, y, width, height = cv2.boundingRect(mask)  # most classes fill a small part of an image
    box = slice(y, y + height), slice(x, x + width)
    _, numbers, statistics, _ = cv2.connectedComponentsWithStats(mask[box], connectivity=8)
    area = statistics[1:, cv2.CC_STAT_AREA]
    hits = np.bincount(numbers[prediction[box] == index], minlength=len(statistics))[1:]
    return area, hits / area
