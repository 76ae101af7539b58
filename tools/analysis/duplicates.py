"""Duplicate images: identical pixels, and near duplicates by a difference hash."""

import collections

import cv2
import numpy as np

from utils.data.folder import SPLITS

NEAR = 6  # maximum Hamming distance, of 64 bits, between the difference hashes of near duplicates


def difference_hash(rgb: np.ndarray) -> np.uint64:
    """Computes a perceptual hash of 64 bits: whether each cell of an 8x9 grid is brighter than its left neighbor.

    Args:
        rgb: uint8 array `(H, W, 3)`.
    """
    cells = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA).astype(int)
    return np.packbits(cells[:, 1:] > cells[:, :-1]).view(np.uint64)[0]


def find_repeated(pairs):
    """Finds images with identical pixels.

    Args:
        pairs: list of `InspectedPair`.

    Returns:
        `(problems, notes)`: list of `(kind, text)` for images in different splits, list of str for those in one split.
    """
    groups = collections.defaultdict(list)
    for inspected in pairs:
        if inspected.digest:
            groups[inspected.digest].append(inspected)
    problems, repeated = [], collections.Counter()
    for group in groups.values():
        if len({inspected.split for inspected in group}) > 1:
            places = " = ".join(f"{inspected.split}/{inspected.pair.image.name}" for inspected in group)
            problems.append(("leaks", f"the same image in different splits: {places}"))
        elif len(group) > 1:
            repeated[group[0].split] += len(group) - 1
    notes = [f"{number} images of {split} repeat another one of {split}" for split, number in repeated.items()]
    return problems, notes


def find_near_duplicates(pairs):
    """Finds images of different splits with similar difference hashes and different pixels.

    Args:
        pairs: list of `InspectedPair`.

    Returns:
        List of `(bits, InspectedPair, InspectedPair)`, the smallest Hamming distance first.
    """
    hashed = [inspected for inspected in pairs if inspected.difference_hash is not None]
    hashes = np.array([inspected.difference_hash for inspected in hashed], np.uint64)
    splits = np.array([SPLITS.index(inspected.split) for inspected in hashed])
    near = []
    for number, first in enumerate(hashed):
        bits = np.bitwise_count(hashes[number + 1 :] ^ hashes[number])
        similar = (bits <= NEAR) & (splits[number + 1 :] != splits[number])
        for offset in np.flatnonzero(similar).tolist():
            second = hashed[number + 1 + offset]
            if second.digest != first.digest:
                near.append((int(bits[offset]), first, second))
    return sorted(near, key=lambda entry: (entry[0], entry[1].pair.name, entry[2].pair.name))
