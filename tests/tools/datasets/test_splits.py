"""Assignment of images to splits."""

import argparse
import collections

import numpy as np
import pytest

from tools.datasets.splits import assign_splits, complete_splits, fractions, pattern, split_of
from utils.errors import UsageError


def sizes(splits):
    counts = collections.Counter(splits)
    return [counts[split] for split in ("train", "val", "test")]


@pytest.mark.parametrize(
    "number, shares, expected",
    [(10, (0.8, 0.1, 0.1), [8, 1, 1]), (3, (0.8, 0.1, 0.1), [1, 1, 1]), (7, (0.5, 0.5, 0), [4, 3, 0]),
     (1000, (0.7, 0.15, 0.15), [700, 150, 150])],
)  # fmt: skip
def test_sizes(number, shares, expected):
    assert sizes(assign_splits(list(map(str, range(number))), shares)) == expected


def test_the_seed_decides():
    names = list(map(str, range(50)))
    first, same, other = (assign_splits(names, (0.5, 0.25, 0.25), seed) for seed in (3, 3, 4))
    assert first == same != other


def test_groups_are_kept_together_and_balanced():
    names = [f"video{group}_{frame}" for group in range(20) for frame in range(1 + group % 5)]
    splits = assign_splits(names, (0.6, 0.2, 0.2), 0, pattern(r"^(video\d+)_"))
    of_group = collections.defaultdict(set)
    for name, split in zip(names, splits):
        of_group[name.split("_")[0]].add(split)
    assert all(len(splits_of_group) == 1 for splits_of_group in of_group.values())
    assert sizes(splits) == [36, 12, 12]


def test_a_rare_class_is_in_every_split_and_common_ones_keep_their_shares():
    generator = np.random.default_rng(0)
    presence = generator.random((200, 6)) < [0.9, 0.5, 0.3, 0.2, 0.1, 0]
    presence[:10, 5] = True
    for seed in range(5):
        splits = np.array(assign_splits(list(map(str, range(200))), (0.6, 0.2, 0.2), seed, presence=presence))
        assert [presence[splits == split, 5].sum() for split in ("train", "val", "test")] == [6, 2, 2]
        for split, share in (("train", 0.6), ("val", 0.2), ("test", 0.2)):
            assert np.allclose(presence[splits == split].sum(0), share * presence.sum(0), atol=4)
        assert np.allclose(sizes(splits), [120, 40, 40], atol=8)


def test_folds_have_about_the_same_size_and_classes():
    generator = np.random.default_rng(0)
    presence = generator.random((103, 5)) < [0.9, 0.5, 0.3, 0.1, 0]
    presence[:10, 4] = True
    names, folds = list(map(str, range(103))), [f"fold{number}" for number in range(1, 6)]
    for seed in range(5):
        plain = collections.Counter(assign_splits(names, [0.2] * 5, seed, splits=folds))
        assert sorted(plain) == folds and set(plain.values()) <= {20, 21}
        parts = np.array(assign_splits(names, [0.2] * 5, seed, presence=presence, splits=folds))
        for fold in folds:
            assert presence[parts == fold, 4].sum() == 2
            assert np.allclose(presence[parts == fold].sum(0), presence.sum(0) / 5, atol=4)


def test_fewer_groups_than_splits():
    with pytest.raises(UsageError, match="2 groups by --group"):
        assign_splits(["a1", "a2", "b1"], (0.5, 0.25, 0.25), 0, pattern("^."))


@pytest.mark.parametrize("text, shares", [("0.8,0.1,0.1", (0.8, 0.1, 0.1)), ("0.9,0.1", (0.9, 0.1, 0.0))])
def test_fractions(text, shares):
    assert fractions(text) == pytest.approx(shares)


@pytest.mark.parametrize(
    "text, words",
    [
        ("1", "'1' is 1 share; give those of train, val and test, such as 0.8,0.1,0.1"),
        ("0.4,0.3,0.2,0.1", "is 4 shares; give those of train, val and test"),
        ("80,10,10", "is not two or three shares with the sum 1"),
        ("0.5,nan", "is not two or three shares with the sum 1"),
        ("1.5,-0.5", "is not two or three shares with the sum 1"),
        ("0.8;0.2", "is not shares of train, val and test"),
        ("", "is not shares of train, val and test"),
    ],
)
def test_wrong_fractions(text, words):
    with pytest.raises(argparse.ArgumentTypeError) as error:
        fractions(text)
    assert words in str(error.value)


@pytest.mark.parametrize(
    "name, split",
    [("train", "train"), ("Training", "train"), ("instances_val2017", "val"), ("valid", "val"), ("Validation", "val"),
     ("test_images", "test"), ("trainval", None), ("default", None), ("latest", None), ("", None)],
)  # fmt: skip
def test_names_of_splits(name, split):
    assert split_of(name) == split


@pytest.mark.parametrize(
    "given, expected",
    [
        ("train val test", [1, 1, 1]),
        ("train val val ?", [2, 2, 0]),
        ("? " * 10, [6, 2, 2]),
        ("train " * 10, [6, 2, 2]),
        ("test " * 10, [6, 2, 2]),
        ("train " * 8 + "test test", [6, 2, 2]),
        ("train " * 4 + "? " * 4 + "test test", [6, 2, 2]),
        ("val " * 8 + "test test", [6, 2, 2]),
    ],
)
def test_splits_that_a_source_lacks(given, expected):
    given = [None if split == "?" else split for split in given.split()]
    splits = complete_splits(given, list(map(str, range(len(given)))), (0.6, 0.2, 0.2))
    assert sizes(splits) == expected
    if set(given) != {"test"}:
        assert all(split == "test" for before, split in zip(given, splits) if before == "test")
