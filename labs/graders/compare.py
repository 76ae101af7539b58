"""Comparison of a student's results, and generated cases."""

import numpy as np

from labs.checks import AnswerError


def as_array(name: str, value, shape: tuple, dtype=float) -> np.ndarray:
    """Converts a result to an array.

    Args:
        name: of the function that returned it.
        value: the result.
        shape: that it must have; None in it stands for any size.
        dtype: of the array.

    Raises:
        AnswerError: if it is no array of numbers, or has another shape.
    """
    try:
        array = np.asarray(value, dtype)
    except (TypeError, ValueError):
        raise AnswerError(f"{name} returns {type(value).__name__}, which is not an array of numbers") from None
    if len(array.shape) != len(shape) or any(size not in (None, found) for size, found in zip(shape, array.shape)):
        wanted = "one number" if shape == () else f"an array of shape {shape}"
        raise AnswerError(f"{name} returns an array of shape {array.shape}; it must return {wanted}")
    return array


def expect(name: str, found, expected, tolerance: float = 1e-6, hints=(), context: str = "") -> None:
    """Compares a result with the right one.

    Args:
        name: of the function.
        found, expected: numbers or arrays of one shape.
        tolerance: relative and absolute.
        hints: pairs of a result that a known mistake gives, and the hint for it.
        context: the case, such as "for 3 classes".

    Raises:
        AnswerError: with the hint of the known mistake, or with both values.
    """
    found = as_array(name, found, np.shape(expected))
    if np.allclose(found, expected, tolerance, tolerance, equal_nan=True):
        return
    for value, hint in hints:
        if np.shape(value) == found.shape and np.allclose(found, value, tolerance, tolerance, equal_nan=True):
            raise AnswerError(hint)
    if np.ndim(expected) == 0:
        raise AnswerError(
            f"{name} is {float(found):.6g}, but {float(expected):.6g} is right{' ' if context else ''}{context}"
        )
    place = tuple(np.argwhere(~np.isclose(found, expected, tolerance, tolerance, equal_nan=True))[0].tolist())
    raise AnswerError(
        f"{name} is {found[place]:.6g} at {place}, but {np.asarray(expected)[place]:.6g} is right"
        f"{' ' if context else ''}{context}"
    )


def cases(seed: int = 0, count: int = 30):
    """Generates labels and predictions: absent classes, ignored pixels, single classes, many classes.

    Yields:
        `(labels, predictions, num_classes)`: two uint8 arrays of one shape, and an int.
    """
    random = np.random.default_rng(seed)
    for number in range(count):
        classes = int(random.choice([2, 3, 12, 40]))
        shape = tuple(random.integers(1, 40, 2))
        used = random.permutation(classes)[: random.integers(1, classes + 1)]
        labels = random.choice(used, shape).astype(np.uint8)
        predictions = np.where(random.random(shape) < 0.7, labels, random.choice(used, shape)).astype(np.uint8)
        if number % 3 == 0:
            labels[random.random(shape) < 0.2] = 255
        yield labels, predictions, classes
