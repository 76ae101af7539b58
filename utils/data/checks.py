"""Dataset checks before the work begins: readable pairs, one reading for all labels, known colors."""

import concurrent.futures
import pathlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from utils.class_dict import IGNORED, UNKNOWN, ClassDict
from utils.data.image_format import ImageFormat
from utils.data.images import RGB_BYTES, decode_file, read_image
from utils.data.label_errors import remedy, unknown_values
from utils.data.label_files import read_stored
from utils.data.label_format import classify, decide_readings, is_certain
from utils.data.label_histogram import Histogram, count_values, merge, merge_kinds
from utils.data.labels import read_image_of_label
from utils.data.orientation import decide_orientation
from utils.errors import UsageError

MAX_PROBLEMS = 20  # shown; the rest is counted


class PairStatistics(NamedTuple):
    """Size and class pixel counts of one pair.

    Attributes:
        size: `(height, width)` in pixels.
        pixels: int64 array `(C,)`, pixels of each class.
        ignored: int, pixels without a class, on purpose or by `--unknown_colours ignore`.
        unknown: int, pixels whose color or index is of no class: those that are ignored or got the nearest color.
        kind: of the label file, see `label_files.StoredLabel`.
    """

    size: tuple[int, int]
    pixels: np.ndarray
    ignored: int = 0
    unknown: int = 0
    kind: str = "rgb"


def check_pairs(
    pairs: list,
    class_dict: ClassDict,
    workers: int = 2,
    problems: Iterable[str] = (),
    other_labels: Iterable[pathlib.Path] = (),
    num_classes: int | None = None,
    image_format: ImageFormat | None = RGB_BYTES,
) -> list[PairStatistics]:
    """Reads every image and label once, so that nothing fails in the middle of the work.

    How the labels are stored is decided over all of them, and set as `class_dict.readings`; whether they are drawn on
    stored or on upright images is set as `class_dict.orientation`, if it is "auto".

    Args:
        pairs: list of `folder.Pair`.
        class_dict: `ClassDict`.
        workers: number of threads.
        problems: those that `list_pairs` collected, reported together with the ones of this check.
        other_labels: label files of the dataset's other splits, which take part in the decision.
        num_classes: number of classes to count; None: those of `class_dict`, which may be mapped to others.
        image_format: bands and value range of the images; None for any, where they are not used but copied. Then
            `class_dict.orientation` is not decided, either.

    Returns:
        List of `PairStatistics`, in the order of `pairs`.

    Raises:
        UsageError: naming all problems, unreadable files, unequal sizes, unknown colors and labels that can be read in
            two ways, at once.
    """
    with concurrent.futures.ThreadPoolExecutor(workers) as executor:
        inspected = list(executor.map(lambda pair: _inspect(pair, class_dict, image_format), pairs))
        histograms = [one.histogram for one in inspected if one.histogram]
        class_dict.readings, undecided = {}, []
        if not all(is_certain(merged, class_dict) for merged in merge_kinds(histograms).values()):
            histograms += executor.map(lambda path: _histogram_or_none(path, class_dict), other_labels)
    try:
        class_dict.readings = decide_readings(histograms, class_dict)
    except UsageError as error:
        undecided = [str(error)]
    if class_dict.orientation == "auto" and image_format:
        try:
            drawn = (one.drawn for one in inspected)
            class_dict.orientation = decide_orientation(drawn, (pair.image for pair in pairs))
        except UsageError as error:
            problems = [*problems, str(error)]
    statistics, found, incomplete = [], [*problems, *undecided], []
    for pair, one in zip(pairs, inspected):
        found += one.problems
        if one.histogram and not undecided:
            codes = classify(class_dict.readings[one.histogram.kind], *one.histogram[:3], class_dict)
            statistics.append(_statistics(one, codes, class_dict, num_classes or class_dict.num_classes))
            unknown = _unknown_problem(pair, one.histogram, codes, class_dict)
            found += unknown
            incomplete += [one.histogram] * len(unknown)
    raise_problems(found, _remedies(incomplete, class_dict))
    return statistics


def raise_problems(problems: list[str], remedies: Iterable[str] = ()) -> None:
    """Reports all problems in one `UsageError`, on a line each if there are several; does nothing if there are none.

    Args:
        problems: list of str.
        remedies: what to do about them, each said once.
    """
    if not problems:
        return
    remedies = list(dict.fromkeys(remedies))
    if len(problems) == 1:
        raise UsageError("; ".join([problems[0], *remedies]))
    shown = problems[:MAX_PROBLEMS]
    if len(problems) > MAX_PROBLEMS:
        shown.append(f"... and {len(problems) - MAX_PROBLEMS} more")
    raise UsageError(f"{len(problems)} problems:\n  " + "\n  ".join([*shown, *remedies]))


class _Inspected(NamedTuple):
    """What one reading of a pair tells.

    Attributes:
        histogram: of the label, or None.
        size: of the label, or None.
        drawn: how the label was drawn on the image, see `drawn_orientation`.
        problems: list of str.
    """

    histogram: Histogram | None
    size: tuple[int, int] | None
    drawn: str
    problems: list


def _inspect(pair, class_dict, image_format):
    """Reads an image and its label."""
    histogram, size, drawn, problems = None, None, "same", []
    try:
        stored = read_stored(pair.label)
        size, histogram = stored.pixels.shape[:2], count_values(stored, class_dict)
    except UsageError as problem:
        problems.append(str(problem))
    try:
        if size is None:
            read_image(pair.image, image_format=image_format) if image_format else decode_file(pair.image)
        else:
            _, drawn, _ = read_image_of_label(pair.image, pair.label, size, image_format)
    except UsageError as problem:
        problems.insert(0, str(problem))
    return _Inspected(histogram, size, drawn, problems)


def _histogram_or_none(path, class_dict):
    """Counts the values of a label file of another split; its problems are reported when that split is used."""
    try:
        return count_values(read_stored(path), class_dict)
    except UsageError:
        return None


def _statistics(inspected, codes, class_dict, num_classes):
    """Counts the pixels of each class from the histogram of a label and the classes of its values."""
    histogram, exact = inspected.histogram, codes
    if class_dict.unknown == "nearest":
        exact = classify(class_dict.readings[histogram.kind], *histogram[:3], class_dict, exact=True)
    codes = class_dict.to_targets(codes)
    pixels = np.bincount(codes, histogram.counts, minlength=256).astype(np.int64)
    ignored = int(pixels[IGNORED] + pixels[UNKNOWN])
    unknown = int(histogram.counts[exact == UNKNOWN].sum())
    return PairStatistics(inspected.size, pixels[:num_classes], ignored, unknown, histogram.kind)


def _unknown_problem(pair, histogram, codes, class_dict):
    """Returns the problem of values of no class as a list, which is empty if there is none or they are ignored."""
    if class_dict.unknown == "ignore":
        return []
    problem = unknown_values(histogram, codes, class_dict.readings[histogram.kind], pair.label)
    return [str(problem)] if problem else []


def _remedies(incomplete, class_dict):
    """Returns what to do about values of no class, for each kind of file."""
    remedies = []
    for kind, reading in class_dict.readings.items():
        of_kind = [histogram for histogram in incomplete if histogram.kind == kind]
        if of_kind:
            merged = merge(of_kind)
            codes = classify(reading, *merged[:3], class_dict)
            remedies.append(remedy(merged, codes, reading, class_dict))
    return remedies
