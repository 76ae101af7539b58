"""Verification of splits at the start: headers of all files, and whole files of all pairs or of a sample."""

import collections
import itertools
import math
import pathlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from utils.class_dict import ClassDict
from utils.data.checks import check_pairs
from utils.data.headers import check_headers, map_files, spaced
from utils.data.image_format import ImageFormat
from utils.data.images import RGB_BYTES
from utils.data.label_statistics import SplitStatistics, merged, summarize
from utils.peers import ALONE, Peers
from utils.progress import Console

MOST_HEADERS = 50_000  # pairs whose headers are read: a few seconds on a local disk
SAMPLE_PIXELS = 300_000_000  # of images that are read whole, some ten seconds; smaller datasets are read completely
MOST_PAIRS, FEWEST_PAIRS = 2000, 8  # in the sample; the latter of each split


def check_splits(
    splits: dict[str, Sequence],
    class_dict: ClassDict,
    verify: str = "sample",
    workers: int = 2,
    problems: Iterable[str] = (),
    other_labels: Iterable[pathlib.Path] = (),
    num_classes: int | None = None,
    image_format: ImageFormat = RGB_BYTES,
    peers: Peers = ALONE,
    console: Console | None = None,
) -> dict[str, SplitStatistics]:
    """Checks the pairs of splits and sums the statistics of their labels.

    Args:
        splits: lists of `folder.Pair` by the name of the split.
        class_dict: `ClassDict`; its readings and orientation are decided, see `check_pairs`.
        verify: "full" reads all files; "sample" the headers of `MOST_HEADERS` pairs of each split at most, and the
            whole files of evenly spaced pairs, as many as have `SAMPLE_PIXELS`.
        workers, problems, other_labels, num_classes, image_format: as in `check_pairs`.
        peers: the processes that share the pairs out. All call it with the same arguments and return the same.
        console: shows the progress of reading all files.

    Returns:
        Dict from the name of each split to its statistics.

    Raises:
        UsageError: on all processes, naming the problems of all.
    """
    total, count = sum(map(len, splits.values())), num_classes or class_dict.num_classes
    found, heads, chosen = list(problems) if peers.is_chief else [], {}, splits
    if verify == "sample":
        own = {name: peers.share(spaced(pairs, MOST_HEADERS)) for name, pairs in splits.items()}
        heads = {name: _Headers.of(pairs, workers) for name, pairs in own.items()}
        most = _most_pairs(heads.values(), peers)
        other_labels = _further_labels(splits, most, other_labels)
        if total > most:
            shares = {name: math.ceil(most * len(pairs) / total) for name, pairs in splits.items()}
            chosen = {name: spaced(pairs, max(FEWEST_PAIRS, shares[name])) for name, pairs in splits.items()}
            found += [problem for one in heads.values() for of_pair in one.problems.values() for problem in of_pair]
        else:
            heads = {}  # all files are read, which finds the same problems
    bad = {pair.image for one in heads.values() for pair in one.problems}
    own = {name: [pair for pair in peers.share(pairs) if pair.image not in bad] for name, pairs in chosen.items()}
    whole = [pair for pairs in own.values() for pair in pairs]
    seen = {pair.image for pair in whole}
    drawn = [(kind, path) for one in heads.values() for kind, path in one.drawn if path not in seen]
    others = itertools.islice(other_labels, peers.rank, None, peers.count)
    with (console if console and verify == "full" else Console("quiet")).progress("Reading", len(whole)) as progress:
        words = whole, class_dict, workers, found, others, count, image_format, peers, drawn, progress.count
        checked = iter(check_pairs(*words))
    result = {}
    for name, pairs in own.items():
        part = summarize(itertools.islice(checked, len(pairs)), count)
        if heads:
            part.sizes = heads[name].sizes
        result[name] = merged(map(SplitStatistics.from_json, peers.gather(part.to_json())), count)
        result[name].pairs = len(splits[name])
    return result


def describe_check(splits: Iterable[SplitStatistics]) -> str:
    """Describes in one line how much of the splits was read; "" if all was."""
    splits = list(splits)
    read, headers, pairs = (
        sum(values) for values in zip(*((one.read, sum(one.sizes.values()), one.pairs) for one in splits))
    )
    if read == pairs:
        return ""
    some = f"{headers:,} of {pairs:,} pairs" if headers < pairs else f"all {pairs:,} pairs"
    return (
        f"checked: the headers of {some}, and {read:,} pairs completely, from which the shares of classes are "
        "estimated; --verify full reads all files"
    )


class _Headers(NamedTuple):
    """What the headers of pairs tell.

    Attributes:
        sizes: Counter of image sizes.
        drawn: list of `(kind, path)` of the images with an EXIF orientation, see `drawn_orientation`.
        problems: dict from a pair to its list of problems.
    """

    sizes: collections.Counter
    drawn: list
    problems: dict

    @classmethod
    def of(cls, pairs, workers):
        """Checks the headers of pairs."""
        result = cls(collections.Counter(), [], {})
        for pair, one in zip(pairs, map_files(check_headers, pairs, workers)):
            result.sizes.update([one.size] * (one.size is not None))
            if one.problems:
                result.problems[pair] = one.problems
            elif one.drawn != "same":
                result.drawn.append((one.drawn, pair.image))
        return result


def _most_pairs(heads, peers):
    """Returns the number of pairs that may be read whole, the same on all processes."""
    sizes = sum((one.sizes for one in heads), collections.Counter())
    own = [sizes.total(), sum(height * width * number for (height, width), number in sizes.items())]
    count, pixels = map(sum, zip(*peers.gather(own)))
    return max(FEWEST_PAIRS, min(MOST_PAIRS, SAMPLE_PIXELS * count // pixels if pixels else MOST_PAIRS))


def _further_labels(splits, most, other_labels):
    """Yields labels for a decision that those of the sample leave open: as many again, and of other splits."""
    pairs = [pair for of_split in splits.values() for pair in of_split]
    if len(pairs) > most:
        yield from (pair.label for pair in spaced(pairs, 2 * most)[1::2])
    yield from spaced(list(other_labels), most)
