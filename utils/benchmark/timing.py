"""Timing, quantiles, memory of a process, and the machine. Importing this module imports no Keras."""

import os
import pathlib
import platform
import re
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


def machine_info() -> dict:
    """Describes the machine of a measurement.

    Returns:
        Dict with "cpu" (model name), "cores" (that this process may use), "memory_gib" (of the machine, None if the
        system does not report it) and, if Keras was imported, "device" (such as "gpu:0", or "CPU").
    """
    result = {"cpu": cpu_name(), "cores": cpu_cores(), "memory_gib": machine_memory()}
    if "keras" in sys.modules:
        from utils.backend import device_name

        result["device"] = device_name()
    return result


def cpu_name() -> str:
    """Returns the model name of the processor."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.is_file() else []
    return names[0] if names else platform.processor() or platform.machine()


def cpu_cores() -> int:
    """Returns the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def machine_memory() -> float | None:
    """Returns the memory of the machine in GiB, rounded to 0.1; None if the system does not report it."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):  # no sysconf, or not these names
        return None


def process_memory() -> float | None:
    """Returns the peak memory of this process in MiB; None if the system does not report it."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
