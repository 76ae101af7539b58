"""Programs in fresh processes, and how their errors arrive."""

import pytest

from utils.benchmark.process import run_in_process
from utils.errors import RunError, UsageError


def run(code):
    return run_in_process(("-c", code), {"a": 1})


def test_a_fresh_process_gives_its_last_line():
    code = "import sys, json, utils.errors; print('hello'); print(json.dumps({**json.load(sys.stdin), 'b': 2}))"
    assert run(code) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "code, error, message",
    [
        ("import sys; print('error: wrong', file=sys.stderr); sys.exit(2)", UsageError, "^wrong$"),
        ("raise ValueError('five')", RunError, "^ValueError: five$"),
        ("import sys; sys.exit(3)", RunError, "no message"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", RunError, "signal 9"),
    ],
)
def test_a_fresh_process_that_fails(code, error, message):
    with pytest.raises(error, match=message):
        run(code)
