"""Quantiles, times and memory."""

import sys
import time

import pytest

from utils.benchmark import timing
from utils.benchmark.timing import machine_info, process_memory, quantile, seconds_of


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


def test_the_machine(monkeypatch):
    info = machine_info()
    assert info["cpu"] and info["cores"] >= 1 and (info["memory_gib"] is None or info["memory_gib"] > 0.1)
    assert 10 < process_memory() < 10**6
    assert (process_memory() / 1024 < info["memory_gib"]) if info["memory_gib"] else True

    def no_such_name(name):
        raise ValueError(name)

    monkeypatch.setattr(timing.os, "sysconf", no_such_name, raising=False)
    assert machine_info() == {**info, "memory_gib": None}


def test_the_device_is_named_if_keras_was_imported(monkeypatch):
    pytest.importorskip("keras")
    assert machine_info()["device"]
    monkeypatch.delitem(sys.modules, "keras")
    assert "device" not in machine_info()
