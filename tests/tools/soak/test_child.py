"""Processes of the soak test: exit codes, output, limits of time, signals."""

import os
import signal
import sys
import time

import pytest

from tools.soak.child import Ended, Process
from tools.soak.pool import run_calls
from utils.errors import RunError


def end(tmp_path, function, limit=30.0):
    return Process(function, tmp_path / "output.txt").end(limit)


def test_codes_and_output(tmp_path):
    def speak():
        print("to standard output")
        print("to standard error", file=sys.stderr)
        os.write(1, b"from a library\n")
        return 3

    ended = end(tmp_path, speak)
    assert ended.code == 3 and not ended.is_late
    assert sorted(ended.text.splitlines()) == ["from a library", "to standard error", "to standard output"]
    assert end(tmp_path, lambda: None).code == 0
    assert end(tmp_path, lambda: sys.exit(2)).code == 2
    assert end(tmp_path, lambda: os.kill(os.getpid(), signal.SIGTERM)).code == -signal.SIGTERM
    failed = end(tmp_path, lambda: 1 / 0)
    assert failed.code == 1 and failed.has_traceback() and "ZeroDivisionError" in failed.last_lines(1)


def test_what_takes_too_long_is_killed(tmp_path):
    ended = end(tmp_path, lambda: time.sleep(60), limit=0.1)
    assert ended.is_late and ended.code == -signal.SIGKILL


@pytest.mark.parametrize(
    "code, text, is_clear",
    [
        (1, "Epoch 1\nerror: cannot write x: No space left on device\n", True),
        (2, "error: no dataset\n", True),
        (0, "error: no dataset\n", False),
        (-9, "error: no dataset\n", False),
        (1, "ended\n", False),
        (1, "error: one\nerror: two\n", False),
        (1, f"error: {'x' * 300}\n", False),
        (1, "Traceback (most recent call last):\nerror: one\n", False),
    ],
)
def test_clear_errors(code, text, is_clear):
    assert Ended(code, text, 1.0).is_clear() is is_clear


def test_calls_of_several_processes(tmp_path):
    calls = iter([(pow, (number, 2)) for number in range(20)])
    results = list(run_calls(calls, 3, lambda: False, tmp_path, done={1, 7}))
    assert sorted(results) == [(number + 1, number**2) for number in range(20) if number not in (0, 6)]
    assert not list(tmp_path.iterdir())


def test_no_call_begins_once_it_is_over(tmp_path):
    calls = iter([(abs, (-number,)) for number in range(5)])
    results = []
    for _, result in run_calls(calls, 1, lambda: len(results) >= 2, tmp_path):
        results.append(result)
    assert results == [0, 1] and next(calls) == (abs, (-2,))


def test_a_call_that_fails_is_an_error(tmp_path):
    with pytest.raises(RunError, match="ZeroDivisionError"):
        list(run_calls([(divmod, (1, 0))], 1, lambda: False, tmp_path))
