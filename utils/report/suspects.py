"""Suspect labels: areas where a confident network sees another class than the label.

Confident learning counts a label as an error if the network gives another class a probability above what is usual for
that class; Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels" (JAIR 2021).
Pixels of a segmentation are not independent: here connected areas are judged, and an area counts the less, the more
often the network confuses these two classes anyway.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from utils.class_dict import IGNORED

CONFIDENCE = 0.9  # least probability of the predicted class
CERTAIN = 1e-3  # probabilities of an error below this count as this
SIDE = 3  # pixels; narrower areas are inexact outlines
RING = 3  # pixels around an area


class Region(NamedTuple):
    """A connected area of one class in the label, and of another one in the prediction.

    Attributes:
        label, prediction: class indices.
        weight: sum of -log(1 - confidence) over the area, how improbable it is that the network errs; times the squared
            share of its surroundings with another label than the predicted class, since an area beside its own class
            is more likely an inexact outline than a wrong label.
        x, y, width, height: its bounding box in pixels.
    """

    label: int
    prediction: int
    weight: float
    x: int
    y: int
    width: int
    height: int


def find_regions(
    label: np.ndarray, prediction: np.ndarray, confidence: np.ndarray, least: float = CONFIDENCE
) -> list[Region]:
    """Finds the areas of an image in which a confident network contradicts the label.

    Args:
        label, prediction: uint8 arrays `(H, W)`, class indices; 255 = ignored.
        confidence: float array `(H, W)`, probability of the predicted class, 0..1.
        least: confidence of the pixels that count.

    Returns:
        List of `Region`. Pixels count whose neighbors (3x3) have the same two classes.
    """
    contradicts = (label != prediction) & (label != IGNORED) & (confidence >= least)
    pairs = np.where(contradicts, 256 * label.astype(np.uint16) + prediction + 1, 0).astype(np.uint16)
    square = np.ones((SIDE, SIDE), np.uint8)
    core = contradicts & (cv2.erode(pairs, square) == cv2.dilate(pairs, square))
    # Neighbors of a core pixel have its two classes: connected core pixels are of one pair.
    _, numbers, statistics, _ = cv2.connectedComponentsWithStats(core.view(np.uint8), connectivity=8)
    if len(statistics) == 1:
        return []
    improbable = -np.log(np.maximum(1 - confidence[core].astype(np.float64), CERTAIN))
    weights = np.bincount(numbers[core], improbable, len(statistics))
    pair_of = np.zeros(len(statistics), np.int64)
    pair_of[numbers[core]] = pairs[core] - 1
    regions = []
    for number in range(1, len(statistics)):
        truth, predicted = divmod(int(pair_of[number]), 256)
        box = tuple(map(int, statistics[number, :4]))
        isolation = 1 - _touching(label, numbers, number, predicted, *box)
        regions.append(Region(truth, predicted, float(weights[number]) * isolation**2, *box))
    return regions


def _touching(label, numbers, number, predicted, x, y, width, height):
    """Returns the share of the pixels around an area whose label is the predicted class."""
    margin = RING + 1
    part = slice(max(0, y - margin), y + height + margin), slice(max(0, x - margin), x + width + margin)
    inside = (numbers[part] == number).view(np.uint8)
    # The area is one pixel smaller on each side than the pixels that contradict the label.
    body = cv2.dilate(inside, np.ones((SIDE, SIDE), np.uint8))
    ring = (cv2.dilate(body, np.ones((2 * RING + 1, 2 * RING + 1), np.uint8)) > 0) & (body == 0)
    return np.count_nonzero(ring & (label[part] == predicted)) / max(np.count_nonzero(ring), 1)


def suspicion(images: Sequence[Sequence[Region]]) -> list[list[float]]:
    """Computes how suspicious each area is, compared with all images.

    The weight of an area is divided by the square root of the mean weight, over all images, of areas with its two
    classes. The suspicion of an image is the sum over its areas.

    Args:
        images: the regions of each image.

    Returns:
        A list of floats, one per region, for each image.
    """
    total = {}
    for region in (region for regions in images for region in regions):
        pair = region.label, region.prediction
        total[pair] = total.get(pair, 0.0) + region.weight
    usual = {pair: 1 + weight / len(images) for pair, weight in total.items()}
    return [[region.weight / usual[region.label, region.prediction] ** 0.5 for region in regions] for regions in images]
