"""Times of steps in processes and in one: table, errors, a real measurement."""

import importlib.util
import sys

import pytest

from tools import time_processes


def test_medians_are_relative_to_one_device():
    rounds = {
        "one device": [{"step": seconds, "processor": 0.4, "asking": 0.0} for seconds in (0.1, 0.3, 0.2)],
        "2 processes": [{"step": 0.22, "processor": 0.42, "asking": 0.001}],
    }
    assert time_processes.describe(rounds).splitlines()[2:] == [
        "| one device | 200.0 ms | 1.00 | 400.0 ms | 1.00 | 0.00 ms |",
        "| 2 processes | 220.0 ms | 1.10 | 420.0 ms | 1.05 | 1.00 ms |",
    ]


@pytest.mark.parametrize(
    "words, message",
    [
        (["--rounds", "1"], "train.py"),
        (["train.py", "--no_such_flag"], "--no_such_flag"),
        (["--processes", "1000", "train.py", "--dataset", "x"], "1000"),
    ],
)
def test_errors(words, message, capsys):
    with pytest.raises(SystemExit) as end:
        time_processes.main(words)
    assert end.value.code == 2 and message in capsys.readouterr().err


def test_a_measurement_that_fails_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(time_processes, "WORKER", "raise SystemExit('no room')")
    with pytest.raises(time_processes.RunError, match="no room"):
        time_processes.run([sys.executable, "-S", "-c", time_processes.WORKER], 1, tmp_path)


@pytest.mark.sweep
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_a_real_measurement(streets, capsys):
    words = f"train.py --dataset {streets} --model MobileUNet --batch_size 2 --crop_height 32 --crop_width 32"
    assert time_processes.main(["--rounds", "1", "--steps", "5", *words.split()]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[5:8]] == [
        "| one device",
        "| 2 devices of one process",
        "| 2 processes",
    ]
