"""Class indices with their confidence and the probabilities of all classes."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from utils.class_dict import IGNORED
from utils.files import atomic_write
from utils.inference.augmented import softmax

KEEP = ("classes", "confidence", "probabilities")  # what to keep of a prediction; each includes the one before
READING = (
    "numpy.load(file)['probabilities'][row, column, i] is the probability, 0..1, of the class named "
    "numpy.load(file)['class_names'][i]"
)


class Scored(NamedTuple):
    """A prediction of an image.

    Attributes:
        indices: uint8 array `(H, W)`, class indices; 255 = unknown.
        confidence: float16 array `(H, W)`, 0..1, the probability of the most probable class, or None.
        probabilities: float16 array `(H, W, C)`, 0..1, or None.
    """

    indices: np.ndarray
    confidence: np.ndarray | None = None
    probabilities: np.ndarray | None = None

    def resized(self, size: tuple[int, int]) -> "Scored":
        """Returns the prediction of the nearest pixels at another `size`, a height and a width."""
        return Scored(*(array if array is None else resize_nearest(array, size) for array in self))

    def with_unknown(self, below: float) -> "Scored":
        """Returns the prediction with index 255 where the confidence is below a threshold, 0..1."""
        if not below:
            return self
        return self._replace(indices=np.where(self.confidence < np.float16(below), np.uint8(IGNORED), self.indices))


def as_scored(result: "np.ndarray | Scored") -> Scored:
    """Returns a result of `Predictor`, perhaps an array of class indices alone, as a `Scored`."""
    return result if isinstance(result, Scored) else Scored(result)


def score_pixels(scores: np.ndarray, keep: str = "classes", are_probabilities: bool = False) -> Scored:
    """Reduces the scores of an image, or of a part of one, to a `Scored`.

    Args:
        scores: float array `(H, W, C)`, logits or probabilities.
        keep: one of `KEEP`.
        are_probabilities: whether the scores are probabilities.
    """
    indices = scores.argmax(-1).astype(np.uint8)
    if keep == "classes":
        return Scored(indices)
    if not are_probabilities:
        scores = softmax(scores)
    confidence = scores.max(axis=-1).astype(np.float16)
    return Scored(indices, confidence, scores.astype(np.float16) if keep == "probabilities" else None)


def resize_nearest(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes an array `(H, W, ...)` of any type to `size`, a height and a width, without interpolation."""
    if array.shape[:2] == tuple(size):
        return array
    rows, columns = (np.arange(new) * old // new for new, old in zip(size, array.shape))
    return array[rows[:, None], columns]


def confidence_bytes(confidence: np.ndarray) -> np.ndarray:
    """Converts a confidence, 0..1, to uint8, 255 = 1."""
    return np.rint(confidence.astype(np.float32) * 255).astype(np.uint8)


def write_probabilities(path: pathlib.Path, probabilities: np.ndarray, class_names: Sequence[str]) -> None:
    """Writes the probabilities of all classes as a compressed `.npz` file, atomically.

    Args:
        path: ending in `.npz`.
        probabilities: float16 array `(H, W, C)`.
        class_names: C str.

    Raises:
        RunError: if the file cannot be written.
    """
    with atomic_write(path) as temporary:
        np.savez_compressed(
            temporary, probabilities=probabilities, class_names=np.array(class_names), how_to_read=np.array(READING)
        )
