"""Label errors of five kinds, planted at random as annotators and conversions make them.

A kind is a function of the label of an image, a function that reads the label of another image, a random generator, the
classes that are objects, and the least area of one. It returns a changed label, or None if nothing can be changed.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from utils.class_dict import IGNORED

LEAST_AREA = 0.005  # of an object that is changed, as a share of the image: 864 pixels of 480x360
MOST_AREA = 0.10
LEAST_CHANGE = 0.0025  # pixels whose label changes, as a share of the image
SHIFT = 0.025, 0.06  # of the image's width: 12 to 29 pixels of 480
WINDOW = 0.3, 0.6  # sides of the region in which classes are swapped, as shares of the image's
TRIES = 50


def swapped_classes(label, other, rng, things, least):
    """Swaps two classes within a rectangle, as with two mistaken entries of a list."""
    height, width = label.shape
    for _ in range(TRIES):
        rows, columns = (int(rng.uniform(*WINDOW) * side) for side in label.shape)
        y, x = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
        window = label[y : y + rows, x : x + columns]
        present = _frequent(window, least * label.size)
        if len(present) >= 2:
            first, second = rng.choice(present, 2, replace=False)
            changed = label.copy()
            part = changed[y : y + rows, x : x + columns]
            part[window == first], part[window == second] = second, first
            return changed
    return None


def missing_object(label, other, rng, things, least):
    """Paints an object with the class that surrounds most of it, as if nobody had outlined it."""
    found = _random_object(label, rng, things, least)
    if found is None:
        return None
    ring = cv2.dilate(found.view(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~found
    around = np.bincount(label[ring & (label != IGNORED)], minlength=1)
    around[label[found][0] : label[found][0] + 1] = 0
    if not around.any():
        return None
    return np.where(found, np.uint8(around.argmax()), label)


def wrong_class(label, other, rng, things, least):
    """Gives an object another class, drawn at random from the classes of the image."""
    found = _random_object(label, rng, things, least)
    if found is None:
        return None
    present = _frequent(label, 1)
    others = present[present != label[found][0]]
    return np.where(found, np.uint8(rng.choice(others)), label) if others.size else None


def shifted(label, other, rng, things, least):
    """Shifts the label in a random direction, as after a crop or resize of the image alone."""
    distance, angle = rng.uniform(*SHIFT) * label.shape[1], rng.uniform(0, 2 * np.pi)
    matrix = np.float32([[1, 0, distance * np.cos(angle)], [0, 1, distance * np.sin(angle)]])
    size = label.shape[::-1]
    return cv2.warpAffine(label, matrix, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)


def other_image(label, other, rng, things, least):
    """Takes the label of another image, as after an error in the names of files."""
    taken = other()
    return taken if taken.shape == label.shape else None


KINDS = {
    "swapped classes": swapped_classes,
    "missing object": missing_object,
    "wrong class": wrong_class,
    "shifted label": shifted,
    "label of another image": other_image,
}


def plant(
    read: Callable[[int], np.ndarray],
    images: int,
    count: int,
    rng: np.random.Generator,
    things: Sequence[int],
    least: float = LEAST_AREA,
) -> dict[int, tuple[str, np.ndarray]]:
    """Plants errors into randomly chosen images, one each, of all kinds in turn.

    Args:
        read: function from an index to its label, uint8 `(H, W)`; 255 = ignored.
        images: their number.
        count: number of errors.
        rng: random generator.
        things: class indices of objects.
        least: area of an object that is changed, as a share of the image.

    Returns:
        Dict from the index of an image to the kind of its error and its new label.
    """
    planted, order = {}, iter(rng.permutation(images).tolist())
    while len(planted) < count:
        kind = list(KINDS)[len(planted) % len(KINDS)]
        for index in order:
            label = read(index)
            changed = KINDS[kind](label, lambda: read(int(rng.integers(images))), rng, things, least)
            if changed is not None and np.count_nonzero(changed != label) >= LEAST_CHANGE * label.size:
                planted[index] = kind, changed
                break
        else:
            raise ValueError(f"{images} images are too few for {count} errors")
    return planted


def _frequent(label, least):
    """Returns the classes with at least `least` pixels."""
    return np.flatnonzero(np.bincount(label.ravel(), minlength=256)[:IGNORED] >= least)


def _random_object(label, rng, things, least):
    """Returns the mask of a random connected area of a class of `things`, of at least `least` of the image; or None."""
    found = []
    for index in sorted(set(_frequent(label, least * label.size).tolist()) & set(things)):
        _, numbers, statistics, _ = cv2.connectedComponentsWithStats((label == index).view(np.uint8), connectivity=8)
        shares = statistics[:, cv2.CC_STAT_AREA] / label.size
        found += [(numbers, number) for number in range(1, len(shares)) if least <= shares[number] <= MOST_AREA]
    if not found:
        return None
    numbers, number = found[int(rng.integers(len(found)))]
    return numbers == number
