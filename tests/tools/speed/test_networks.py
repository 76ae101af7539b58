"""Benchmark cases of networks."""

import pytest

from tools.speed import networks
from tools.speed.report import markdown_table
from utils.errors import RunError


def test_networks_are_compared_by_operation():
    """The same seconds for twice the operations are twice as fast; memory and start are compared as they are."""
    suite = {"train": 6.0, "predict": 2.0, "memory": 100.0, "cold": 10.0, "gflops": 2.0}
    counterpart = {"train": 6.0, "predict": 2.0, "memory": 150.0, "cold": 5.0, "gflops": 1.0}
    rows = networks.network_rows(["a", "b"], [suite, counterpart], 512)
    assert [(row.value, row.baseline_value) for row in rows] == [(1.0, 2.0), (1.0, 2.0), (100.0, 150.0), (10.0, 5.0)]
    assert [line.rsplit("| ", 1)[1] for line in markdown_table(rows).splitlines()[2:]] == [
        "2x |", "2x |", "1.5x |", "0.5x |",
    ]  # fmt: skip


def test_a_network_that_fails_is_reported():
    worker = networks.Worker("keras", {"model": "custom"})
    try:
        with pytest.raises(RunError, match="KeyError: 'size'"):
            worker.read()
    finally:
        worker.close()


def test_convolutions_are_compared_in_the_same_network(monkeypatch):
    asked = []

    def measure(candidates, rounds, kinds):
        asked.extend([settings["model"], settings["keras_convolutions"]] for _, settings in candidates)
        return [{"train": 2.0}, {"train": 3.0}]

    monkeypatch.setattr(networks, "measure_interleaved", measure)
    (row,) = networks.convolutions(12, 3)
    assert asked == [["FC-DenseNet103", False], ["FC-DenseNet103", True]]
    assert markdown_table([row]).endswith("| 2.00 s | Keras's convolutions | 3.00 s | 1.5x |")


@pytest.mark.sweep
def test_convolutions_of_a_small_network(monkeypatch):
    monkeypatch.setattr(networks, "DENSE", "FC-DenseNet56")
    monkeypatch.setattr(networks, "CROP", 32)
    (row,) = networks.convolutions(3, 1)
    assert row.value > 0 and row.baseline_value > 0
