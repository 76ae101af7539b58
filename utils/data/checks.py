"""Dataset checks before the work begins: readable pairs, known colors, memory for the cache."""

import concurrent.futures
import pathlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from utils.class_dict import ClassDict
from utils.data.labels import read_label, read_pair
from utils.errors import UsageError

MAX_PROBLEMS = 20  # shown; the rest is counted


class PairStatistics(NamedTuple):
    """Size and class pixel counts of one pair.

    Attributes:
        size: `(height, width)` in pixels.
        pixels: int64 array `(C,)`, pixels of each class.
    """

    size: tuple[int, int]
    pixels: np.ndarray


def check_pairs(
    pairs: list, class_dict: ClassDict, workers: int = 2, problems: Iterable[str] = ()
) -> list[PairStatistics]:
    """Reads every image and label once, so that nothing fails in the middle of the work.

    Args:
        pairs: list of `folder.Pair`.
        class_dict: `ClassDict`.
        workers: number of threads.
        problems: those that `list_pairs` collected, reported together with the ones of this check.

    Returns:
        List of `PairStatistics`, in the order of `pairs`.

    Raises:
        UsageError: naming all problems, unreadable files, unequal sizes and unknown colors at once.
    """

    def check(pair):
        try:
            _, label = read_pair(pair.image, pair.label, class_dict)
        except UsageError as problem:
            return None, [str(problem), *_other_problem_of_label(pair, class_dict, str(problem))]
        pixels = np.bincount(label.ravel(), minlength=256)[: class_dict.num_classes]
        return PairStatistics(label.shape, pixels), []

    with concurrent.futures.ThreadPoolExecutor(workers) as executor:
        results = list(executor.map(check, pairs))
    raise_problems([*problems, *(problem for _, pair_problems in results for problem in pair_problems)])
    return [statistics for statistics, _ in results]


def raise_problems(problems: list[str]) -> None:
    """Reports all problems in one `UsageError`, on a line each if there are several; does nothing if there are none."""
    if not problems:
        return
    shown = problems[:MAX_PROBLEMS]
    if len(problems) > MAX_PROBLEMS:
        shown.append(f"... and {len(problems) - MAX_PROBLEMS} more")
    raise UsageError(shown[0] if len(problems) == 1 else f"{len(problems)} problems:\n  " + "\n  ".join(shown))


def check_cache_fits(sizes: Iterable[tuple[int, int]]) -> None:
    """Refuses a cache that memory cannot hold.

    Args:
        sizes: `(height, width)` of all images; a pixel takes 4 bytes with its label.

    Raises:
        UsageError: naming the memory needed and the memory available.
    """
    needed = 4 * sum(height * width for height, width in sizes)
    available = available_memory()
    # Half, for the network needs memory too.
    if available is not None and needed > available / 2:
        raise UsageError(
            f"--cache would keep {needed / 2**30:.1f} GiB of decoded images in memory, more than half of the "
            f"{available / 2**30:.1f} GiB that are available; train without it"
        )


def available_memory() -> int | None:
    """Returns the available memory in bytes: the machine's, or the control group's if that is less; None if unknown."""
    amounts = []
    try:
        fields = dict(line.split(":") for line in pathlib.Path("/proc/meminfo").read_text().splitlines())
        amounts.append(int(fields["MemAvailable"].split()[0]) * 1024)
    except (OSError, KeyError, ValueError):
        pass
    try:
        group = pathlib.Path("/sys/fs/cgroup")
        limit, used = (int((group / f"memory.{which}").read_text()) for which in ("max", "current"))
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        # The page cache counts as used, but is freed as soon as a program needs the memory.
        amounts.append(limit - used + int(statistics["inactive_file"]))
    except (OSError, KeyError, ValueError):
        pass
    return min(amounts, default=None)


def _other_problem_of_label(pair, class_dict, reported):
    """Returns the problem of a pair's label as a list, empty if there is none or it is the `reported` one."""
    try:
        read_label(pair.label, class_dict)
    except UsageError as problem:
        return [str(problem)] if str(problem) != reported else []
    return []
