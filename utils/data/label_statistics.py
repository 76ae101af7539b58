"""Label statistics: pixels of each class in one pair, and their sums over a split."""

import collections
import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


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


@dataclasses.dataclass
class SplitStatistics:
    """Sums over the pairs of a split, of a size that does not depend on their number.

    Attributes:
        pixels: int64 array `(C,)`, pixels of each class.
        images: int64 array `(C,)`, images that have the class.
        around: int64 array `(C,)`, labeled pixels of those images.
        read: number of pairs that were read.
        area: pixels of their labels.
        ignored, unknown: pixels, as in `PairStatistics`.
        with_ignored, unlabeled: images with ignored pixels; with no others.
        kinds: Counter of kinds of label files.
        sizes: Counter of image sizes `(height, width)`, of the pairs that were read or whose headers were.
        pairs: number of pairs of the split.
    """

    pixels: np.ndarray
    images: np.ndarray
    around: np.ndarray
    read: int = 0
    area: int = 0
    ignored: int = 0
    unknown: int = 0
    with_ignored: int = 0
    unlabeled: int = 0
    kinds: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    sizes: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    pairs: int = 0

    @classmethod
    def empty(cls, num_classes: int) -> "SplitStatistics":
        """Returns the statistics of no pair."""
        return cls(*(np.zeros(num_classes, np.int64) for _ in range(3)))

    def add(self, pair: PairStatistics) -> None:
        """Adds a pair that was read; its size is counted in `sizes` by the caller."""
        labeled = int(pair.pixels.sum())
        self.pixels += pair.pixels
        self.images += pair.pixels > 0
        self.around += (pair.pixels > 0) * labeled
        self.read += 1
        self.area += pair.size[0] * pair.size[1]
        self.ignored += pair.ignored
        self.unknown += pair.unknown
        self.with_ignored += pair.ignored > 0
        self.unlabeled += not labeled
        self.kinds[pair.kind] += 1

    def merge(self, other: "SplitStatistics") -> None:
        """Adds the sums of another part of the split, or of another split."""
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    @property
    def is_sample(self) -> bool:
        """Whether pairs were left out."""
        return self.read < self.pairs

    def mean_pixels(self) -> float:
        """Returns the mean number of pixels of an image."""
        return sum(height * width * count for (height, width), count in self.sizes.items()) / self.sizes.total()

    def to_json(self) -> dict:
        """Returns the sums as JSON types."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        values |= {name: values[name].tolist() for name in ("pixels", "images", "around")}
        return values | {"sizes": [[*size, count] for size, count in self.sizes.items()]}

    @classmethod
    def from_json(cls, values: dict) -> "SplitStatistics":
        """Restores the sums from `to_json`."""
        arrays = {name: np.array(values[name], np.int64) for name in ("pixels", "images", "around")}
        sizes = collections.Counter({(height, width): count for height, width, count in values["sizes"]})
        return cls(**{**values, **arrays, "kinds": collections.Counter(values["kinds"]), "sizes": sizes})


def summarize(statistics: Iterable[PairStatistics], num_classes: int) -> SplitStatistics:
    """Sums the statistics of all pairs of a split."""
    total = SplitStatistics.empty(num_classes)
    for pair in statistics:
        total.add(pair)
        total.sizes[pair.size] += 1
    total.pairs = total.read
    return total


def merged(parts: Iterable[SplitStatistics], num_classes: int) -> SplitStatistics:
    """Sums the statistics of the parts of a split."""
    total = SplitStatistics.empty(num_classes)
    for part in parts:
        total.merge(part)
    return total
