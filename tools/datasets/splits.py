"""Which image goes to which split: at random, kept together by groups, and with rare classes in each split."""

import argparse
import collections
import math
import random
import re

import numpy as np

from utils.data.folder import SPLITS
from utils.errors import UsageError


def fractions(text):
    """The type of `--fractions`: shares of train, val and test, such as 0.8,0.1,0.1.

    Returns:
        Tuple of three floats whose sum is 1.
    """
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        shares = []
    if not (2 <= len(shares) <= 3 and all(share >= 0 for share in shares) and math.isclose(sum(shares), 1)):
        raise argparse.ArgumentTypeError(f"'{text}' is not two or three shares with the sum 1, such as 0.8,0.1,0.1")
    return (*shares, 0.0)[:3]


def pattern(text):
    """The type of `--group`: a regular expression."""
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a regular expression: {error}") from None


def group_of(name, group):
    """What an image belongs to: the first parenthesis of the expression in its name, or all that matches.

    Raises:
        UsageError: if nothing matches.
    """
    found = group.search(name)
    if not found:
        raise UsageError(f"--group {group.pattern} matches nothing in the name {name}")
    return found.group(1 if group.groups else 0)


def assign(names, shares, seed=0, group=None, presence=None):
    """Deals images to the splits.

    Groups go one after another to the split that lacks most; with `presence` by the iterative stratification of
    Sechidis et al. (ECML 2011): those with the class that the fewest have left come first, and go where most images
    of this class are lacking.

    Args:
        names: list of N str.
        shares: three floats whose sum is 1, of train, val and test.
        seed: int; the same one deals the same.
        group: compiled regular expression whose matches are kept together, or None.
        presence: bool array `(N, C)`, which classes an image has, or None.

    Returns:
        List of N str: "train", "val" or "test".

    Raises:
        UsageError: if there are fewer groups than splits.
    """
    members = collections.defaultdict(list)
    for number, name in enumerate(names):
        members[group_of(name, group) if group else number].append(number)
    used = [index for index, share in enumerate(shares) if share > 0]
    if len(members) < len(used):
        what = f"groups by --group {group.pattern}" if group else "images"
        raise UsageError(f"{len(members)} {what} for {len(used)} splits; give fewer --fractions")
    presence = np.zeros((len(names), 0), bool) if presence is None else presence
    waiting = list(members.values())
    random.Random(seed).shuffle(waiting)
    waiting.sort(key=len, reverse=True)  # small groups, dealt last, fill up what large ones leave
    counts = np.array([[len(numbers), *presence[numbers].sum(axis=0)] for numbers in waiting], float)
    lacking = np.array(shares)[:, None] * counts.sum(axis=0)  # (splits, 1 + C): images, and those with each class
    splits = _deal(counts, lacking, used)
    result = [None] * len(names)
    for numbers, split in zip(waiting, splits):
        for number in numbers:
            result[number] = SPLITS[split]
    return result


def _deal(counts, lacking, used):
    """The split of each group, list of int.

    Args:
        counts: float array `(groups, 1 + C)`, images of each group, and those with each class.
        lacking: float array `(splits, 1 + C)`; becomes what is lacking at the end.
        used: list of int, the splits that get anything.
    """
    splits, left, given = [None] * len(counts), list(range(len(counts))), np.zeros_like(lacking)
    while left:
        owners = (counts[left, 1:] > 0).sum(axis=0)
        rare = int(np.where(owners > 0, owners, len(left) + 1).argmin()) + 1 if owners.any() else 0
        able = [number for number in left if counts[number, rare] > 0]
        for done, number in enumerate(able):
            # No split stays without images, or without a class that as many groups have as there are splits.
            choice = used
            for column, waiting in ((0, len(left) - done), (rare, len(able) - done)):
                without = [split for split in used if not given[split, column]]
                choice = without if 0 < waiting <= len(without) else choice
            splits[number] = max(choice, key=lambda one: (lacking[one, rare], lacking[one, 0]))
            lacking[splits[number]] -= counts[number]
            given[splits[number]] += counts[number]
        left = [number for number in left if splits[number] is None]
    return splits
