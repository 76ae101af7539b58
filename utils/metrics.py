"""Scores: one confusion matrix for the headline, and the original suite's means of per-image scores beside it."""

import cv2
import keras
import numpy as np
from keras import ops

from utils.class_dict import IGNORED, UNKNOWN
from utils.losses.cross_entropy import split_ignored

MOST_COUNTED = 1 << 24  # pixels; OpenCV's histograms are float32, which has no gaps between whole numbers up to here


def confusion_matrix(labels, predictions, num_classes):
    """Counts pixels.

    Args:
        labels: integer array of any shape, class indices, 255 = ignored.
        predictions: integer array of the same shape, class indices.
        num_classes: int, C <= 254.

    Returns:
        int64 array `(C, C)`: `[i, j]` is the number of pixels of class i that were predicted as class j.

    Raises:
        ValueError: for different shapes, or indices that are no class.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape:
        raise ValueError(f"labels have shape {labels.shape}, predictions {predictions.shape}")
    matrix = _histogram(labels, predictions, num_classes)
    if matrix is not None:
        return matrix
    valid = labels != IGNORED
    labels, predictions = labels[valid], predictions[valid]
    for what, indices in (("label", labels), ("prediction", predictions)):
        if indices.size and not 0 <= indices.min() <= indices.max() < num_classes:
            wrong = indices.max() if indices.min() >= 0 else indices.min()
            raise ValueError(f"{what} index {wrong} is not one of {num_classes} classes")
    pairs = labels.astype(np.uint16) * num_classes + predictions
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


class ConfusionMatrix:
    """Accumulates the confusion matrix of a data set and computes all scores from it.

    Args:
        num_classes: int, C.
        class_names: C str, the keys of per-class scores; by default the indices.

    Attributes:
        matrix: int64 array `(C, C)`, rows = truth, columns = prediction.
        images: int, the number of images counted.
    """

    def __init__(self, num_classes, class_names=None):
        self.num_classes = num_classes
        self.class_names = list(class_names or map(str, range(num_classes)))
        self.reset()

    def reset(self):
        """Starts anew."""
        self.matrix = np.zeros((self.num_classes, self.num_classes), np.int64)
        self.images = 0

    def update(self, labels, predictions):
        """Adds an image, `(H, W)`, or a batch, `(B, H, W)`.

        Args:
            labels: integer array, class indices, 255 = ignored.
            predictions: integer array of the same shape.

        Returns:
            int64 array `(C, C)`, the confusion matrix of these alone.
        """
        matrix = confusion_matrix(labels, predictions, self.num_classes)
        self.matrix += matrix
        self.images += len(labels) if np.ndim(labels) == 3 else 1
        return matrix

    def result(self, images_per_second=None):
        """Computes the scores.

        Args:
            images_per_second: float or None, passed through.

        Returns:
            Dict with: `mean_iou`, the mean of `class_iou`; `global_accuracy`, the share of correct pixels;
            `class_iou` and `class_accuracy` (recall), dicts by class name; `precision`, `recall` and `f1`, means over
            classes weighted by their true pixels (so `recall` equals `global_accuracy`); `macro_precision`,
            `macro_recall` and `macro_f1`, unweighted means; `images`; `images_per_second`. All in 0..1. A class that
            has no pixels in truth has accuracy None, and one that was not predicted either IoU None; None does not
            enter the means.
        """
        correct = np.diag(self.matrix).astype(float)
        truth, predicted = self.matrix.sum(axis=1), self.matrix.sum(axis=0)
        iou = _divide(correct, truth + predicted - correct)
        accuracy = _divide(correct, truth)
        precision = np.nan_to_num(_divide(correct, predicted))
        f1 = np.nan_to_num(_divide(2 * correct, truth + predicted))
        present = truth > 0
        share = np.nan_to_num(truth / max(truth.sum(), 1))
        return {
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
            "images": self.images,
            "images_per_second": images_per_second,
        }

    def _by_name(self, values):
        return {n: None if np.isnan(v) else float(v) for n, v in zip(self.class_names, values)}


def image_scores(matrix):
    """The original suite's scores of one image, from its confusion matrix.

    Args:
        matrix: int64 array `(C, C)` of one image.

    Returns:
        List of floats in 0..1: accuracy, precision, recall, F1 (weighted by true pixels; the suite had precision and
        recall interchanged), mean IoU over the classes in this image's truth, then each class's accuracy, which is 1
        for classes that are not in the image.
    """
    one = ConfusionMatrix(len(matrix))
    one.matrix = matrix
    scores = one.result()
    present = matrix.sum(axis=1) > 0
    iou = [value for value, is_present in zip(scores["class_iou"].values(), present) if is_present]
    accuracies = [1.0 if value is None else value for value in scores["class_accuracy"].values()]
    headline = [scores[key] for key in ("global_accuracy", "precision", "recall", "f1")]
    return headline + [float(np.mean(iou)) if iou else 0.0] + accuracies


@keras.saving.register_keras_serializable(package="suite")
class RunningMeanIoU(keras.metrics.Metric):
    """Mean IoU of the training batches so far, counted on the device.

    Args:
        num_classes: int, C.
        name: str.
    """

    def __init__(self, num_classes, name="mean_iou", **kwargs):
        super().__init__(name=name, **kwargs)
        self.num_classes = num_classes
        self.matrix = self.add_variable((num_classes**2,), initializer="zeros", name="matrix", dtype="float32")

    def update_state(self, labels, logits, sample_weight=None):
        """Adds labels `(B, H, W)`, 255 = ignored, and logits `(B, H, W, C)`."""
        labels, valid = split_ignored(labels)
        pairs = labels * self.num_classes + ops.cast(ops.argmax(logits, axis=-1), "int32")
        counts = ops.segment_sum(
            ops.reshape(ops.cast(valid, "float32"), (-1,)), ops.reshape(pairs, (-1,)), num_segments=self.num_classes**2
        )
        self.matrix.assign_add(counts)

    def result(self):
        matrix = ops.reshape(self.matrix, (self.num_classes, self.num_classes))
        correct = ops.diagonal(matrix)
        union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - correct
        present = ops.cast(union > 0, "float32")
        return ops.divide_no_nan(ops.sum(ops.divide_no_nan(correct, union)), ops.sum(present))

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


def _histogram(labels, predictions, num_classes):
    """The confusion matrix by OpenCV, in a third of NumPy's time; None for what it cannot count, right or wrong."""
    if not (labels.dtype == predictions.dtype == np.uint8 and 0 < labels.size <= MOST_COUNTED):
        return None
    if num_classes > UNKNOWN or predictions.max() >= num_classes:
        return None
    pairs = np.multiply(labels, num_classes, dtype=np.uint16)
    pairs += predictions
    # Pairs of ignored labels lie behind the last bin, and so do those of labels that are no class.
    bins = num_classes**2
    counts = cv2.calcHist([pairs.reshape(1, -1)], [0], None, [bins], [0, bins]).astype(np.int64)
    if counts.sum() + np.count_nonzero(labels == IGNORED) != labels.size:
        return None
    return counts.reshape(num_classes, num_classes)


def _divide(numerator, denominator):
    """Quotient, NaN where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0)


def _mean(values):
    """Mean of what is not NaN; 0 if there is nothing."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else 0.0
