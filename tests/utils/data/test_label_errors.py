import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.data.label_errors import remedy, unknown_values
from utils.data.label_files import StoredLabel
from utils.data.label_format import classify
from utils.data.label_histogram import count_values

CLASSES = ClassDict(["a", "b", "c"], [(0, 0, 0), (255, 0, 0), (0, 255, 0)])


def advise(pixels, reading, kind="gray", lossy="", classes=CLASSES):
    histogram = count_values(StoredLabel(kind, np.array(pixels, np.uint8), lossy=lossy), classes)
    codes = classify(reading, *histogram[:3], classes)
    return unknown_values(histogram, codes, reading, "x.png"), remedy(histogram, codes, reading, classes)


def test_indices_from_1():
    error, advice = advise([[1, 2, 3, 3, 255]], "indices")
    assert str(error) == "x.png: 1 value that class_dict.csv does not have: 3 (2 px)" and error.pixels == {"3": 2}
    assert "start at 1" in advice and "3 rows, 0 to 2" in advice
    assert "start at 1" not in advise([[1, 2, 3, 4]], "indices")[1]
    assert "start at 1" not in advise([[0, 2, 3]], "indices")[1]


def test_lossy_files():
    _, advice = advise([[(0, 0, 0), (250, 1, 2)]], "colors", "rgb", "JPEG")
    assert "JPEG" in advice and "--unknown_colours nearest" in advice


def test_smooth_borders():
    pixels = [[(0, 0, 0)] * 60 + [(value, 0, 0) for value in range(1, 40)]]
    error, advice = advise(pixels, "colors", "rgb")
    assert str(error).startswith("x.png: 39 colors") and "blended" in advice and "nearest" in advice


@pytest.mark.parametrize("known, expected", [(99, True), (1, False)])
def test_ignoring_is_advised_only_where_it_keeps_the_labels(known, expected):
    _, advice = advise([[(0, 0, 0)] * known + [(9, 9, 8)]], "colors", "rgb")
    assert ("--unknown_colours ignore" in advice) == expected and "add the classes" in advice


def test_no_unknown_values():
    histogram = count_values(StoredLabel("gray", np.array([[0, 1, 255]], np.uint8)), CLASSES)
    assert unknown_values(histogram, classify("indices", *histogram[:3], CLASSES), "indices", "x.png") is None
