"""Pixels of each class over all labels of a training, kept beside a dataset for the next one."""

import hashlib
import json
import pathlib
from collections.abc import Sequence

import numpy as np

from utils.class_dict import ClassDict
from utils.data.checks import label_statistics, raise_problems
from utils.data.label_statistics import SplitStatistics, merged
from utils.errors import RunError, UsageError
from utils.files import parse_json, write_json
from utils.peers import ALONE, Peers
from utils.progress import Console
from utils.threads import prefetch

COUNTS = "label_counts.json"  # in the folder of the first dataset


def count_labels(
    folders: Sequence[pathlib.Path],
    pairs: Sequence,
    class_dict: ClassDict,
    workers: int = 2,
    peers: Peers = ALONE,
    console: Console | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Counts the pixels of each class in the labels of all pairs, unless an earlier training has.

    Args:
        folders: of the datasets; `label_counts.json` is kept in the first one, if it can be written.
        pairs: list of `folder.Pair`.
        class_dict: `ClassDict`, whose readings are decided.
        workers: number of threads.
        peers: the processes that share the labels out.
        console: shows the progress.

    Returns:
        int64 arrays `(C,)`: pixels of each class, and labeled pixels of the images that have it.

    Raises:
        UsageError: naming all labels that cannot be read.
    """
    path, console = folders[0] / COUNTS, console or Console("quiet")
    key = peers.gather(_key(pairs, class_dict) if peers.is_chief else None)[0]
    kept = peers.gather(_read(path, key, class_dict.num_classes) if peers.is_chief else None)[0]
    if kept:
        console.say(f"Class weights --> counted before, in {path}")
        return np.array(kept["pixels"], np.int64), np.array(kept["around"], np.int64)
    own, problems = peers.share(pairs), []
    total = SplitStatistics.empty(class_dict.num_classes)
    console.say("Counting the pixels of each class for --class_balancing ...")
    with console.progress("Labels", len(own)) as progress:

        def count(pair):
            try:
                return label_statistics(pair.label, pair.class_dict or class_dict, class_dict.num_classes)
            except UsageError as error:
                return str(error)

        for done, (_, one) in enumerate(prefetch(count, own, workers), 1):
            problems.append(one) if isinstance(one, str) else total.add(one)
            progress.count(done)
    raise_problems(problems, (), peers)
    total = merged(map(SplitStatistics.from_json, peers.gather(total.to_json())), class_dict.num_classes)
    if peers.is_chief:
        try:
            write_json(path, {"key": key, "pixels": total.pixels.tolist(), "around": total.around.tolist()})
        except (RunError, OSError) as error:
            console.say(f"The counts are not kept for other trainings: {error}")
    return total.pixels, total.around


def _key(pairs, class_dict):
    """Returns a hash of what the counts depend on: names, sizes and times of the labels, and how they are read."""
    digest = hashlib.blake2b(digest_size=16)
    for pair in pairs:
        status = pair.label.stat()
        digest.update(f"{pair.label.name} {status.st_size} {status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    for classes in {id(one): one for one in (class_dict, *(pair.class_dict for pair in pairs)) if one}.values():
        digest.update(json.dumps([classes.to_dict(), classes.label_format, classes.readings]).encode())
    return digest.hexdigest()


def _read(path, key, num_classes):
    """Returns the counts that are kept for a key as a dict of lists; None without them, or if the file is damaged."""
    try:
        kept = parse_json(path.read_bytes())
        counts = [np.array(kept[name]) for name in ("pixels", "around")]
        is_whole = all(one.shape == (num_classes,) and one.dtype == np.int64 and one.min() >= 0 for one in counts)
        return kept if kept["key"] == key and is_whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
