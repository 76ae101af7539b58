"""Dataset statistics and problems, collected without stopping at the first problem."""

import collections
import hashlib
import pathlib
from typing import NamedTuple

import numpy as np

from tools.analysis.duplicates import difference_hash, find_near_duplicates, find_repeated
from utils.class_dict import IGNORED, ClassDict
from utils.data.class_weights import median_frequency_weights
from utils.data.folder import SPLITS, Pair, list_pairs, read_classes
from utils.data.image_format import ImageFormat
from utils.data.image_range import measure_range
from utils.data.images import RGB_BYTES, read_image, to_rgb
from utils.data.label_errors import unknown_values
from utils.data.label_files import read_stored
from utils.data.label_format import classify, decide_readings
from utils.data.label_histogram import Histogram, count_values
from utils.data.orientation import decide_orientation, drawn_orientation, exif_orientation
from utils.errors import UsageError
from utils.threads import map_threads


class InspectedPair(NamedTuple):
    """Statistics and problems of an image and its label.

    Attributes:
        split: str.
        pair: `Pair`.
        size: `(height, width)` of the image in pixels, or None if it is unreadable.
        histogram: `Histogram` of the label, or None if it is unreadable.
        pixels: int64 array `(C,)`, pixels of each class.
        ignored: int, pixels that are ignored on purpose.
        unknown: dict from colors of no class to numbers of pixels.
        digest: hexadecimal hash of the pixels of the image, or None.
        difference_hash: uint64, or None; see `duplicates.difference_hash`.
        problems: list of `(kind, text)`.
        drawn: how the label is drawn on the image, see `utils.data.orientation.drawn_orientation`.
    """

    split: str
    pair: Pair
    size: tuple | None
    histogram: Histogram | None
    pixels: np.ndarray
    ignored: int
    unknown: dict
    digest: str | None
    difference_hash: np.uint64 | None
    problems: list
    drawn: str = "same"


class Analysis(NamedTuple):
    """Statistics and problems of a dataset.

    Attributes:
        name: str.
        classes: `ClassDict`, or None if class_dict.csv is invalid.
        inspected: list of `InspectedPair`.
        problems: list of `(kind, text)`.
        notes: list of str, observations that may be intended.
        weights: float32 array `(C,)`, median frequency weights of the training split.
        near: list of `(bits, InspectedPair, InspectedPair)` of different splits, nearest first; None if not computed.
        image_format: `ImageFormat` of the images.
    """

    name: str
    classes: ClassDict | None
    inspected: list
    problems: list
    notes: list
    weights: np.ndarray
    near: list | None
    image_format: ImageFormat = RGB_BYTES

    def of_split(self, split):
        """The `InspectedPair` of a split, a list."""
        return [inspected for inspected in self.inspected if inspected.split == split]

    @property
    def label_kinds(self):
        """Number of label files of each kind, a Counter; empty if it is not decided how they are read."""
        kinds = (inspected.histogram.kind for inspected in self.inspected if inspected.histogram)
        return collections.Counter(kinds) if self.classes and self.classes.readings else collections.Counter()

    @property
    def splits(self):
        """The splits that have images."""
        return [split for split in SPLITS if self.of_split(split)]

    def pixels(self, split):
        """Pixels of each class in a split, int64 array `(C,)`."""
        counts = (inspected.pixels for inspected in self.of_split(split))
        return sum(counts, np.zeros(len(self.weights), np.int64))

    def images(self, split):
        """Number of images of a split that contain each class, int64 array `(C,)`."""
        presence = (inspected.pixels > 0 for inspected in self.of_split(split))
        return sum(presence, np.zeros(len(self.weights), np.int64))


def analyse(
    folder: pathlib.Path,
    workers: int = 2,
    near_duplicates: bool = False,
    label_format: str = "auto",
    image_format: ImageFormat = RGB_BYTES,
    orientation: str = "auto",
) -> Analysis:
    """Reads and analyses a dataset.

    Args:
        folder: of the dataset.
        workers: number of threads.
        near_duplicates: whether to search for similar images in different splits.
        label_format: as `--label_format` of train.py.
        image_format: bands of the images; without a value range, that of the dataset is measured.
        orientation: as `--image_orientation` of train.py.
    """
    problems, jobs = [], []
    try:
        classes = read_classes(folder, unknown="ignore", label_format=label_format)
    except UsageError as error:
        classes = None
        problems.append(("classes", str(error)))
    for split in SPLITS:
        if split == "test" and not any((folder / f"test{end}").exists() for end in ("", "_labels")):
            continue
        file_problems = []
        jobs += [(split, pair) for pair in list_pairs(folder, split, file_problems)]
        problems += [("files", problem) for problem in file_problems]
    training = [pair.image for split, pair in jobs if split == "train"]
    image_format, range_text = measure_range(training, image_format, workers)
    pairs = map_threads(lambda job: inspect_pair(*job, classes, image_format), jobs, workers, "Reading")
    if classes:
        classes.orientation = orientation if orientation != "auto" else classes.orientation
        try:
            if classes.orientation == "auto":
                classes.orientation = decide_orientation(
                    (inspected.drawn for inspected in pairs), (inspected.pair.image for inspected in pairs)
                )
        except UsageError as error:
            classes.orientation = "stored"  # for the pictures of the report
            problems.append(("orientation", str(error)))
        try:
            classes.readings = decide_readings((inspected.histogram for inspected in pairs), classes)
            pairs = [count_classes(inspected, classes) for inspected in pairs]
        except UsageError as error:
            problems.append(("labels", str(error)))
    problems += [problem for inspected in pairs for problem in inspected.problems]
    training = [inspected.pixels for inspected in pairs if inspected.split == "train"]
    num_classes = classes.num_classes if classes else 0
    weights = median_frequency_weights(training) if training else np.zeros(num_classes, np.float32)
    leaks, notes = find_repeated(pairs)
    notes += [range_text] if range_text else []
    near = find_near_duplicates(pairs) if near_duplicates else None
    analysis = Analysis(folder.resolve().name, classes, pairs, problems + leaks, notes, weights, near, image_format)
    notes += class_notes(analysis)
    return analysis


def inspect_pair(split, pair, classes, image_format=RGB_BYTES):
    """Reads an image and its label, and collects their problems.

    Args:
        split: str.
        pair: `Pair`.
        classes: `ClassDict`, or None if class_dict.csv is invalid.
        image_format: `ImageFormat`.

    Returns:
        `InspectedPair`, whose classes are not counted yet.
    """
    problems, image, histogram, label_size, drawn = [], None, None, None, "same"
    try:
        image = read_image(pair.image, image_format=image_format)
    except UsageError as error:
        problems.append(("unreadable", str(error)))
    try:
        if classes:
            stored = read_stored(pair.label)
            label_size, histogram = stored.pixels.shape[:2], count_values(stored, classes)
    except UsageError as error:
        problems.append(("unreadable", str(error)))
    if image is not None and label_size is not None:
        drawn = drawn_orientation(exif_orientation(pair.image), image.shape[:2], label_size)
        if drawn == "different":
            sizes = f"{pair.image} is {_size(image.shape)} but its label is {_size(label_size)}"
            problems.append(("sizes", sizes))
    size = digest = bits = None
    if image is not None:
        size = image.shape[:2]
        digest = hashlib.blake2b(image.tobytes() + repr(size).encode(), digest_size=16).hexdigest()
        bits = difference_hash(to_rgb(image))
    pixels = np.zeros(classes.num_classes if classes else 0, np.int64)
    return InspectedPair(split, pair, size, histogram, pixels, 0, {}, digest, bits, problems, drawn)


def count_classes(inspected, classes):
    """Counts the pixels of each class of an `InspectedPair`, as `classes.readings` reads its label."""
    histogram = inspected.histogram
    if histogram is None:
        return inspected
    reading = classes.readings[histogram.kind]
    codes = classify(reading, *histogram[:3], classes)
    pixels = np.bincount(codes, histogram.counts, minlength=256).astype(np.int64)
    error = unknown_values(histogram, codes, reading, inspected.pair.label)
    problems = [*inspected.problems, *([("unknown colors", str(error))] if error else [])]
    return inspected._replace(
        pixels=pixels[: classes.num_classes],
        ignored=int(pixels[IGNORED]),
        unknown=error.pixels if error else {},
        problems=problems,
    )


def class_notes(analysis):
    """Lists classes without pixels: in no split, or in single splits where they cannot be learned or scored."""
    if not analysis.classes:
        return []
    notes, present = [], {split: analysis.pixels(split) > 0 for split in analysis.splits}
    names = np.array(analysis.classes.class_names)
    nowhere = ~np.any(list(present.values()), axis=0) if present else np.ones(len(names), bool)
    if nowhere.any():
        notes.append(f"never occurs: {', '.join(names[nowhere])}")
    for split in present:
        missing = ~present[split] & ~nowhere
        if missing.any():
            consequence = "cannot be learned" if split == "train" else "cannot be scored"
            notes.append(f"not in {split}, so it {consequence} there: {', '.join(names[missing])}")
    return notes


def _size(shape):
    return f"{shape[1]}x{shape[0]}"
