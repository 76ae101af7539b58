"""Label format: whether stored values are class colors, class indices or binary masks, decided for a whole dataset."""

from collections.abc import Iterable

import numpy as np

from utils.class_dict import IGNORED, UNKNOWN, ClassDict
from utils.data.label_errors import READINGS, ambiguous_reading
from utils.data.label_histogram import NO_COLOR, NO_VALUE, Histogram, gray_values, merge_kinds, unpack
from utils.errors import UsageError

WHITE = 0xFFFFFF
BACKGROUND_NAMES = {"background", "bg", "_background_"}


def classify(
    reading: str, kind: str, values: np.ndarray, colors: np.ndarray, class_dict: ClassDict, exact: bool = False
) -> np.ndarray:
    """Assigns a class to each stored value.

    Args:
        reading: "colors", "indices" or "binary".
        kind, values, colors: as in `Histogram`.
        class_dict: `ClassDict`.
        exact: whether to leave out the nearest colors of `class_dict.unknown`.

    Returns:
        uint8 array `(K,)` of class indices; 255 = ignored, 254 = of no class.
    """
    nearest = class_dict.unknown == "nearest" and not exact
    if reading == "indices":
        codes = class_dict.index_table().take(np.where(values == NO_VALUE, UNKNOWN + 1000, values))
        codes[values == NO_VALUE] = UNKNOWN
        return codes
    has_color = colors != NO_COLOR
    if reading == "binary":
        background = background_class(class_dict)
        grays = np.where(gray_values(colors) == NO_VALUE, 1, gray_values(colors))
        codes = np.full(len(values), UNKNOWN, np.uint8)
        codes[(grays == 0) & has_color] = background
        codes[(grays == 255) | ((kind != "palette") & np.isin(values, (1, 255, 65535)))] = 1 - background
        if nearest:
            soft = (codes == UNKNOWN) & has_color & (gray_values(colors) != NO_VALUE)
            codes[soft] = np.where(grays[soft] < 128, background, 1 - background)
        return codes
    codes = np.full(len(values), UNKNOWN, np.uint8)
    if has_color.any():
        codes[has_color] = class_dict.look_up(unpack(colors[has_color])[None])[0][0]
    if kind == "palette":  # as in Pascal VOC, index 255 is ignored unless its color is a class color
        codes[(values == IGNORED) & (codes == UNKNOWN)] = IGNORED
    inexact = (codes == UNKNOWN) & has_color
    if nearest and inexact.any():
        codes[inexact] = class_dict.nearest(unpack(colors[inexact]))
    return codes


def background_class(class_dict: ClassDict) -> int:
    """Returns the class of the value 0 in binary masks: the black, that named background, not the white, the first."""
    colors, names = class_dict.label_values.tolist(), [name.casefold() for name in class_dict.class_names]
    if [0, 0, 0] in colors:
        return colors.index([0, 0, 0])
    named = [index for index, name in enumerate(names) if name in BACKGROUND_NAMES]
    dark = [index for index, color in enumerate(colors) if color != [255, 255, 255]]
    return [*named, *dark, 0][0]


def choose_reading(histogram: Histogram, class_dict: ClassDict) -> str:
    """Decides how the stored values of a dataset's files of one kind are read.

    Args:
        histogram: of all files of this kind.
        class_dict: `ClassDict`; its `label_format` other than "auto" is the answer, if it is possible.

    Returns:
        "colors", "indices" or "binary".

    Raises:
        UsageError: if two readings explain all pixels and differ, with the pixels of both and the flag that decides;
            or if `label_format` is impossible.
    """
    possible = {
        reading: classify(reading, *histogram[:3], class_dict, exact=True)
        for reading in _possible(histogram, class_dict)
    }
    wanted = class_dict.label_format
    if wanted != "auto":
        if wanted not in possible:
            raise UsageError(f"--label_format {wanted}: {_why_impossible(wanted, histogram.kind, class_dict)}")
        return wanted
    if histogram.kind == "palette":
        return _reading_of_palette(histogram, possible, class_dict)
    complete = {reading: codes for reading, codes in possible.items() if not (codes == UNKNOWN).any()}
    if not complete:
        return _least_lost(histogram, possible, class_dict)
    first, *others = complete
    differing = [other for other in others if (complete[first] != complete[other]).any()]
    if not differing or (first == "colors" and _colors_decide(histogram, class_dict)):
        return first
    raise ambiguous_reading(histogram, complete, first, differing[0], class_dict)


def decide_readings(histograms: Iterable[Histogram | None], class_dict: ClassDict) -> dict[str, str]:
    """Decides how the label files of a dataset are read, once for all files of a kind.

    Args:
        histograms: of all label files; None for files that cannot be read.
        class_dict: `ClassDict`.

    Returns:
        Dict from kinds of files, "rgb", "palette" and "gray", to "colors", "indices" or "binary".

    Raises:
        UsageError: if two readings are possible.
    """
    return {kind: choose_reading(merged, class_dict) for kind, merged in merge_kinds(histograms).items()}


def is_certain(histogram: Histogram, class_dict: ClassDict) -> bool:
    """Returns whether more files cannot change the reading of a kind: it is told, or the only one for all pixels."""
    if class_dict.label_format != "auto":
        return True
    if histogram.kind == "palette":  # their decision is that of the majority of colors
        return False
    possible = (
        classify(reading, *histogram[:3], class_dict, exact=True) for reading in _possible(histogram, class_dict)
    )
    return sum(not (codes == UNKNOWN).any() for codes in possible) == 1


def describe(readings: dict[str, str], files: dict[str, int]) -> str:
    """Describes how labels are read, such as "RGB colors" or "340 palette colors, 27 class indices"."""
    names = {kind: READINGS[kind, reading] for kind, reading in readings.items()}
    if len(names) == 1:
        return next(iter(names.values()))
    return ", ".join(f"{files[kind]} {'files of ' if kind == 'rgb' else ''}{name}" for kind, name in names.items())


def _possible(histogram, class_dict):
    """Lists the readings of a kind of file, the one that is preferred among equals first."""
    grays = bool((gray_values(histogram.colors) != NO_VALUE).all()) if histogram.kind != "gray" else True
    binary = grays and class_dict.num_rows == 2
    if class_dict.label_format == "auto":  # several bright values are no mask of two values
        sources = (histogram.values, histogram.colors) if histogram.kind == "gray" else (histogram.colors,)
        binary &= min(np.unique(source[source != 0]).size for source in sources) <= 1
        binary &= not (histogram.kind == "gray" and set(histogram.values.tolist()) <= {0, 1} and _plain(class_dict))
    indices = grays or histogram.kind == "palette"
    return ["colors", *["indices"] * indices, *["binary"] * binary]


def _plain(class_dict):
    """Returns whether indices and masks of 0 and 1 are the same."""
    return background_class(class_dict) == 0


def _why_impossible(reading, kind, class_dict):
    """Explains why labels of a kind cannot be read so."""
    if reading == "binary" and class_dict.num_rows != 2:
        return f"a binary mask has two classes, class_dict.csv has {class_dict.num_rows}"
    return "the labels are RGB files with colors that are no grays"


def _least_lost(histogram, possible, class_dict):
    """Chooses the reading that leaves the fewest pixels without a class, where none explains all."""
    lost = {reading: _lost(histogram, codes) for reading, codes in possible.items()}
    best = [reading for reading in possible if lost[reading] == min(lost.values())]
    first = min(best, key=lambda reading: np.count_nonzero(possible[reading] == UNKNOWN))
    ignored = {reading: np.maximum(possible[reading], IGNORED * (possible[reading] == UNKNOWN)) for reading in best}
    differing = [reading for reading in best if (ignored[reading] != ignored[first]).any()]
    if differing:
        raise ambiguous_reading(histogram, possible, first, differing[0], class_dict)
    return first


def _lost(histogram, codes):
    """Counts the pixels that a reading leaves without a class."""
    return int(histogram.counts[codes >= UNKNOWN].sum())


def _colors_decide(histogram, class_dict):
    """Returns whether colors that explain all pixels are certain.

    They are in RGB files; where the other reading ignores 255, which is white; and in masks of one bit, where 1 is
    white.
    """
    one_bit = class_dict.num_rows == 2 and (histogram.values == 1) & (histogram.colors == WHITE)
    return bool(histogram.kind == "rgb" or (histogram.values == IGNORED).any() or np.any(one_bit))


def _reading_of_palette(histogram, possible, class_dict):
    """Decides for palette files: colors if most colors that occur are class colors, else indices."""
    is_void = histogram.values == IGNORED
    codes, unknown = possible["colors"], {reading: codes == UNKNOWN for reading, codes in possible.items()}
    known = ~unknown["colors"] & ~(is_void & (codes == IGNORED))
    if 2 * np.count_nonzero(known) > np.count_nonzero(known | ~is_void):
        reading = "colors"
    elif unknown["indices"].any():
        reading = min(("colors", "indices"), key=lambda reading: _lost(histogram, possible[reading]))
    elif (known & (codes != possible["indices"])).any():
        raise ambiguous_reading(histogram, possible, "indices", "colors", class_dict)
    else:
        reading = "indices"
    if "binary" in possible and not unknown["binary"].any() and (possible["binary"] != possible[reading]).any():
        if unknown[reading].any():
            return "binary"
        raise ambiguous_reading(histogram, possible, reading, "binary", class_dict)
    return reading
