"""What a dataset is made of and what is wrong with it: everything is gathered, no fault ends the work."""

import collections
import hashlib
from typing import NamedTuple

import cv2
import numpy as np

from utils.class_dict import IGNORED
from utils.data.class_weights import median_frequency_weights
from utils.data.folder import SPLITS, Pair, list_pairs, read_classes
from utils.data.images import read_image
from utils.data.labels import read_label
from utils.errors import UnknownColorsError, UsageError
from utils.threads import map_threads

NEAR = 6  # bits of 64 in which the difference hashes of near duplicates differ at most


class Seen(NamedTuple):
    """An image and its label, read.

    Attributes:
        split: str.
        pair: `Pair`.
        size: `(height, width)` of the image in pixels, or None if it is unreadable.
        pixels: int64 array `(C,)`, pixels of each class.
        ignored: int, pixels that are ignored on purpose.
        unknown: dict from color to pixels of those of no class.
        digest: hexadecimal hash of the image's pixels, or None.
        difference_hash: uint64, or None; see `difference_hash`.
        faults: list of `(kind, text)`.
    """

    split: str
    pair: Pair
    size: tuple | None
    pixels: np.ndarray
    ignored: int
    unknown: dict
    digest: str | None
    difference_hash: np.uint64 | None
    faults: list


class Analysis(NamedTuple):
    """All about a dataset.

    Attributes:
        name: str.
        classes: `ClassDict`, or None if class_dict.csv is of no use.
        seen: list of `Seen`.
        faults: list of `(kind, text)`.
        notes: list of str, what is worth knowing and may be right.
        weights: float32 array `(C,)`, median frequency weights of the training split.
        near: list of `(bits, Seen, Seen)` in different splits, nearest first, or None where not looked for.
    """

    name: str
    classes: object
    seen: list
    faults: list
    notes: list
    weights: np.ndarray
    near: list | None

    def of_split(self, split):
        """The `Seen` of a split."""
        return [one for one in self.seen if one.split == split]

    @property
    def splits(self):
        """The splits that have images."""
        return [split for split in SPLITS if self.of_split(split)]

    def pixels(self, split):
        """int64 array `(C,)`, the pixels of each class in a split."""
        return sum((one.pixels for one in self.of_split(split)), np.zeros(len(self.weights), np.int64))

    def images(self, split):
        """int64 array `(C,)`, the images of a split that have each class."""
        return sum((one.pixels > 0 for one in self.of_split(split)), np.zeros(len(self.weights), np.int64))


def analyse(folder, workers=2, near_duplicates=False):
    """Reads a dataset.

    Args:
        folder: `pathlib.Path`.
        workers: int, threads.
        near_duplicates: whether to look for images in different splits that look alike.

    Returns:
        `Analysis`.
    """
    faults, jobs = [], []
    try:
        strict, classes = read_classes(folder), read_classes(folder, unknown="ignore")
    except UsageError as error:
        strict = classes = None
        faults.append(("classes", str(error)))
    for split in SPLITS:
        if split == "test" and not any((folder / f"test{end}").exists() for end in ("", "_labels")):
            continue
        problems = []
        jobs += [(split, pair) for pair in list_pairs(folder, split, problems)]
        faults += [("files", problem) for problem in problems]
    seen = map_threads(lambda job: look(*job, strict, classes), jobs, workers, "Reading")
    faults += [fault for one in seen for fault in one.faults]
    training = [one.pixels for one in seen if one.split == "train"]
    number = classes.num_classes if classes else 0
    weights = median_frequency_weights(training) if training else np.zeros(number, np.float32)
    leaks, notes = same_images(seen)
    analysis = Analysis(
        folder.resolve().name,
        classes,
        seen,
        faults + leaks,
        notes,
        weights,
        near_pairs(seen) if near_duplicates else None,
    )
    notes += class_notes(analysis)
    return analysis


def look(split, pair, strict, classes):
    """Reads one pair, whatever is wrong with it. Returns `Seen`."""
    faults, image, unknown, ignored = [], None, {}, 0
    pixels = np.zeros(classes.num_classes if classes else 0, np.int64)
    try:
        image = read_image(pair.image)
    except UsageError as error:
        faults.append(("unreadable", str(error)))
    try:
        label = read_label(pair.label, strict) if strict else None
    except UnknownColorsError as error:
        unknown = error.pixels
        faults.append(("unknown colors", str(error).split(";")[0]))
        label = read_label(pair.label, classes)
    except UsageError as error:
        faults.append(("unreadable", str(error)))
        label = None
    if label is not None:
        pixels = np.bincount(label.ravel(), minlength=256)[: len(pixels)]
        ignored = int((label == IGNORED).sum()) - sum(unknown.values())
        if image is not None and label.shape != image.shape[:2]:
            upright = read_image(pair.image, upright=True)
            if upright.shape[:2] != label.shape:
                faults.append(("sizes", f"{pair.image} is {_size(image.shape)} but its label is {_size(label.shape)}"))
    size = digest = bits = None
    if image is not None:
        size = image.shape[:2]
        digest = hashlib.blake2b(image.tobytes() + repr(size).encode(), digest_size=16).hexdigest()
        bits = difference_hash(image)
    return Seen(split, pair, size, pixels, ignored, unknown, digest, bits, faults)


def difference_hash(rgb):
    """64 bits that similar pictures have in common: whether each cell of 8 rows of 9 is brighter than its left one.

    Args:
        rgb: uint8 array `(H, W, 3)`.

    Returns:
        uint64.
    """
    cells = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA).astype(int)
    return np.packbits(cells[:, 1:] > cells[:, :-1]).view(np.uint64)[0]


def same_images(seen):
    """Images with exactly the same pixels: `(faults, notes)`, those of different splits and those of one."""
    groups = collections.defaultdict(list)
    for one in seen:
        if one.digest:
            groups[one.digest].append(one)
    faults, twice = [], collections.Counter()
    for group in groups.values():
        if len({one.split for one in group}) > 1:
            where = " = ".join(f"{one.split}/{one.pair.image.name}" for one in group)
            faults.append(("leaks", f"the same image in different splits: {where}"))
        elif len(group) > 1:
            twice[group[0].split] += len(group) - 1
    return faults, [f"{number} images of {split} repeat another one of {split}" for split, number in twice.items()]


def near_pairs(seen):
    """Images of different splits whose difference hashes are alike but whose pixels are not, nearest first."""
    hashed = [one for one in seen if one.difference_hash is not None]
    hashes = np.array([one.difference_hash for one in hashed], np.uint64)
    splits = np.array([SPLITS.index(one.split) for one in hashed])
    found = []
    for number, one in enumerate(hashed):
        bits = np.bitwise_count(hashes[number + 1 :] ^ hashes[number])
        alike = (bits <= NEAR) & (splits[number + 1 :] != splits[number])
        for other in np.flatnonzero(alike).tolist():
            if hashed[number + 1 + other].digest != one.digest:
                found.append((int(bits[other]), one, hashed[number + 1 + other]))
    return sorted(found, key=lambda pair: (pair[0], pair[1].pair.name, pair[2].pair.name))


def class_notes(analysis):
    """Classes that cannot be learned or not be scored, list of str."""
    if not analysis.classes:
        return []
    notes, present = [], {split: analysis.pixels(split) > 0 for split in analysis.splits}
    names = np.array(analysis.classes.class_names)
    nowhere = ~np.any(list(present.values()), axis=0) if present else np.ones(len(names), bool)
    if nowhere.any():
        notes.append(f"never occurs: {', '.join(names[nowhere])}")
    for split, has in present.items():
        lacking = ~has & ~nowhere
        if lacking.any():
            what = "cannot be learned" if split == "train" else "cannot be scored"
            notes.append(f"not in {split}, so it {what} there: {', '.join(names[lacking])}")
    return notes


def _size(shape):
    return f"{shape[1]}x{shape[0]}"
