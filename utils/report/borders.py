"""Scores in a narrow band along the borders between classes (trimap).

Most pixels of a scene are inside large areas; a band along the borders shows how well outlines are drawn.
Kohli, Ladicky and Torr, "Robust Higher Order Potentials for Enforcing Label Consistency" (IJCV 2009);
Csurka, Larlus and Perronnin, "What is a good evaluation measure for semantic segmentation?" (BMVC 2013).
"""

from collections.abc import Sequence

import cv2
import numpy as np

from utils.class_dict import IGNORED
from utils.metrics import ConfusionMatrix

WIDTH = 3  # pixels on each side of a border


def border_band(label: np.ndarray, width: int = WIDTH) -> np.ndarray:
    """Finds the pixels near a change of the label; ignored areas have borders as well, the image's edge has none.

    Args:
        label: uint8 array `(H, W)`, class indices; 255 = ignored.
        width: pixels on each side of a border: a pixel is in the band if the square of `2 * width + 1` pixels around
            it has another label.

    Returns:
        bool array `(H, W)`.
    """
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    return cv2.dilate(label, square) != cv2.erode(label, square)


class BorderScores:
    """Confusion matrix of the pixels along borders.

    Args:
        class_names: C names.
        width: pixels on each side of a border.
    """

    def __init__(self, class_names: Sequence[str], width: int = WIDTH):
        self.confusion, self.width = ConfusionMatrix(len(class_names), class_names), width

    def update(self, label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Adds an image.

        Args:
            label, prediction: uint8 arrays `(H, W)`, class indices; 255 = ignored.

        Returns:
            int64 array `(C, C)`, the confusion matrix of the band of this image.
        """
        in_band = np.where(border_band(label, self.width), label, np.uint8(IGNORED))
        return self.confusion.update(in_band, prediction)

    def result(self) -> dict:
        """Computes the scores, in 0..1.

        Returns:
            Dict with `width` in pixels, `mean_iou`, `global_accuracy`, `class_iou` (dict by class name) and `pixels`,
            the number of pixels in the band.
        """
        scores = self.confusion.result()
        kept = {name: scores[name] for name in ("mean_iou", "global_accuracy", "class_iou")}
        return {"width": self.width, **kept, "pixels": int(self.confusion.matrix.sum())}
