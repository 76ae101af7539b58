"""Graders of lab 8: hashes, near duplicates, and splits by drive."""

import numpy as np

from labs.checks import AnswerError
from labs.graders.compare import as_array, expect


def cell_means(image):
    """Averages the brightness of each of 8x8 cells."""
    gray = image.astype(float).mean(axis=2)
    rows, columns = gray.shape[0] // 8, gray.shape[1] // 8
    return np.array([[gray[r * rows :, c * columns :][:rows, :columns].mean() for c in range(8)] for r in range(8)])


def grade_average_hash(function):
    """Grades `average_hash(image)`."""
    random = np.random.default_rng(0)
    for number, (height, width) in enumerate(((16, 24), (80, 112), (8, 8), (40, 64))):
        image = np.clip(random.normal(60 + 60 * number, 50, (8, 8, 3)), 0, 255).astype(np.uint8)
        image = image.repeat(height // 8, 0).repeat(width // 8, 1)
        image[::2] = np.maximum(image[::2], 9) - 9
        found = function(image.copy())
        if np.shape(found) == (8, 8):
            raise AnswerError("average_hash returns 8x8 bits: flatten them to 64")
        found, cells = as_array("average_hash", found, (64,), bool), cell_means(image)
        expected = (cells > cells.mean()).ravel()
        if np.array_equal(found, expected):
            continue
        known = (
            (~expected, "the bits are inverted: True is brighter than the mean"),
            ((cells > cells.mean()).T.ravel(), "rows and columns of the cells are exchanged"),
            ((cells > np.median(cells)).ravel(), "compare with the mean of the cells, not with their median"),
            (
                (cells > 127.5).ravel(),
                "compare with the mean of this image: a hash by fixed gray changes with the light",
            ),
            (
                (lambda sampled: sampled > sampled.mean())(single_pixels(image)).ravel(),
                "each cell is the mean of its pixels; a single pixel of it is at the mercy of noise",
            ),
        )
        for value, hint in known:
            if np.array_equal(found, value):
                raise AnswerError(hint)
        place = int(np.flatnonzero(found != expected)[0])
        raise AnswerError(
            f"bit {place} (row {place // 8}, column {place % 8}) is {found[place]}, but the cell's mean is "
            f"{cells.ravel()[place]:.1f} and the image's {cells.mean():.1f} (uint8 sums overflow: convert to float)"
        )


def single_pixels(image):
    """Takes the first pixel of each cell."""
    gray = image.astype(float).mean(axis=2)
    return gray[:: gray.shape[0] // 8, :: gray.shape[1] // 8]


def grade_share_with_twin(function):
    """Grades `share_with_twin(validation, training, limit)`."""
    random = np.random.default_rng(0)
    for number, (images, others) in enumerate(((5, 7), (7, 3), (9, 8), (1, 5))):
        training = random.random((others, 64)) < 0.5
        validation = training[random.integers(0, others, images)].copy()
        for row, flips in enumerate(random.permutation(np.arange(images) * 2 + number)):
            validation[row, random.permutation(64)[:flips]] ^= True
        distances = (validation[:, None] != training[None]).sum(axis=2)
        for limit in (4, int(distances.min(axis=1)[0]), 0, 64):
            expected = (distances.min(axis=1) <= limit).mean()
            hints = [
                ((distances.min(axis=1) < limit).mean(), "a distance equal to the limit is near: use <="),
                ((distances.min(axis=0) <= limit).mean(), "this is the share of training images with a twin"),
                (
                    (distances <= limit).mean(),
                    "this is the share of pairs: an image counts once, however many twins it has",
                ),
                ((distances <= limit).sum(), "this is the number of pairs; return a share of the validation images"),
                ((distances.min(axis=1) <= limit).sum(), "this is the number of images; return their share, 0..1"),
                ((distances.mean(axis=1) <= limit).mean(), "the nearest training image counts, not the mean of all"),
                (((64 - distances).min(axis=1) <= limit).mean(), "the distance is the number of bits that differ"),
            ]
            hints = [(value, hint) for value, hint in hints if not np.isclose(value, expected)]
            context = f"for {images} validation and {others} training images, limit {limit}"
            found = function(validation.copy(), training.copy(), limit)
            expect("share_with_twin", found, expected, 1e-9, hints, context)


def grade_split_by_drive(function):
    """Grades `split_by_drive(drives, share, seed)`."""
    regular = [f"drive{number:02}" for number in range(12) for _ in range(5)]
    mixed = np.random.default_rng(1).permutation(np.repeat(["0001TP", "0006R0", "0016E5"], (6, 10, 20))).tolist()
    chosen = set()
    for drives, share in ((regular, 0.25), (regular, 0.5), (mixed, 0.3), (mixed, 0.1), (mixed, 0.95)):
        count = len(set(drives))
        for seed in range(6):
            found = as_array("split_by_drive", function(list(drives), share, seed), (len(drives),))
            if not np.isin(found, (0, 1)).all():
                raise AnswerError("return a bool for each image: True = validation")
            found = found.astype(bool)
            held_out = {drive for drive, one in zip(drives, found) if one}
            if held_out & {drive for drive, one in zip(drives, found) if not one}:
                raise AnswerError("a drive is in training and in validation: draw drives, not images")
            if not held_out or len(held_out) == count:
                raise AnswerError(f"one side is empty for {count} drives and share {share}: leave a drive on each side")
            wanted = min(max(round(share * count), 1), count - 1)
            if len(held_out) == count - wanted != wanted:
                raise AnswerError("the sides are exchanged: True = validation, which gets `share` of the drives")
            if len(held_out) != wanted:
                raise AnswerError(
                    f"{len(held_out)} of {count} drives are in validation; share {share} is {wanted} of them"
                )
            again = np.asarray(function(list(drives), share, seed)).astype(bool)
            if not np.array_equal(found, again):
                raise AnswerError(
                    "the same seed gives another split: use np.random.default_rng(seed), and sort the drives"
                )
            if (drives, share) == (regular, 0.25):
                chosen.add(frozenset(held_out))
    if len(chosen) == 1:
        raise AnswerError("every seed gives the same drives: draw them with np.random.default_rng(seed)")
