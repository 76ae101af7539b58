import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.data.checks import PairStatistics
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


def pair(*pixels, ignored=0, unknown=0, size=SIZE):
    missing = size[0] * size[1] - sum(pixels) - ignored
    counts = np.array([pixels[0] + missing, *pixels[1:]])
    return PairStatistics(size, counts, ignored, unknown, "gray")


def test_one_line_describes_the_labels(classes):
    line = describe_labels([pair(0, 5, 0, ignored=124), pair(0, 1, 0)], classes)
    assert line == "labels: class indices, 2 of 3 classes found, 1.6 % ignored"
    classes.unknown = "nearest"
    line = describe_labels([pair(0, 5, 7, unknown=400)], classes)
    assert line.endswith("3 of 3 classes found, 0 % ignored, 10.0 % took the nearest class color")


def test_table_has_shares_and_images(classes):
    splits = {"train": [pair(0, 400, 0), pair(0, 0, 0)], "val": [pair(0, 0, 40, ignored=4)]}
    header, *rows = (line.split() for line in class_table(splits, classes).splitlines())
    assert header == ["class", "train", "pixels", "images", "val", "pixels", "images"]
    assert rows[1] == ["big", "road", "5.0", "%", "1", "0", "%", "0"]
    assert rows[2] == ["car", "0", "%", "0", "1.0", "%", "1"]
    assert rows[3] == ["(ignored)", "0", "%", "0", "0.1", "%", "1"]
    assert "(ignored)" not in class_table({"train": splits["train"]}, classes)


def test_long_tables_leave_rare_classes_out():
    classes = ClassDict([f"c{i}" for i in range(150)], [(i, 0, 0) for i in range(150)])
    statistics = [PairStatistics((150, 151), np.arange(150) * 2 + 1, 150)]
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
    warnings = scoring_warnings("val", statistics, classes)
    assert len(warnings) == len(words)
    assert all(word in warning and len(warning) < 300 for word, warning in zip(words, warnings))


def test_a_good_dataset_has_no_warnings(classes):
    assert not training_warnings([pair(0, 5, 5)], [pair(0, 5, 5)], classes, SIZE)


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
    (warning,) = training_warnings(training, validation, classes, crop)
    assert all(word in warning for word in words)


def test_a_split_without_labeled_pixels_is_an_error(classes):
    check_labeled("val", [])
    check_labeled("val", [pair(0, 1, 0)])
    with pytest.raises(UsageError, match="none of the 4,000 pixels of the val labels has a class"):
        check_labeled("val", [PairStatistics(SIZE, np.zeros(3, int), 4000)])


def test_images_of_both_splits_are_found_by_their_bytes(tmp_path):
    contents = {"a": b"one", "b": b"two", "c": b"two", "d": b"four"}
    paths = {name: tmp_path / name for name in contents}
    for name, path in paths.items():
        path.write_bytes(contents[name])
    assert not repeated_images([paths["a"], paths["b"]], [paths["d"]])
    (warning,) = repeated_images([paths["a"], paths["b"]], [paths["c"], paths["d"]])
    assert warning.startswith("1 of 2 validation images") and "such as c:" in warning
