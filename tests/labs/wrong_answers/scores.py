"""Wrong answers of lab 1: `(task, function, part of the hint)`."""

import numpy as np


def transposed(labels, predictions, num_classes):
    matrix = np.zeros((num_classes, num_classes), int)
    valid = labels != 255
    np.add.at(matrix, (predictions[valid], labels[valid]), 1)
    return matrix


def overflowing(labels, predictions, num_classes):
    valid = labels != 255
    pairs = labels[valid] * np.uint8(num_classes) + predictions[valid]
    return np.bincount(pairs, minlength=num_classes**2)[: num_classes**2].reshape(num_classes, num_classes)


def counted_once(labels, predictions, num_classes):
    matrix = np.zeros((num_classes, num_classes), int)
    valid = labels != 255
    matrix[labels[valid], predictions[valid]] += 1
    return matrix


def recall(matrix):
    return np.diag(matrix) / np.maximum(matrix.sum(axis=1), 1)


def dice(matrix):
    return 2 * np.diag(matrix) / np.maximum(matrix.sum(axis=0) + matrix.sum(axis=1), 1)


def zero_for_absent(matrix):
    return np.diag(matrix) / np.maximum(matrix.sum(axis=0) + matrix.sum(axis=1) - np.diag(matrix), 1)


def absent_as_zero(matrix):
    return zero_for_absent(matrix).mean()


def accuracy(matrix):
    return np.diag(matrix).sum() / matrix.sum()


WRONG = [
    ("confusion_matrix", transposed, "rows and columns are exchanged"),
    ("confusion_matrix", overflowing, "overflow"),
    ("confusion_matrix", counted_once, "repeated pairs"),
    ("class_iou", recall, "recall"),
    ("class_iou", dice, "F1"),
    ("class_iou", zero_for_absent, "NaN"),
    ("mean_iou", absent_as_zero, "count as 0"),
    ("mean_iou", accuracy, "global accuracy"),
]
