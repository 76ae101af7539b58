"""Speed comparison table."""

import pytest

from tools.speed.report import describe_machine, readable


@pytest.mark.parametrize(
    "value, unit, text",
    [
        (0.000874, "s", "0.87 ms"), (0.0123, "s", "12.3 ms"), (0.4567, "s", "457 ms"), (2.345, "s", "2.35 s"),
        (321, "s", "321 s"), (2222.4, "MiB", "2222 MiB"), (17.34, "CPU s", "17.3 CPU s"), (0.5, "CPU s", "0.50 CPU s"),
    ],
)  # fmt: skip
def test_readable(value, unit, text):
    assert readable(value, unit) == text


def test_a_busy_machine_is_mentioned():
    machine = {"cpu": "A CPU", "cores": 2, "load_before": 3.21, "python": "3.11"}
    text = describe_machine(machine, 7)
    assert "A CPU, 2 cores; python 3.11." in text and "load 3.2" in text
    assert "load" not in describe_machine({**machine, "load_before": 0.1}, 7)
