import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.data.label_files import StoredLabel
from utils.data.label_histogram import count_values, gray_values, merge, pack, stored_colors, unpack

CLASSES = ClassDict(["a", "b", "void"], [(0, 0, 0), (1, 2, 3), (255, 0, 9)]).without(["void"])


def as_dict(histogram):
    """Pixels by `(value, color)`."""
    keys = zip(histogram.values.tolist(), histogram.colors.tolist())
    return dict(zip(keys, histogram.counts.tolist()))


def test_packed_colors_are_those_of_html():
    colors = np.random.default_rng(0).integers(0, 256, (50, 3)).astype(np.uint8)
    assert [f"{value:06x}" for value in pack(colors)] == [bytes(color.tolist()).hex() for color in colors]
    assert np.array_equal(unpack(pack(colors)), colors)
    assert gray_values(np.array([0x070707, 0x070708, 0])).tolist() == [7, -1, 0]


def test_rgb_counts_class_colors_ignored_ones_and_others():
    rgb = np.array([[(0, 0, 0), (0, 0, 0), (1, 2, 3)], [(255, 0, 9), (7, 7, 7), (3, 2, 1)]], np.uint8)
    histogram = count_values(StoredLabel("rgb", rgb), CLASSES)
    assert as_dict(histogram) == {(0, 0): 2, (-1, 0x010203): 1, (-1, 0xFF0009): 1, (7, 0x070707): 1, (-1, 0x030201): 1}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grays(dtype):
    histogram = count_values(StoredLabel("gray", np.array([[0, 3, 3, 255]], dtype), bits=8), CLASSES)
    assert as_dict(histogram) == {(0, 0): 1, (3, 0x030303): 2, (255, 0xFFFFFF): 1}


@pytest.mark.parametrize("bits, values, grays", [(1, [0, 1], [0, 255]), (2, [1, 2, 3], [85, 170, 255]), (4, [5], [85])])
def test_few_bits_are_fractions_of_white(bits, values, grays):
    stored = StoredLabel("gray", np.array([values], np.uint8), bits)
    assert gray_values(stored_colors(stored, np.array(values))).tolist() == grays


def test_16_bits_are_colors_if_they_are_multiples_of_257():
    stored = StoredLabel("gray", np.zeros((1, 1), np.uint16), 16)
    assert stored_colors(stored, np.array([0, 9, 300, 257, 65535])).tolist() == [0, 0x090909, -1, 0x010101, 0xFFFFFF]


def test_indices_beyond_the_palette_have_no_color():
    stored = StoredLabel("palette", np.array([[0, 1, 255]], np.uint8), palette=np.array([(1, 2, 3), (0, 0, 0)]))
    assert as_dict(count_values(stored, CLASSES)) == {(0, 0x010203): 1, (1, 0): 1, (255, -1): 1}


def test_merging_sums_files():
    rng = np.random.default_rng(0)
    stored = [StoredLabel("gray", rng.integers(0, 5, (3, 4)).astype(np.uint8)) for _ in range(4)]
    histograms = [count_values(one, CLASSES) for one in stored]
    merged = merge([*histograms, histograms[0]._replace(lossy="JPEG")])
    expected = np.bincount(np.concatenate([one.pixels.ravel() for one in [*stored, stored[0]]]))
    assert [as_dict(merged)[value, value * 0x010101] for value in range(5)] == expected.tolist()
