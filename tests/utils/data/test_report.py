import hashlib

import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.data import report
from utils.data.label_statistics import PairStatistics, summarize
from utils.data.report import (
    check_labeled,
    class_table,
    describe_labels,
    repeated_images,
    scoring_warnings,
    training_warnings,
)
from utils.errors import UsageError

SIZE = (40, 100)


@pytest.fixture
def classes():
    class_dict = ClassDict(["sky", "big road", "car"], [(0, 0, 0), (9, 9, 9), (255, 0, 0)])
    class_dict.readings = {"gray": "indices"}
    return class_dict


def sums(*pairs, of=None):
    """The statistics of a split, of which pairs were read; `of` is the number of all."""
    total = summarize(pairs, len(pairs[0].pixels) if pairs else 3)
    total.pairs = of or total.pairs
    return total


def pair(*pixels, ignored=0, unknown=0, size=SIZE):
    missing = size[0] * size[1] - sum(pixels) - ignored
    counts = np.array([pixels[0] + missing, *pixels[1:]])
    return PairStatistics(size, counts, ignored, unknown, "gray")


def test_one_line_describes_the_labels(classes):
    line = describe_labels(sums(pair(0, 5, 0, ignored=124), pair(0, 1, 0)), classes)
    assert line == "labels: class indices, 2 of 3 classes found, 1.6 % ignored"
    classes.unknown = "nearest"
    line = describe_labels(sums(pair(0, 5, 7, unknown=400)), classes)
    assert line.endswith("3 of 3 classes found, 0 % ignored, 10.0 % took the nearest class color")


def test_table_has_shares_and_images(classes):
    splits = {"train": sums(pair(0, 400, 0), pair(0, 0, 0)), "val": sums(pair(0, 0, 40, ignored=4))}
    header, *rows = (line.split() for line in class_table(splits, classes).splitlines())
    assert header == ["class", "train", "pixels", "images", "val", "pixels", "images"]
    assert rows[1] == ["big", "road", "5.0", "%", "1", "0", "%", "0"]
    assert rows[2] == ["car", "0", "%", "0", "1.0", "%", "1"]
    assert rows[3] == ["(ignored)", "0", "%", "0", "0.1", "%", "1"]
    assert "(ignored)" not in class_table({"train": splits["train"]}, classes)


def test_long_tables_leave_rare_classes_out():
    classes = ClassDict([f"c{i}" for i in range(150)], [(i, 0, 0) for i in range(150)])
    statistics = sums(PairStatistics((150, 151), np.arange(150) * 2 + 1, 150))
    lines = class_table({"train": statistics}, classes).splitlines()
    assert len(lines) < 45 and "rarer classes" in lines[-1] and any("c149" in line for line in lines)
    assert int(lines[-1].split()[2]) + len(lines) - 3 == 150


@pytest.mark.parametrize(
    "statistics, words",
    [
        ([pair(0, 5, 5)], []),
        ([pair(0, 5, 0), pair(0, 5, 0)], ["car has no pixel in the val images and cannot be scored"]),
        ([pair(0, 0, 0)], ["all labeled val pixels are sky"]),
        ([pair(0, 5, 5), pair(0, 0, 0, ignored=4000)], ["1 of 2 val images have no labeled pixel"]),
    ],
)
def test_what_scores_leave_out_is_told(classes, statistics, words):
    warnings = scoring_warnings("val", sums(*statistics), classes)
    assert len(warnings) == len(words)
    assert all(word in warning and len(warning) < 300 for word, warning in zip(words, warnings))


def test_a_good_dataset_has_no_warnings(classes):
    assert not training_warnings(sums(pair(0, 5, 5)), sums(pair(0, 5, 5)), classes, SIZE)


@pytest.mark.parametrize(
    "training, validation, crop, words",
    [
        ([pair(0, 5, 0)], [pair(0, 5, 0)], SIZE, ["car has no pixel in train", "--ignore_class car"]),
        ([pair(0, 0, 5)], [], SIZE, ["big road has no pixel", "--ignore_class 'big road'"]),
        ([pair(0, 0, 0)], [], SIZE, ["all labeled training pixels are sky"]),
        ([pair(0, 5, 5)], [pair(0, 0, 0)], SIZE, ["big road, car have no pixel in the validation"]),
        ([pair(0, 5, 5, ignored=500)], [], SIZE, ["12.5 % of the training pixels are ignored"]),
        (
            [pair(0, 5, 5), pair(0, 5, 5, size=(512, 512))], [], (64, 512),
            ["64x512 is larger than 1 of 2", "--crop_height 32 --crop_width 96"],
        ),
    ],
)  # fmt: skip
def test_each_surprise_is_one_line(classes, training, validation, crop, words):
    (warning,) = training_warnings(sums(*training), sums(*validation), classes, crop)
    assert all(word in warning for word in words)


def test_a_split_without_labeled_pixels_is_an_error(classes):
    check_labeled("val", sums())
    check_labeled("val", sums(pair(0, 1, 0)))
    with pytest.raises(UsageError, match="none of the 4,000 pixels of the val labels has a class"):
        check_labeled("val", sums(PairStatistics(SIZE, np.zeros(3, int), 4000)))
    with pytest.raises(
        UsageError, match="val labels of the 1 of 9 val images that were read; --verify full reads all has"
    ):
        check_labeled("val", sums(PairStatistics(SIZE, np.zeros(3, int), 4000), of=9))


def test_images_of_both_splits_are_found_by_their_bytes(tmp_path):
    contents = {"a": b"one", "b": b"two", "c": b"two", "d": b"four"}
    paths = {name: tmp_path / name for name in contents}
    for name, path in paths.items():
        path.write_bytes(contents[name])
    assert not repeated_images([paths["a"], paths["b"]], [paths["d"]])
    (warning,) = repeated_images([paths["a"], paths["b"]], [paths["c"], paths["d"]])
    assert warning.startswith("1 of 2 validation images") and "such as c:" in warning


def test_a_sample_does_not_claim_what_it_cannot_know(classes):
    few = sums(pair(0, 5, 0), of=900)
    assert training_warnings(few, few, classes, SIZE) == [
        "car has no pixel in the 1 of 900 training images that were read; --verify full reads all"
    ]
    assert scoring_warnings("test", few, classes) == [
        "car has no pixel in the 1 of 900 test images that were read; --verify full reads all"
    ]


def test_files_of_one_size_are_told_apart_by_few_bytes(tmp_path, monkeypatch):
    """Pixels that are not compressed make all files of a dataset equally long."""
    paths = [tmp_path / f"{n}.bmp" for n in range(6)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes(50_000) + bytes([number % 5]) * 50_000)
    hashed = []
    monkeypatch.setattr(
        report.hashlib, "file_digest", lambda file, kind: hashed.append(file.name) or hashlib.md5(file.read())
    )
    (warning,) = repeated_images(paths[:4], paths[4:])
    assert "1 of 2 validation images are training images too, such as 5.bmp" in warning
    assert sorted(hashed) == [str(paths[0]), str(paths[5])]
