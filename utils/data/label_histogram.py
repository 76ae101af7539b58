"""Histogram of label files: pixels of each stored value and its color."""

import collections
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from utils.class_dict import UNKNOWN, ClassDict
from utils.data.label_files import StoredLabel
from utils.metrics import histogram

NO_COLOR = -1  # of a 16-bit value that is no color, or of an index beyond the palette
NO_VALUE = -1  # of an RGB color that is no gray
MERGED_AT_ONCE = 256  # histograms, so that memory does not grow with the number of files


class Histogram(NamedTuple):
    """Number of pixels of each stored value.

    Attributes:
        kind: of `StoredLabel`.
        values: int64 array `(K,)`, gray values, palette indices, or -1 for an RGB color that is no gray.
        colors: int64 array `(K,)`, colors as 0xRRGGBB, or -1 for none.
        counts: int64 array `(K,)`, pixels.
        lossy: of `StoredLabel`.
    """

    kind: str
    values: np.ndarray
    colors: np.ndarray
    counts: np.ndarray
    lossy: str = ""


def count_values(stored: StoredLabel, class_dict: ClassDict) -> Histogram:
    """Counts the pixels of each value or color of a label file."""
    if stored.kind == "rgb":
        colors, counts = _count_colors(stored.pixels, class_dict)
        return Histogram("rgb", gray_values(colors), colors, counts, stored.lossy)
    if stored.pixels.dtype == np.uint8:
        counts = histogram(stored.pixels, 256)
        values = np.flatnonzero(counts)
        counts = counts[values]
    else:
        values, counts = np.unique(stored.pixels, return_counts=True)
    values = values.astype(np.int64)
    return Histogram(stored.kind, values, stored_colors(stored, values), counts.astype(np.int64), stored.lossy)


def merge(histograms: Iterable[Histogram]) -> Histogram:
    """Sums the histograms of files of one kind."""
    histograms = list(histograms)
    values, colors, counts = (np.concatenate([h[i] for h in histograms]) for i in (1, 2, 3))
    keys, inverse = np.unique(np.stack([values, colors]), axis=1, return_inverse=True)
    sums = np.bincount(inverse.ravel(), counts, minlength=keys.shape[1]).astype(np.int64)
    lossy = collections.Counter(h.lossy for h in histograms).most_common(1)[0][0]
    return Histogram(histograms[0].kind, keys[0], keys[1], sums, lossy)


def merge_kinds(histograms: Iterable[Histogram | None]) -> dict[str, Histogram]:
    """Sums the histograms of the files of each kind, "gray", "palette" and "rgb"; None, of no file, does not count."""
    kinds, lossy = collections.defaultdict(list), collections.defaultdict(collections.Counter)
    for one in filter(None, histograms):
        kinds[one.kind].append(one)
        lossy[one.kind][one.lossy] += 1
        if len(kinds[one.kind]) == MERGED_AT_ONCE:
            kinds[one.kind] = [merge(kinds[one.kind])]
    return {
        kind: merge(of_kind)._replace(lossy=lossy[kind].most_common(1)[0][0]) for kind, of_kind in sorted(kinds.items())
    }


def stored_colors(stored: StoredLabel, values: np.ndarray) -> np.ndarray:
    """Returns the colors of gray values or palette indices as 0xRRGGBB, -1 for values without one."""
    if stored.palette is not None:
        colors = np.full(max(256, int(values.max(initial=0)) + 1), NO_COLOR, np.int64)
        colors[: len(stored.palette)] = pack(stored.palette)
        return colors[values]
    if stored.bits < 8:
        grays = values * 255 // (2**stored.bits - 1)
    else:
        grays = np.where(values < 256, values, np.where(values % 257 == 0, values // 257, NO_COLOR))
    return np.where(grays == NO_COLOR, NO_COLOR, grays * 0x010101)


def gray_values(colors: np.ndarray) -> np.ndarray:
    """Returns the gray values of colors 0xRRGGBB, -1 where a color is no gray."""
    grays = colors & 255
    return np.where(grays * 0x010101 == colors, grays, NO_VALUE)


def pack(rgb: np.ndarray) -> np.ndarray:
    """Converts RGB colors `(..., 3)` to numbers 0xRRGGBB, int64 `(...)`."""
    return np.asarray(rgb, np.int64) @ np.array([1 << 16, 1 << 8, 1])


def unpack(packed: np.ndarray) -> np.ndarray:
    """Converts numbers 0xRRGGBB `(...)` to RGB colors, uint8 `(..., 3)`."""
    return np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], axis=-1).astype(np.uint8)


def _count_colors(rgb, class_dict):
    """Returns the colors of an image and their pixels. Class colors are looked up, as sorting is 20 times slower."""
    codes, packed = class_dict.look_up(rgb)
    by_class = histogram(codes, 256)
    present = np.flatnonzero(by_class[: class_dict.num_classes])
    other = packed[codes >= UNKNOWN] if by_class[UNKNOWN:].any() else packed[:0]  # ignored classes, colors of none
    others, counts = np.unique(other, return_counts=True)
    others = (others & 255) << 16 | others & 0xFF00 | others >> 16 & 255  # ClassDict packs red into the low byte
    colors = np.concatenate([pack(class_dict.label_values[present]), others.astype(np.int64)])
    return colors, np.concatenate([by_class[present], counts]).astype(np.int64)
