"""Taking turns: how `compare_speed.py` measures."""

import importlib.util
import time
from typing import NamedTuple

import numpy as np

LEAST_SECONDS = 0.3  # a round repeats shorter work, for the clock's sake


class Row(NamedTuple):
    """A line of the table.

    Attributes:
        work: str, what was done.
        ours: float, in the line's unit.
        yardstick: str, what it is compared with.
        theirs: float, in the line's unit; None if it is not installed.
        note: str, how to install it.
        unit: "s", "CPU s" (of all cores together) or "MiB"; of each, less is better.
    """

    work: str
    ours: float
    yardstick: str
    theirs: float | None
    note: str = ""
    unit: str = "s"


def race(contestants, rounds):
    """Lets functions take turns.

    Args:
        contestants: dict from names to functions that do some work and return how many units of it that was.
        rounds: int.

    Returns:
        Dict from the names to the medians over the rounds of seconds per unit.
    """
    for work in contestants.values():
        work()  # tables, threads and the system's file cache
    seconds = [[seconds_per_unit(work) for work in contestants.values()] for _ in range(rounds)]
    return dict(zip(contestants, np.median(seconds, axis=0).tolist()))


def seconds_per_unit(work):
    """Repeats a function of `race` for a while."""
    start = time.perf_counter()
    units = work()
    while time.perf_counter() - start < LEAST_SECONDS:
        units += work()
    return (time.perf_counter() - start) / units


def once(function, *arguments):
    """Makes a function for `race` of one whose call is a unit of work."""

    def work():
        function(*arguments)
        return 1

    return work


def is_installed(*packages):
    """Whether all of these can be imported."""
    return all(importlib.util.find_spec(package) for package in packages)


def rows_against_ours(work, seconds):
    """A `Row` for each contestant but ours."""
    return [Row(work, seconds["ours"], name, its) for name, its in seconds.items() if name != "ours"]


def absent(work, seconds, peer, remedy):
    """A `Row` for a peer that did not take part, in a list; an empty list if it did."""
    return [] if peer in seconds else [Row(work, seconds["ours"], peer, None, remedy)]
