"""Errors of label values and their remedies: values of no class, and labels that can be read in two ways."""

import numpy as np

from utils.class_dict import IGNORED, UNKNOWN, ClassDict
from utils.data.label_histogram import NO_COLOR, NO_VALUE, Histogram, unpack
from utils.errors import UnknownColorsError, UsageError
from utils.text import percentage

READINGS = {
    ("rgb", "colors"): "RGB colors",
    ("rgb", "indices"): "class indices in RGB files",
    ("rgb", "binary"): "black and white RGB masks",
    ("palette", "colors"): "palette colors",
    ("palette", "indices"): "palette indices",
    ("palette", "binary"): "black and white masks",
    ("gray", "colors"): "one-channel colors",
    ("gray", "indices"): "class indices",
    ("gray", "binary"): "black and white masks",
}
FEW_UNKNOWN = 0.1  # share of the pixels that may be ignored without losing the labels
MANY_COLORS = 16  # unknown colors, from which on they are blended ones rather than classes


def unknown_values(histogram: Histogram, codes: np.ndarray, reading: str, path) -> UnknownColorsError | None:
    """Creates the error of a file's values of no class; None if there are none."""
    unknown = np.flatnonzero(codes == UNKNOWN)
    if not len(unknown):
        return None
    order = unknown[np.argsort(-histogram.counts[unknown], kind="stable")]
    as_colors = reading == "colors" and (histogram.kind != "gray")
    texts = [
        str(tuple(unpack(histogram.colors[i : i + 1])[0].tolist())) if as_colors and histogram.colors[i] != NO_COLOR
        else str(int(histogram.values[i]) if histogram.values[i] != NO_VALUE else f"#{histogram.colors[i]:06x}")
        for i in order.tolist()
    ]  # fmt: skip
    pixels = dict(zip(texts, histogram.counts[order].tolist()))
    commonest = [f"{value} ({count} px)" for value, count in list(pixels.items())[:3]]
    what = ("color" if as_colors else "value") + "s" * (len(pixels) > 1)
    return UnknownColorsError(
        f"{path}: {len(pixels)} {what} that class_dict.csv does not have: {', '.join(commonest)}"
        f"{', ...' if len(pixels) > 3 else ''}",
        pixels,
    )


def remedy(histogram: Histogram, codes: np.ndarray, reading: str, class_dict: ClassDict) -> str:
    """Returns the remedy of values of no class, for the end of an error. It never loses the labels."""
    unknown = codes == UNKNOWN
    share = histogram.counts[unknown].sum() / histogram.counts.sum()
    used = histogram.values[histogram.counts > 0]
    num_rows = class_dict.num_rows
    if histogram.lossy:
        return (
            f"labels stored as {histogram.lossy} have inexact colors: save them as PNG, or take the nearest class "
            "color with --unknown_colours nearest"
        )
    if reading == "indices" and used.min() == 1 and set(used[used != IGNORED].tolist()) <= set(range(1, num_rows + 1)):
        return (
            f"indices start at 0, and these start at 1: class_dict.csv has {num_rows} rows, 0 to {num_rows - 1}; add a "
            "first row for 0, or subtract 1 from the labels"
        )
    if reading != "indices" and unknown.sum() > MANY_COLORS and share < 0.5:
        return (
            "if these are blended colors of smooth borders, take the nearest class color with --unknown_colours nearest"
        )
    if share <= FEW_UNKNOWN:
        return "add the classes, or ignore such pixels with --unknown_colours ignore"
    return (
        f"{percentage(share)} of the pixels: add the classes to class_dict.csv, or say with --label_format how the "
        "labels are stored"
    )


def ambiguous_reading(histogram, possible, first, second, class_dict):
    """Creates the error of two readings that differ."""
    options = [
        f"as {READINGS[histogram.kind, reading]} ({_pixels_of_classes(histogram, possible[reading], class_dict)})"
        for reading in (first, second)
    ]
    return UsageError(
        f"the labels can be read in two ways: {options[0]} or {options[1]}; choose with --label_format {first} or "
        f"--label_format {second}"
    )


def _pixels_of_classes(histogram, codes, class_dict):
    """Formats the pixels of each class, the most frequent first, at most four, and the ignored ones."""
    pixels = np.bincount(codes, histogram.counts, minlength=256)
    pixels = pixels.astype(np.int64)
    order = np.argsort(-pixels[: class_dict.num_classes], kind="stable")[:4]
    parts = [f"{class_dict.class_names[i]} {pixels[i]:,} px" for i in order.tolist()]
    lost = [(pixels[IGNORED], "ignored"), (pixels[UNKNOWN], "of no class")]
    return ", ".join(parts + [f"{count:,} {what}" for count, what in lost if count])
