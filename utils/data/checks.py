"""Dataset checks before the work begins: readable pairs, one reading for all labels, known colors."""

import collections
import itertools
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from utils.class_dict import IGNORED, UNKNOWN, ClassDict
from utils.data.image_format import ImageFormat
from utils.data.images import RGB_BYTES, decode_file, read_image
from utils.data.label_errors import remedy, unknown_values
from utils.data.label_files import read_stored
from utils.data.label_format import choose_reading, classify, decide_readings, is_certain
from utils.data.label_histogram import Histogram, count_values, merge, merge_kinds
from utils.data.label_statistics import PairStatistics
from utils.data.labels import read_image_of_label
from utils.data.orientation import decide_orientation
from utils.errors import UsageError
from utils.peers import ALONE, Peers
from utils.threads import prefetch

MAX_PROBLEMS = 20  # shown; the rest is counted


def check_pairs(
    pairs: Sequence,
    class_dict: ClassDict,
    workers: int = 2,
    problems: Iterable[str] = (),
    other_labels: Iterable[pathlib.Path] = (),
    num_classes: int | None = None,
    image_format: ImageFormat | None = RGB_BYTES,
    peers: Peers = ALONE,
    drawn: Iterable[tuple[str, pathlib.Path]] = (),
    progress: Callable[[int], None] | None = None,
) -> list[PairStatistics]:
    """Reads every image and label once, so that nothing fails in the middle of the work.

    How the labels are stored is decided over all of them, and set as `class_dict.readings`; whether they are drawn on
    stored or on upright images is set as `class_dict.orientation`, if it is "auto".

    Args:
        pairs: list of `folder.Pair`.
        class_dict: `ClassDict`.
        workers: number of threads.
        problems: those that `list_pairs` collected, reported together with the ones of this check.
        other_labels: label files of the dataset's other splits, which take part in the decision if it needs them.
        num_classes: number of classes to count; None: those of `class_dict`, which may be mapped to others.
        image_format: bands and value range of the images; None for any, where they are not used but copied. Then
            `class_dict.orientation` is not decided, either.
        peers: the processes that check together. Each has `pairs`, `problems`, `other_labels` and `drawn` of its own;
            all decide alike, and report the problems of all.
        drawn: how further labels are drawn, see `drawn_orientation`, and the paths of their images.
        progress: called with the number of pairs read.

    Returns:
        List of `PairStatistics`, in the order of `pairs`.

    Raises:
        UsageError: naming all problems, unreadable files, unequal sizes, unknown colors and labels that can be read in
            two ways, at once.
    """
    inspected, drawn = [], list(drawn)
    for pair, one in prefetch(lambda pair: _inspect(pair, class_dict, image_format), pairs, workers):
        inspected.append(one)
        drawn += [(one.drawn, pair.image)] * (one.drawn != "same")
        if progress:
            progress(len(inspected))
    found = list(problems)
    class_dict.readings = {}
    try:
        class_dict.readings = _decide(inspected, class_dict, other_labels, workers, peers)
        is_decided = True
    except UsageError as error:
        found, is_decided = found + [str(error)] * peers.is_chief, False
    if class_dict.orientation == "auto" and image_format:
        try:
            class_dict.orientation = _orientation(drawn, peers)
        except UsageError as error:
            found += [str(error)] * peers.is_chief
    statistics, incomplete = [], []
    inspected.reverse()  # taken from the end, so that memory is freed
    for pair in pairs:
        one = inspected.pop()
        found += one.problems
        if one.histogram and is_decided:
            reading = class_dict.readings[one.histogram.kind]
            codes = classify(reading, *one.histogram[:3], class_dict)
            statistics.append(_statistics(one, codes, reading, class_dict, num_classes or class_dict.num_classes))
            unknown = _unknown_problem(pair, one.histogram, codes, class_dict)
            found += unknown
            incomplete += [one.histogram] * len(unknown)
    raise_problems(found, _remedies(incomplete, class_dict), peers)
    return statistics


def _decide(inspected, class_dict, other_labels, workers, peers):
    """Decides how the labels of all processes are read; those of other splits are read if they can change it."""
    merged = _merge_of_all((one.histogram for one in inspected), peers)
    if not all(is_certain(histogram, class_dict) for histogram in merged.values()):
        others = (one for _, one in prefetch(lambda path: _histogram_or_none(path, class_dict), other_labels, workers))
        merged = _merge_of_all(itertools.chain((one.histogram for one in inspected), others), peers)
    return decide_readings(merged.values(), class_dict)


def _merge_of_all(histograms, peers):
    """Merges histograms by kind of file over all processes."""
    own = merge_kinds(histograms).values()
    parts = peers.gather([[one.kind, *(part.tolist() for part in one[1:4]), one.lossy] for one in own])
    return merge_kinds(
        Histogram(kind, *(np.array(part, np.int64) for part in arrays), lossy)
        for part in parts
        for kind, *arrays, lossy in part
    )


def _orientation(drawn, peers):
    """Decides how labels are drawn, by those of all processes."""
    counts, first = collections.Counter(kind for kind, _ in drawn), dict(reversed(drawn))
    parts = peers.gather([[kind, count, str(first[kind])] for kind, count in counts.items()])
    all_drawn = [(kind, path) for part in parts for kind, count, path in part for _ in range(count)]
    return decide_orientation(*(zip(*all_drawn) if all_drawn else ((), ())))


def raise_problems(problems: list[str], remedies: Iterable[str] = (), peers: Peers = ALONE) -> None:
    """Reports all problems in one `UsageError`, on a line each if there are several; does nothing if there are none.

    Args:
        problems: list of str.
        remedies: what to do about them, each said once.
        peers: the processes whose problems are reported together; all have to call it.
    """
    parts = peers.gather([problems[:MAX_PROBLEMS], len(problems), list(dict.fromkeys(remedies))])
    found = [problem for part in parts for problem in part[0]]
    shown = list(dict.fromkeys(found))  # one process may read the header of a file and another one all of it
    count = sum(part[1] for part in parts) - len(found) + len(shown)
    # Shares of pixels in the remedies may differ between processes.
    remedies = next((part[2] for part in parts if part[2]), [])
    if not count:
        return
    if count == 1:
        raise UsageError("; ".join([shown[0], *remedies]))
    shown = shown[:MAX_PROBLEMS]
    if count > MAX_PROBLEMS:
        shown.append(f"... and {count - MAX_PROBLEMS} more")
    raise UsageError(f"{count} problems:\n  " + "\n  ".join([*shown, *remedies]))


class _Inspected(NamedTuple):
    """What one reading of a pair tells.

    Attributes:
        packed: histogram of the label with its three arrays as one, which takes a third of the memory, or None.
        size: of the label, or None.
        drawn: how the label was drawn on the image, see `drawn_orientation`.
        problems: of both files.
    """

    packed: tuple | None
    size: tuple[int, int] | None
    drawn: str
    problems: Sequence[str]

    @property
    def histogram(self):
        """Histogram of the label, or None."""
        return self.packed and Histogram(self.packed[0], *self.packed[1], self.packed[2])

    @classmethod
    def of(cls, histogram, size, drawn="same", problems=()):
        """Packs the histogram."""
        return cls(histogram and (histogram.kind, np.stack(histogram[1:4]), histogram.lossy), size, drawn, problems)


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
    return _Inspected.of(histogram, size, drawn, problems or ())


def _histogram_or_none(path, class_dict):
    """Counts the values of a label file of another split; its problems are reported when that split is used."""
    try:
        return count_values(read_stored(path), class_dict)
    except UsageError:
        return None


def _statistics(inspected, codes, reading, class_dict, num_classes):
    """Counts the pixels of each class from the histogram of a label and the classes of its values."""
    histogram, exact = inspected.histogram, codes
    if class_dict.unknown == "nearest":
        exact = classify(reading, *histogram[:3], class_dict, exact=True)
    codes = class_dict.to_targets(codes)
    pixels = np.bincount(codes, histogram.counts, minlength=256).astype(np.int64)
    ignored = int(pixels[IGNORED] + pixels[UNKNOWN])
    unknown = int(histogram.counts[exact == UNKNOWN].sum())
    return PairStatistics(inspected.size, pixels[:num_classes].copy(), ignored, unknown, histogram.kind)


def _unknown_problem(pair, histogram, codes, class_dict):
    """Returns the problem of values of no class as a list, which is empty if there is none or they are ignored."""
    if class_dict.unknown == "ignore":
        return []
    problem = unknown_values(histogram, codes, class_dict.readings[histogram.kind], pair.label)
    return [str(problem)] if problem else []


def label_statistics(path: pathlib.Path, class_dict: ClassDict, num_classes: int) -> PairStatistics:
    """Counts the pixels of each class of a label, as the readings of `class_dict` say.

    Raises:
        UsageError: if it cannot be read, or has values of no class.
    """
    stored = read_stored(path)
    one = _Inspected.of(count_values(stored, class_dict), stored.pixels.shape[:2])
    reading = class_dict.readings.get(stored.kind) or choose_reading(one.histogram, class_dict)
    codes = classify(reading, *one.histogram[:3], class_dict)
    problem = class_dict.unknown != "ignore" and unknown_values(one.histogram, codes, reading, path)
    if problem:
        raise problem
    return _statistics(one, codes, reading, class_dict, num_classes)


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
