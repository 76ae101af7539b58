"""Timing, quantiles and memory of a process. Importing this module imports no Keras."""

import os
import sys
import time
from collections.abc import Callable, Iterable

TRAINING_PASSES = 3  # forward passes that a training step costs: the gradients of features and of weights are two


def quantile(values: Iterable[float], share: float) -> float:
    """Computes a quantile with linear interpolation.

    Args:
        values: at least one.
        share: 0..1; 0.5 is the median.
    """
    values = sorted(values)
    position = share * (len(values) - 1)
    below = int(position)
    above = min(below + 1, len(values) - 1)
    return values[below] + (position - below) * (values[above] - values[below])


def seconds_of(action: Callable[[], object], times: int) -> list[float]:
    """Measures the seconds of each of `times` calls of `action`."""
    marks = [time.perf_counter()]
    for _ in range(times):
        action()
        marks.append(time.perf_counter())
    return [after - before for before, after in zip(marks, marks[1:])]


def cpu_cores() -> int:
    """Returns the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def process_memory() -> float | None:
    """Returns the peak memory of this process in MiB; None if the system does not report it."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
