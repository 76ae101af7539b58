"""Assignment of images to splits: random, grouped, stratified by class."""

import argparse
import collections
import math
import random
import re
from collections.abc import Sequence

import numpy as np

from utils.data.folder import SPLITS
from utils.errors import UsageError

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def fractions(text: str) -> tuple[float, float, float]:
    """Type of `--fractions`: shares of train, val and test whose sum is 1, such as 0.8,0.1,0.1."""
    example = "such as 0.8,0.1,0.1 or, without test, 0.9,0.1"
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not shares of train, val and test, {example}") from None
    if len(shares) not in (2, 3):
        number = f"{len(shares)} share{'s' * (len(shares) > 1)}"
        raise argparse.ArgumentTypeError(f"'{text}' is {number}; give those of train, val and test, {example}")
    if not (all(share >= 0 for share in shares) and math.isclose(sum(shares), 1, abs_tol=1e-6)):
        raise argparse.ArgumentTypeError(f"'{text}' is not two or three shares with the sum 1, {example}")
    return (*shares, 0.0)[:3]


def fold_count(text: str) -> int:
    """Type of `--folds`: a whole number of at least 2."""
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least 2")
    return int(text)


def split_of(name: str) -> str | None:
    """Returns the split that the name of a folder or file contains, such as "val" of `instances_val2017`, or None."""
    words = re.findall("[a-z]+", name.lower())
    return next((SPLIT_NAMES[word] for word in reversed(words) if word in SPLIT_NAMES), None)


def pattern(text: str) -> re.Pattern:
    """Type of `--group` and `--match`: a regular expression."""
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a regular expression: {error}") from None


def group_of(name: str, group: re.Pattern, flag: str = "--group") -> str:
    """Returns the group of an image: the first parenthesis of the expression in its name, or the whole match.

    Raises:
        UsageError: if the expression, the value of `flag`, does not match.
    """
    match = group.search(name)
    if not match:
        raise UsageError(f"{flag} {group.pattern} matches nothing in the name {name}")
    return match.group(1 if group.groups else 0)


def assign_splits(
    names: Sequence[str],
    shares: Sequence[float],
    seed: int = 0,
    group: re.Pattern | None = None,
    presence: np.ndarray | None = None,
    splits: Sequence[str] = SPLITS,
) -> list[str]:
    """Assigns images to splits, or to the folds of a cross-validation.

    Each group, in turn, goes to the split that lacks most images. With `presence`, by the iterative stratification of
    Sechidis et al. (ECML 2011): groups with the rarest remaining class come first, and go to the split that lacks most
    images of this class.

    Args:
        names: of N images.
        shares: a float for each split; their sum is 1.
        seed: random seed.
        group: regular expression; images in whose names it matches the same text stay together. None: no groups.
        presence: bool array `(N, C)`, the classes that each image contains. None: no stratification.
        splits: names of the splits.

    Returns:
        List of N str, the split of each image.

    Raises:
        UsageError: if there are fewer groups than splits.
    """
    members = collections.defaultdict(list)
    for number, name in enumerate(names):
        members[group_of(name, group) if group else number].append(number)
    used = [index for index, share in enumerate(shares) if share > 0]
    if len(members) < len(used):
        kind = f"groups by --group {group.pattern}" if group else "images"
        raise UsageError(
            f"{len(members)} {kind} for {len(used)} splits; give fewer splits (--fractions, --folds), or more images"
        )
    presence = np.zeros((len(names), 0), bool) if presence is None else presence
    groups = list(members.values())
    random.Random(seed).shuffle(groups)
    groups.sort(key=len, reverse=True)  # small groups come last and even out what large ones leave
    counts = np.array([[len(numbers), *presence[numbers].sum(axis=0)] for numbers in groups], float)
    lacking = np.array(shares)[:, None] * counts.sum(axis=0)  # (splits, 1 + C): images, and those with each class
    result = [None] * len(names)
    for numbers, split in zip(groups, _assign_groups(counts, lacking, used)):
        for number in numbers:
            result[number] = splits[split]
    return result


def complete_splits(
    splits: Sequence[str | None],
    names: Sequence[str],
    shares: Sequence[float],
    seed: int = 0,
    group: re.Pattern | None = None,
) -> list[str]:
    """Assigns images to the splits that a source lacks.

    If it has train and val, images without a split belong to train. Otherwise all images but those of its test split
    are assigned by `assign_splits`.

    Args:
        splits: "train", "val", "test" or None, for each of N images.
        names, shares, seed, group: as in `assign_splits`. Where the source has a test split, the other two shares
            count.

    Returns:
        List of N str.
    """
    if {"train", "val"} <= set(splits):
        return [split or "train" for split in splits]
    has_test = "test" in splits and set(splits) != {"test"}
    if has_test:
        shares = (*(np.array(shares[:2]) / max(sum(shares[:2]), 1e-9)), 0.0)
    left = [number for number, split in enumerate(splits) if not (has_test and split == "test")]
    result = list(splits)
    for number, split in zip(left, assign_splits([names[number] for number in left], shares, seed, group)):
        result[number] = split
    return result


def _assign_groups(counts, lacking, used):
    """Assigns groups to the splits.

    Args:
        counts: float array `(groups, 1 + C)`, the images of each group, and those with each class.
        lacking: float array `(splits, 1 + C)`, the images that each split should get; is reduced in place.
        used: list of int, the splits that get images.

    Returns:
        List of int, the split of each group.
    """
    splits, left, assigned = [None] * len(counts), list(range(len(counts))), np.zeros_like(lacking)
    while left:
        owners = (counts[left, 1:] > 0).sum(axis=0)
        rare = int(np.where(owners > 0, owners, len(left) + 1).argmin()) + 1 if owners.any() else 0
        candidates = [number for number in left if counts[number, rare] > 0]
        for done, number in enumerate(candidates):
            # No split stays without images, or without a class that at least as many groups have as there are splits.
            choice = used
            for column, waiting in ((0, len(left) - done), (rare, len(candidates) - done)):
                empty = [split for split in used if not assigned[split, column]]
                choice = empty if 0 < waiting <= len(empty) else choice
            splits[number] = max(choice, key=lambda split: (lacking[split, rare], lacking[split, 0]))
            lacking[splits[number]] -= counts[number]
            assigned[splits[number]] += counts[number]
        left = [number for number in left if splits[number] is None]
    return splits
