"""Quantiles, times and memory."""

import time

import pytest

from utils.benchmark.timing import cpu_cores, process_memory, quantile, seconds_of


@pytest.mark.parametrize(
    "values, share, expected",
    [
        ([3], 0.5, 3),
        ([3], 0.95, 3),
        ([5, 1, 3], 0.5, 3),
        ([4, 1, 3, 2], 0.5, 2.5),
        (range(101), 0.95, 95),
        (range(21), 0.95, 19),
        ([0, 10], 0.95, 9.5),
        ([2, 1], 1, 2),
        ([2, 1], 0, 1),
    ],
)
def test_median_and_percentiles(values, share, expected):
    assert quantile(values, share) == pytest.approx(expected)


def test_seconds_of_each_call():
    seconds = seconds_of(lambda: time.sleep(0.01), 3)
    assert len(seconds) == 3 and all(0.01 <= value < 1 for value in seconds)


def test_the_machine():
    assert cpu_cores() >= 1
    assert 10 < process_memory() < 10**6
