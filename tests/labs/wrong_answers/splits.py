"""Wrong answers of lab 8: `(task, function, part of the hint)`."""

import numpy as np


def cells_of(image):
    gray = image.astype(float).mean(axis=2)
    return gray.reshape(8, gray.shape[0] // 8, 8, gray.shape[1] // 8).mean(axis=(1, 3))


def fixed_gray(image):
    return (cells_of(image) > 127.5).ravel()


def by_median(image):
    cells = cells_of(image)
    return (cells > np.median(cells)).ravel()


def single_pixels(image):
    gray = image.astype(float).mean(axis=2)
    cells = gray[:: gray.shape[0] // 8, :: gray.shape[1] // 8]
    return (cells > cells.mean()).ravel()


def inverted(image):
    cells = cells_of(image)
    return (cells <= cells.mean()).ravel()


def not_flat(image):
    cells = cells_of(image)
    return cells > cells.mean()


def pairs(validation, training, limit):
    return ((validation[:, None] != training[None]).sum(axis=2) <= limit).mean()


def other_side(validation, training, limit):
    return ((validation[:, None] != training[None]).sum(axis=2).min(axis=0) <= limit).mean()


def below_limit(validation, training, limit):
    return ((validation[:, None] != training[None]).sum(axis=2).min(axis=1) < limit).mean()


def by_image(drives, share, seed):
    return np.random.default_rng(seed).random(len(drives)) < share


def exchanged(drives, share, seed):
    names = sorted(set(drives))
    count = min(max(round(share * len(names)), 1), len(names) - 1)
    return ~np.isin(drives, np.random.default_rng(seed).permutation(names)[:count])


def without_seed(drives, share, seed):
    return exchanged(drives, 1 - share, 0)


def nothing_left(drives, share, seed):
    names = sorted(set(drives))
    return np.isin(drives, np.random.default_rng(seed).permutation(names)[: round(share * len(names))])


WRONG = [
    ("average_hash", fixed_gray, "with the light"),
    ("average_hash", by_median, "not with their median"),
    ("average_hash", single_pixels, "mercy of noise"),
    ("average_hash", inverted, "inverted"),
    ("average_hash", not_flat, "flatten"),
    ("share_with_twin", pairs, "share of pairs"),
    ("share_with_twin", other_side, "share of training images"),
    ("share_with_twin", below_limit, "use <="),
    ("split_by_drive", by_image, "draw drives"),
    ("split_by_drive", exchanged, "exchanged"),
    ("split_by_drive", without_seed, "every seed"),
    ("split_by_drive", nothing_left, "one side is empty"),
]
