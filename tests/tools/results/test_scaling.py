"""Model of the step's time: the formulas at values that are known by hand."""

import pytest

from tools.results.scaling import GPUS, LOADS, exchange_seconds, scaling_table, step_seconds


@pytest.mark.parametrize(
    "gpus, seconds",
    [(1, 0.0), (8, 2 * 7 / 8 * 0.143 / 200), (16, 2 * 7 / 8 * 0.143 / 200 + 0.143), (64, 0.0012513 + 1.75 * 0.143)],
)
def test_gradients_of_143_megabytes_at_ten_gigabits(gpus, seconds):
    assert exchange_seconds(143e6, gpus, 10) == pytest.approx(seconds, rel=1e-4)


@pytest.mark.parametrize("load", LOADS, ids=lambda load: load.name)
def test_one_gpu_only_computes_and_more_gpus_or_slower_links_take_longer(load):
    assert step_seconds(load, 1, 10) == load.seconds
    times = [step_seconds(load, gpus, 25) for gpus in GPUS]
    assert times == sorted(times) and times[0] < times[1]
    assert step_seconds(load, 64, 100) < step_seconds(load, 64, 10)


def test_table_has_a_row_for_each_number_of_gpus():
    lines = scaling_table().splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [f"| {gpus}" for gpus in GPUS]
    assert "| 100 ms, 100 % |" in lines[2]
