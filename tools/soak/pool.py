"""Calls of functions in forked processes, several at once."""

import functools
import json
import pathlib
import time
from collections.abc import Callable, Iterable, Iterator

from tools.soak.child import Process
from utils.errors import RunError

PAUSE = 0.01  # seconds


def run_calls(
    calls: Iterable[tuple[Callable, tuple]], jobs: int, is_over: Callable[[], bool], work: pathlib.Path
) -> Iterator[object]:
    """Yields the results of calls, in the order in which they end.

    Args:
        calls: `(function, arguments)`, read as processes become free. Results are JSON types.
        jobs: number of processes at once.
        is_over: returns whether no further call is to begin.
        work: folder for the files of results.

    Raises:
        RunError: if a call raises an exception or is killed.
    """
    calls, running, number = iter(calls), {}, 0
    while True:
        while len(running) < jobs and not is_over():
            call = next(calls, None)
            if call is None:
                break
            number += 1
            result = work / f"call_{number}.json"
            running[Process(functools.partial(write_result, result, *call), result.with_suffix(".txt"))] = result
        if not running:
            return
        ended = [process for process in running if process.wait(0)]
        if not ended:
            time.sleep(PAUSE)
        for process in ended:
            yield read_result(process, running.pop(process))


def write_result(path, function, arguments):
    """Calls a function and writes its result."""
    path.write_text(json.dumps(function(*arguments)))


def read_result(process, path):
    """Returns the result of a call, and removes its files."""
    ended = process.end(1)
    if ended.code:
        raise RunError(f"a part of the soak test failed: {ended.last_lines(1)}; see {process.output}")
    result = json.loads(path.read_text())
    path.unlink()
    process.output.unlink()
    return result
