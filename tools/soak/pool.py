"""Calls of functions in forked processes, several at once."""

import functools
import json
import pathlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator

from tools.soak.child import Process
from utils.errors import RunError

PAUSE = 0.01  # seconds


def run_calls(
    calls: Iterable[tuple[Callable, tuple]],
    jobs: int,
    is_over: Callable[[], bool],
    work: pathlib.Path,
    done: Collection[int] = (),
) -> Iterator[tuple[int, object]]:
    """Yields `(number, result)` of calls, in the order in which they end; numbers count from 1.

    Args:
        calls: `(function, arguments)`, read as processes become free. Results are JSON types.
        jobs: number of processes at once.
        is_over: returns whether no further call is to begin.
        work: folder for the files of results.
        done: numbers of calls to leave out.

    Raises:
        RunError: if a call raises an exception or is killed.
    """
    calls, running = (pair for pair in enumerate(calls, 1) if pair[0] not in done), {}
    while True:
        while len(running) < jobs and not is_over():
            number, call = next(calls, (None, None))
            if call is None:
                break
            result = work / f"call_{number}.json"
            process = Process(functools.partial(write_result, result, *call), result.with_suffix(".txt"))
            running[process] = number, result
        if not running:
            return
        ended = [process for process in running if process.wait(0)]
        if not ended:
            time.sleep(PAUSE)
        for process in ended:
            number, result = running.pop(process)
            yield number, read_result(process, result)


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
