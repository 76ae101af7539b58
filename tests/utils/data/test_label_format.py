import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.data.label_files import StoredLabel
from utils.data.label_format import choose_reading, classify, decide_readings, describe, is_certain
from utils.data.label_histogram import count_values
from utils.errors import UsageError

BLACK, WHITE, RED, GRAY, BLUE = (0, 0, 0), (255, 255, 255), (255, 0, 0), (128, 128, 128), (0, 0, 255)


def read(values, colors, bits=8, kind="gray", palette=None, names=None, **options):
    """Chooses the reading of values and returns it with their classes."""
    class_dict = ClassDict(names or [f"c{i}" for i in range(len(colors))], colors, **options)
    dtype = np.uint16 if bits == 16 else np.uint8
    palette = None if palette is None else np.array(palette, np.uint8)
    stored = StoredLabel(kind, np.array([values], dtype), bits, palette)
    histogram = count_values(stored, class_dict)
    reading = choose_reading(histogram, class_dict)
    codes = classify(reading, *histogram[:3], class_dict)
    if kind == "rgb":
        keys = [tuple(color) for color in values]
        found = {(c >> 16, c >> 8 & 255, c & 255): code for c, code in zip(histogram.colors, codes.tolist())}
    else:
        keys, found = values, dict(zip(histogram.values.tolist(), codes.tolist()))
    return reading, [found[key] for key in keys]


@pytest.mark.parametrize(
    "values, colors, bits, reading, classes",
    [
        ([0, 255], [BLACK, WHITE], 8, "colors", [0, 1]),
        ([0, 255], [WHITE, BLACK], 8, "colors", [1, 0]),
        ([0, 1], [BLACK, WHITE], 1, "colors", [0, 1]),
        ([0, 1], [WHITE, BLACK], 1, "colors", [1, 0]),
        ([0, 1], [BLACK, WHITE], 8, "indices", [0, 1]),
        ([0, 1], [BLACK, RED], 1, "indices", [0, 1]),
        ([0, 65535], [BLACK, RED], 16, "binary", [0, 1]),
        ([0, 65535], [RED, BLACK], 16, "binary", [1, 0]),
        ([0, 65535], [BLACK, WHITE], 16, "colors", [0, 1]),
        ([0, 128, 255], [BLACK, GRAY, WHITE], 8, "colors", [0, 1, 2]),
        ([0, 128], [BLACK, GRAY, WHITE], 8, "colors", [0, 1]),
        ([0, 1, 2], [BLACK, GRAY, WHITE], 8, "indices", [0, 1, 2]),
        ([0, 1, 2, 255], [BLACK, RED, BLUE], 8, "indices", [0, 1, 2, 255]),
        ([0, 1, 255], [BLACK, WHITE], 8, "indices", [0, 1, 255]),
        ([0, 85, 255], [BLACK, (85, 85, 85), WHITE], 8, "colors", [0, 1, 2]),
        ([0, 1, 2, 3], [BLACK, (85, 85, 85), GRAY, WHITE], 2, "indices", [0, 1, 2, 3]),
        ([0, 1], [BLACK, (1, 1, 1)], 8, "colors", [0, 1]),
    ],
)
def test_one_channel(values, colors, bits, reading, classes):
    assert read(values, colors, bits) == (reading, classes)


@pytest.mark.parametrize(
    "values, colors, flags",
    [
        ([0, 255], [BLACK, RED], ["indices", "binary"]),
        ([0, 255], [RED, BLACK], ["indices", "binary"]),
        ([0, 255], [BLUE, RED], ["indices", "binary"]),
        ([0, 1], [RED, BLACK], ["indices", "binary"]),
        ([0, 1], [(1, 1, 1), BLACK], ["colors", "indices"]),
        ([0], [WHITE, BLACK], ["colors", "indices"]),
    ],
)
def test_two_readings_are_a_question(values, colors, flags):
    with pytest.raises(UsageError) as error:
        read(values, colors)
    assert all(f"--label_format {flag}" in str(error.value) for flag in flags)
    assert str(error.value).count(" px") >= 4
    for flag in flags:  # each answer is taken
        assert read(values, colors, label_format=flag)[0] == flag


@pytest.mark.parametrize(
    "values, colors, bits",
    [
        ([0, 3], [BLACK, RED, WHITE, BLUE], 2),  # black and white, or the first and the last class
        ([0, 1], [BLACK, RED, WHITE, BLUE], 1),
        ([0, 1], [RED, BLACK], 2),
    ],
)
def test_few_bits_are_a_question_where_class_grays_are_other_rows(values, colors, bits):
    with pytest.raises(UsageError, match="two ways"):
        read(values, colors, bits)


@pytest.mark.parametrize("unknown", ["error", "ignore"])
def test_equally_incomplete_readings_are_a_question(unknown):
    """Ignoring the unknown 9 must not decide whether 0 is the first or the last class."""
    with pytest.raises(UsageError, match="two ways"):
        read([0, 1, 2, 9], [(2, 2, 2), (1, 1, 1), BLACK], unknown=unknown)
    # 255 is ignored by one reading and of no class in the other one, which is no difference.
    assert read([0, 255, 77], [BLACK, RED], unknown=unknown) == ("indices", [0, 255, 254])


def test_masks_of_several_depths_are_a_question():
    """0 and 1 in 4 and in 8 bits: as grays they are 0, 1 and 17, which are no mask, but as numbers they are."""
    class_dict = ClassDict(["object", "background"], [RED, BLACK])
    histograms = [count_values(StoredLabel("gray", np.array([[0, 1]], np.uint8), bits), class_dict) for bits in (4, 8)]
    with pytest.raises(UsageError, match="--label_format indices or --label_format binary"):
        decide_readings(histograms, class_dict)


@pytest.mark.parametrize(
    "values, colors, kind, options, certain",
    [
        ([0, 1, 2], [BLACK, RED, BLUE], "gray", {}, True),
        ([0], [BLACK, RED], "gray", {}, False),  # is black and the first class, but a 1 would be an index
        ([0], [RED, BLACK], "gray", {}, False),
        ([0, 255], [BLACK, WHITE], "gray", {}, False),  # with a 1 in another file they are indices
        ([0, 255], [BLACK, WHITE], "gray", {"label_format": "colors"}, True),
        ([RED, BLACK], [BLACK, RED], "rgb", {}, True),
        ([BLACK], [RED, BLACK], "rgb", {}, False),
        ([0, 9], [BLACK, RED], "gray", {}, False),
    ],
)
def test_more_files_cannot_change_a_certain_reading(values, colors, kind, options, certain):
    class_dict = ClassDict([f"c{i}" for i in range(len(colors))], colors, **options)
    histogram = count_values(StoredLabel(kind, np.array([values], np.uint8)), class_dict)
    assert is_certain(histogram, class_dict) == certain


def test_a_file_that_is_wholly_ignored_has_no_color():
    assert read([255, 255], [BLACK, RED], kind="palette", palette=[BLACK, RED])[1] == [255, 255]


@pytest.mark.parametrize(
    "colors, names, background",
    [
        ([RED, BLACK], None, 1),
        ([BLACK, RED], None, 0),
        ([RED, BLUE], ["thing", "Background"], 1),
        ([RED, BLUE], None, 0),
        ([WHITE, RED], None, 1),
        ([WHITE, RED], ["background", "thing"], 0),
    ],
)
def test_background_of_masks(colors, names, background):
    _, classes = read([0, 255, 1], colors, names=names, label_format="binary")
    assert classes == [background, 1 - background, 1 - background]


def test_soft_masks_keep_the_object():
    values = [0, 0, 0, 1, 60, 200, 254, 255, 255, 255]
    assert read(values, [BLACK, WHITE], unknown="nearest") == ("colors", [0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    reading, classes = read(values, [BLACK, WHITE], unknown="ignore")
    assert reading == "colors" and classes[-1] == 1
    _, classes = read(values, [BLACK, RED], unknown="nearest", label_format="binary")
    assert classes == [0, 0, 0, 1, 0, 1, 1, 1, 1, 1]  # 1 is the object of masks of 0 and 1


@pytest.mark.parametrize(
    "values, colors, reading, classes",
    [
        ([BLACK, WHITE], [WHITE, BLACK], "colors", [1, 0]),
        ([BLACK, RED], [BLACK, RED], "colors", [0, 1]),
        ([(0, 0, 0), (1, 1, 1), (2, 2, 2)], [BLACK, RED, BLUE], "indices", [0, 1, 2]),
        ([BLACK], [RED, BLUE, BLACK], "colors", [2]),
    ],
)
def test_rgb(values, colors, reading, classes):
    assert read(values, colors, kind="rgb") == (reading, classes)


def test_black_and_white_rgb_masks_of_another_color_are_a_question():
    with pytest.raises(UsageError, match="two ways"):
        read([BLACK, WHITE], [BLACK, RED], kind="rgb")
    assert read([BLACK, WHITE], [BLACK, RED], kind="rgb", label_format="binary") == ("binary", [0, 1])


@pytest.mark.parametrize(
    "values, palette, colors, reading, classes",
    [
        ([0, 1], [RED, BLACK], [BLACK, RED], "colors", [1, 0]),
        ([0, 1], [BLACK, BLUE], [BLACK, RED], "indices", [0, 1]),
        ([0, 1], [BLACK, WHITE], [BLACK, RED], "indices", [0, 1]),
        ([0, 3], [BLACK, BLACK, BLACK, WHITE], [BLUE, RED], "binary", [0, 1]),
        ([0, 1, 2], [(9, 9, 9), (8, 8, 8), (7, 7, 7)], [BLACK, RED, BLUE], "indices", [0, 1, 2]),
        ([0, 255], [BLACK] * 255 + [(224, 224, 192)], [BLACK, RED], "colors", [0, 255]),
    ],
)
def test_palettes(values, palette, colors, reading, classes):
    assert read(values, colors, kind="palette", palette=palette) == (reading, classes)


@pytest.mark.parametrize(
    "values, palette, colors",
    [
        ([0, 1], [WHITE, BLACK], [BLACK, RED]),  # by index the white object would be background
        ([0, 255], [BLACK] * 255 + [WHITE], [BLACK, RED]),  # by color the white object would be ignored
    ],
)
def test_palettes_with_two_readings(values, palette, colors):
    with pytest.raises(UsageError, match="two ways"):
        read(values, colors, kind="palette", palette=palette)


@pytest.mark.parametrize(
    "kind, values, colors, flag, words",
    [
        ("rgb", [RED, BLUE], [BLACK, RED], "indices", "no grays"),
        ("gray", [0, 1], [BLACK, RED, BLUE], "binary", "has 3"),
        ("rgb", [RED, BLUE], [BLACK, RED], "binary", "no grays"),
    ],
)
def test_impossible_formats(kind, values, colors, flag, words):
    with pytest.raises(UsageError, match=words) as error:
        read(values, colors, kind=kind, label_format=flag)
    assert f"--label_format {flag}" in str(error.value)


def test_each_kind_of_file_is_decided_once():
    class_dict = ClassDict(["a", "b"], [BLACK, WHITE])
    stored = [
        StoredLabel("gray", np.array([[0, 0]], np.uint8)),
        StoredLabel("gray", np.array([[0, 255]], np.uint8)),
        StoredLabel("rgb", np.array([[BLACK, WHITE]], np.uint8)),
    ]
    histograms = [count_values(one, class_dict) for one in stored]
    readings = decide_readings([*histograms, None], class_dict)
    assert readings == {"gray": "colors", "rgb": "colors"}
    assert describe(readings, {"gray": 2, "rgb": 1}) == "2 one-channel colors, 1 files of RGB colors"
    assert describe({"gray": "binary"}, {"gray": 2}) == "black and white masks"
