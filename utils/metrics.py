"""Confusion matrix and segmentation scores."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from utils.class_dict import IGNORED

MOST_COUNTED = 1 << 24  # OpenCV counts in float32, which has no gaps between integers up to here


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts pixels by true and predicted class.

    Args:
        labels: integer array of any shape, class indices, 255 = ignored.
        predictions: integer array of the same shape, class indices.
        num_classes: int, C <= 254.

    Returns:
        int64 array `(C, C)`: `[i, j]` is the number of pixels of class i that were predicted as class j.

    Raises:
        ValueError: for different shapes, or indices outside 0..C-1.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape:
        raise ValueError(f"labels have shape {labels.shape}, predictions {predictions.shape}")
    if not labels.dtype == predictions.dtype == np.uint8:
        _check_indices(labels, predictions, num_classes)
        labels, predictions = labels.astype(np.uint8), predictions.astype(np.uint8)
    # Pairs of ignored labels are at least 255 * C, behind the last bin.
    pairs = np.multiply(labels, num_classes, dtype=np.uint16)
    pairs += predictions
    counts = histogram(pairs, num_classes**2)
    if predictions.max(initial=0) >= num_classes or counts.sum() + np.count_nonzero(labels == IGNORED) != labels.size:
        _check_indices(labels, predictions, num_classes)
    return counts.reshape(num_classes, num_classes)


def histogram(values: np.ndarray, bins: int) -> np.ndarray:
    """Counts the values 0..bins-1 of a uint8 or uint16 array of any shape: int64 `(bins,)`."""
    values = values.reshape(1, -1)
    try:
        import cv2  # counts in half the time of NumPy, which converts its input to int64
    except ImportError:
        return np.bincount(values[0], minlength=bins)[:bins]
    counts = np.zeros(bins, np.int64)
    for start in range(0, values.size, MOST_COUNTED):
        part = values[:, start : start + MOST_COUNTED]
        counts += cv2.calcHist([part], [0], None, [bins], [0, bins]).ravel().astype(np.int64)
    return counts


def _check_indices(labels, predictions, num_classes):
    """Raises ValueError if a pixel that is not ignored has an index outside 0..C-1."""
    valid = labels != IGNORED
    for source, indices in (("label", labels[valid]), ("prediction", predictions[valid])):
        if indices.size and not 0 <= indices.min() <= indices.max() < num_classes:
            wrong = indices.max() if indices.min() >= 0 else indices.min()
            raise ValueError(f"{source} index {wrong} is not one of {num_classes} classes")


class ConfusionMatrix:
    """Confusion matrix of a dataset, and the scores computed from it.

    Args:
        num_classes: C.
        class_names: C names, the keys of per-class scores; by default the indices.

    Attributes:
        matrix: int64 array `(C, C)`, rows = truth, columns = prediction.
        images: int, the number of images counted.
    """

    def __init__(self, num_classes: int, class_names: Sequence[str] | None = None):
        self.num_classes = num_classes
        self.class_names = list(class_names or map(str, range(num_classes)))
        self.reset()

    def reset(self):
        """Sets all counts to zero."""
        self.matrix = np.zeros((self.num_classes, self.num_classes), np.int64)
        self.images = 0

    def update(self, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Adds the pixels of an image, `(H, W)`, or a batch, `(B, H, W)`.

        Args:
            labels: integer array, class indices, 255 = ignored.
            predictions: integer array of the same shape.

        Returns:
            int64 array `(C, C)`, the confusion matrix of these pixels alone.
        """
        matrix = confusion_matrix(labels, predictions, self.num_classes)
        self.matrix += matrix
        self.images += len(labels) if np.ndim(labels) == 3 else 1
        return matrix

    def result(self, images_per_second: float | None = None) -> dict:
        """Computes the scores.

        Args:
            images_per_second: added to the result as it is.

        Returns:
            Dict with: `mean_iou`, the mean of `class_iou`; `global_accuracy`, the share of correct pixels;
            `class_iou` and `class_accuracy` (recall), dicts by class name; `precision`, `recall` and `f1`, means over
            classes weighted by their true pixels (so `recall` equals `global_accuracy`); `macro_precision`,
            `macro_recall` and `macro_f1`, unweighted means; `images`; `images_per_second`. Scores are in 0..1. The
            accuracy of a class without true pixels is None, and so is its IoU if it was not predicted either; None is
            left out of the means. Without a labeled pixel all scores are None.
        """
        correct = np.diag(self.matrix).astype(float)
        truth, predicted = self.matrix.sum(axis=1), self.matrix.sum(axis=0)
        iou = _divide(correct, truth + predicted - correct)
        accuracy = _divide(correct, truth)
        precision = np.nan_to_num(_divide(correct, predicted))
        f1 = np.nan_to_num(_divide(2 * correct, truth + predicted))
        present = truth > 0
        share = truth / max(truth.sum(), 1)
        scores = {
            "mean_iou": _mean(iou),
            "global_accuracy": float(correct.sum() / max(truth.sum(), 1)),
            "class_iou": self._by_name(iou),
            "class_accuracy": self._by_name(accuracy),
            "precision": float(share @ precision),
            "recall": float(share @ np.nan_to_num(accuracy)),
            "f1": float(share @ f1),
            "macro_precision": _mean(precision[present]),
            "macro_recall": _mean(accuracy),
            "macro_f1": _mean(f1[present]),
        }
        if not present.any():
            scores.update({name: None for name, score in scores.items() if not isinstance(score, dict)})
        return {**scores, "images": self.images, "images_per_second": images_per_second}

    def _by_name(self, values):
        return {n: None if np.isnan(v) else float(v) for n, v in zip(self.class_names, values)}


class ImageScores(NamedTuple):
    """The original suite's scores of one image, or their means over images, in 0..1.

    All but `class_accuracy` are NaN for an image without labeled pixels.

    Attributes:
        accuracy: share of correct pixels.
        precision, recall, f1: means over classes weighted by their true pixels. (The suite had precision and recall
            interchanged.)
        mean_iou: mean over the classes in this image's labels.
        class_accuracy: list of C floats; 1 for classes that are not in the image.
    """

    accuracy: float
    precision: float
    recall: float
    f1: float
    mean_iou: float
    class_accuracy: list[float]

    def flatten(self) -> list[float]:
        """Returns the 5 + C numbers in the order of the columns of test_scores.csv."""
        *scores, class_accuracy = self
        return [*scores, *class_accuracy]


def image_scores(matrix: np.ndarray) -> ImageScores:
    """Computes the scores of one image.

    Args:
        matrix: int64 array `(C, C)`, the image's confusion matrix.
    """
    confusion = ConfusionMatrix(len(matrix))
    confusion.matrix = matrix
    scores = confusion.result()
    present = matrix.sum(axis=1) > 0
    if not present.any():
        return ImageScores(*[np.nan] * 5, [1.0] * len(matrix))
    iou = [value for value, is_present in zip(scores["class_iou"].values(), present) if is_present]
    return ImageScores(
        accuracy=scores["global_accuracy"],
        precision=scores["precision"],
        recall=scores["recall"],
        f1=scores["f1"],
        mean_iou=float(np.mean(iou)),
        class_accuracy=[1.0 if value is None else value for value in scores["class_accuracy"].values()],
    )


def mean_scores(images: Sequence[ImageScores]) -> ImageScores:
    """Averages the scores of images, at least one. Those without labeled pixels are left out."""
    images = [scores for scores in images if not np.isnan(scores.accuracy)] or images[:1]
    means = np.mean([scores.flatten() for scores in images], axis=0).tolist()
    classes = len(images[0].class_accuracy)
    return ImageScores(*means[:-classes], means[-classes:])


def _divide(numerator, denominator):
    """Divides, with NaN where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0)


def _mean(values):
    """Mean of the values that are not NaN; None if there are none."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else None
