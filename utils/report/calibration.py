"""Calibration: whether the probability of the predicted class is the share of correct pixels.

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks" (ICML 2017).
"""

import numpy as np

from utils.class_dict import IGNORED

BINS = 15


class Calibration:
    """Reliability curve and expected calibration error (ECE), counted pixel by pixel.

    Args:
        bins: number of equal intervals `(m / bins, (m + 1) / bins]` of the confidence.

    Attributes:
        count, correct: int64 arrays `(bins,)`, pixels and correct pixels.
        confidence: float64 array `(bins,)`, sum of the confidences.
    """

    def __init__(self, bins: int = BINS):
        self.bins = bins
        self.count, self.correct = np.zeros(bins, np.int64), np.zeros(bins, np.int64)
        self.confidence = np.zeros(bins)

    def update(self, label: np.ndarray, prediction: np.ndarray, confidence: np.ndarray) -> None:
        """Adds an image.

        Args:
            label, prediction: uint8 arrays `(H, W)`, class indices; 255 = ignored.
            confidence: float array `(H, W)`, probability of the predicted class, 0..1.
        """
        valid = label != IGNORED
        confidence = confidence[valid].astype(np.float32)
        bins = np.clip(np.ceil(confidence * self.bins).astype(np.int64) - 1, 0, self.bins - 1)
        is_correct = (label == prediction)[valid]
        self.count += np.bincount(bins, minlength=self.bins)
        self.correct += np.bincount(bins[is_correct], minlength=self.bins)
        self.confidence += np.bincount(bins, confidence, self.bins)

    def result(self) -> dict:
        """Computes the calibration.

        Returns:
            Dict with `ece`, the mean distance of accuracy and confidence over pixels, 0..1 (None without pixels), and
            the lists `count` (pixels), `confidence` and `accuracy` (means, None for empty bins) of the bins.
        """
        filled = self.count > 0
        count = np.maximum(self.count, 1)
        confidence, accuracy = self.confidence / count, self.correct / count
        total = int(self.count.sum())
        ece = float(self.count @ np.abs(accuracy - confidence)) / total if total else None
        return {
            "ece": ece,
            "count": self.count.tolist(),
            "confidence": [float(value) if is_filled else None for value, is_filled in zip(confidence, filled)],
            "accuracy": [float(value) if is_filled else None for value, is_filled in zip(accuracy, filled)],
        }
