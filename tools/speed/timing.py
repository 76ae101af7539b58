"""Interleaved timing: candidates run in turns, so that background load affects all of them alike."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

LEAST_SECONDS = 0.3  # a round repeats shorter tasks, for the resolution of the clock
SUITE = "this suite"  # the name of the candidate that is compared with the others


class Row(NamedTuple):
    """A row of the comparison table.

    Attributes:
        task: str.
        value: float, of this suite, in the row's unit.
        baseline: str, the name of the implementation for comparison.
        baseline_value: float, in the row's unit; None if it is not installed.
        note: str, how to install it.
        unit: "s", "CPU s" (of all cores together) or "MiB"; less is better.
    """

    task: str
    value: float
    baseline: str
    baseline_value: float | None
    note: str = ""
    unit: str = "s"


def interleaved_medians(candidates: dict[str, Callable[[], int]], rounds: int) -> dict[str, float]:
    """Times functions in turns, after a call of each as warm-up.

    Args:
        candidates: from names to functions that do some work and return the number of processed units.
        rounds: number of measurements of each.

    Returns:
        Median seconds per unit of each candidate.
    """
    for work in candidates.values():
        work()  # creates tables and threads, and fills the file cache of the system
    seconds = [[seconds_per_unit(work) for work in candidates.values()] for _ in range(rounds)]
    return dict(zip(candidates, np.median(seconds, axis=0).tolist()))


def seconds_per_unit(work: Callable[[], int]) -> float:
    """Calls a candidate repeatedly for at least `LEAST_SECONDS`."""
    start = time.perf_counter()
    units = work()
    while time.perf_counter() - start < LEAST_SECONDS:
        units += work()
    return (time.perf_counter() - start) / units


def as_unit(function: Callable, *arguments) -> Callable[[], int]:
    """Wraps a function as a candidate whose call is one unit."""

    def work():
        function(*arguments)
        return 1

    return work


def comparison_rows(task: str, seconds: dict[str, float]) -> list[Row]:
    """Creates a row for each candidate but this suite."""
    return [Row(task, seconds[SUITE], name, value) for name, value in seconds.items() if name != SUITE]


def missing_rows(task: str, seconds: dict[str, float], package: str, command: str) -> list[Row]:
    """Creates a row with the installation command of a package that was not measured; none if it was."""
    return [] if package in seconds else [Row(task, seconds[SUITE], package, None, command)]
