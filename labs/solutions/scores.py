"""Solutions of lab 1: confusion matrix and IoU."""

import numpy as np


def confusion_matrix(labels, predictions, num_classes):
    """Counts pixels by true and predicted class; label 255 is ignored."""
    valid = labels != 255
    pairs = labels[valid].astype(int) * num_classes + predictions[valid]
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def class_iou(matrix):
    """Computes the IoU of each class, NaN for absent classes."""
    intersection = np.diag(matrix)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - intersection
    return np.array([i / u if u else np.nan for i, u in zip(intersection, union)])


def mean_iou(matrix):
    """Averages the IoU over the classes that have one."""
    return np.nanmean(class_iou(matrix))
