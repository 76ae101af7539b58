"""Graders of lab 1: confusion matrix and IoU."""

import numpy as np

from labs.checks import AnswerError
from labs.graders.compare import as_array, cases
from utils.metrics import confusion_matrix as reference_matrix


def grade_confusion_matrix(function):
    """Grades `confusion_matrix(labels, predictions, num_classes)`."""
    labels, predictions = np.array([[0, 0, 1], [2, 2, 255]], np.uint8), np.array([[0, 1, 1], [2, 0, 1]], np.uint8)
    before = labels.copy(), predictions.copy()
    found = as_array("confusion_matrix", function(labels, predictions, 3), (3, 3))
    if not (np.array_equal(labels, before[0]) and np.array_equal(predictions, before[1])):
        raise AnswerError("confusion_matrix changes its arguments; work on copies")
    expected = reference_matrix(labels, predictions, 3)
    if np.array_equal(found, expected.T):
        raise AnswerError("rows and columns are exchanged: rows are the true classes, columns the predicted ones")
    if found.sum() == labels.size:
        raise AnswerError("pixels with label 255 are ignored: they must not be counted, in no row")
    if 0 < found.sum() <= 1.001 and found.shape == expected.shape:
        raise AnswerError("the matrix holds shares; it must count pixels")
    if found.sum() < expected.sum() and np.array_equal(np.minimum(expected, 1), found):
        raise AnswerError(
            "every cell is at most 1: repeated pairs must add up (indexing with += counts each cell once)"
        )
    for labels, predictions, classes in cases():
        found = as_array("confusion_matrix", function(labels, predictions, classes), (classes, classes))
        expected = reference_matrix(labels, predictions, classes)
        if not np.array_equal(found, expected):
            if np.array_equal(found, np.minimum(expected, 1)):
                raise AnswerError("every cell is at most 1: repeated pairs must add up (indexing with += counts once)")
            if np.array_equal(found % 256, expected % 256):
                raise AnswerError(
                    "counts above 255 overflow: class indices are uint8, convert them before you multiply"
                )
            row, column = np.argwhere(found != expected)[0]
            raise AnswerError(
                f"class {row} predicted as {column}: {found[row, column]:g} pixels counted, {expected[row, column]} "
                f"are there ({classes} classes, uint8 indices: beware of overflow in label * {classes} + prediction)"
            )


def grade_class_iou(function):
    """Grades `class_iou(matrix)`."""
    matrix = np.array([[6, 2, 0], [1, 3, 0], [0, 0, 0]])
    found = as_array("class_iou", function(matrix.copy()), (3,))
    expected = np.array([6 / 9, 3 / 6, np.nan])
    if np.allclose(found[:2], [6 / 8, 3 / 4]):
        raise AnswerError("this is the recall: the union also holds pixels that were predicted as the class")
    if np.allclose(found[:2], [6 / 7, 3 / 5]):
        raise AnswerError(
            "this is the precision: the union also holds pixels of the class that were predicted as others"
        )
    if np.allclose(found[:2], [12 / 15, 6 / 9]):
        raise AnswerError("this is the F1 score (Dice): IoU counts the intersection once")
    if np.allclose(found[:2], [6 / 15, 3 / 9]):
        raise AnswerError("the intersection is in the row and in the column: subtract it once from their sum")
    if not np.allclose(found[:2], expected[:2]):
        raise AnswerError(f"IoU of class 0 is 6 / (8 + 7 - 6) = {expected[0]:.4f}, not {found[0]:.4f}")
    if not np.isnan(found[2]):
        raise AnswerError(
            f"a class that is neither in the labels nor in the predictions has no IoU: it must be NaN, not {found[2]:g}"
        )
    predicted_only = as_array("class_iou", function(np.array([[3, 1], [0, 0]])), (2,))
    if np.isnan(predicted_only[1]):
        raise AnswerError("a class that is predicted but not in the labels has IoU 0, not NaN: its union is not empty")
    for labels, predictions, classes in cases():
        expected = _iou(reference_matrix(labels, predictions, classes))
        found = as_array("class_iou", function(reference_matrix(labels, predictions, classes)), (classes,))
        if not np.allclose(found, expected, equal_nan=True):
            raise AnswerError(f"IoU is {found}, but {expected} is right")


def grade_mean_iou(function):
    """Grades `mean_iou(matrix)`."""
    matrix = np.array([[6, 2, 0], [1, 3, 0], [0, 0, 0]])
    expected = (6 / 9 + 3 / 6) / 2
    found = float(as_array("mean_iou", function(matrix.copy()), ()))
    if np.isnan(found):
        raise AnswerError("one absent class makes the mean NaN: leave classes without IoU out of the mean")
    if np.isclose(found, expected * 2 / 3):
        raise AnswerError("absent classes count as 0: leave them out of the mean")
    if np.isclose(found, (expected * 2 + 1) / 3):
        raise AnswerError("absent classes count as 1: leave them out of the mean")
    if np.isclose(found, 9 / 12):
        raise AnswerError("this is the global accuracy: average the IoU of the classes, not the pixels")
    weights = matrix.sum(axis=1) / matrix.sum()
    if np.isclose(found, np.nansum(weights * np.array([6 / 9, 3 / 6, 0]))):
        raise AnswerError("classes are weighted by their pixels: in the mean every class counts the same")
    if not np.isclose(found, expected):
        raise AnswerError(f"mean IoU is {expected:.4f}, not {found:.4f}")
    for labels, predictions, classes in cases():
        matrix = reference_matrix(labels, predictions, classes)
        if matrix.sum() and not np.isclose(float(function(matrix)), np.nanmean(_iou(matrix))):
            raise AnswerError(
                f"mean IoU of {matrix.tolist()} is {np.nanmean(_iou(matrix)):.4f}, not {function(matrix):.4f}"
            )


def _iou(matrix):
    """Computes the IoU of each class; NaN for classes that are neither in the labels nor in the predictions."""
    intersection = np.diag(matrix).astype(float)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - intersection
    return np.divide(intersection, union, out=np.full(len(matrix), np.nan), where=union > 0)
