"""Samples that cannot be read during a training: retries, time limit, replacement, errors of reading threads."""

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from utils.errors import RunError
from utils.notices import tell_once
from utils.text import brief

PAUSES = (0.2, 1.0)  # seconds before another try: disks of a network fail for a moment
SLOW, LOST = 10.0, 120.0  # seconds after which a reading is told, and given up
MOST_IN_A_ROW = 20
Value = TypeVar("Value")


class BadSamples:
    """Reading of samples by number, of which some may fail.

    Args:
        read: function of a number.
        name: function of a number, which returns the path of the image.
        count: number of samples.
        policy: "stop" raises the error of a sample that cannot be read; "skip" reads the next one in its place.

    Attributes:
        skipped: set of the places in the current epoch whose sample was replaced.
        failure: the exception of a sample that could not be read, or None.
    """

    def __init__(self, read: Callable[[int], Value], name: Callable[[int], object], count: int, policy: str = "stop"):
        self.read, self.name, self.count, self.policy = read, name, count, policy
        self.skipped, self.failure = set(), None

    def get(self, index: int, place) -> Value:
        """Reads a sample, or another one in its place.

        Args:
            index: its number.
            place: anything that tells its occurrences in an epoch apart.

        Raises:
            Exception: of the reader, with an `exit_code`, or `RunError` if twenty samples in a row cannot be read.
        """
        for other in range(index, index + min(MOST_IN_A_ROW, self.count)):
            try:
                return self._read(other % self.count)
            except Exception as error:
                last = error
                if self.policy != "skip":
                    break
                self.skipped.add(place)
                path = self.name(other % self.count)
                tell_once(f"bad sample {path}", f"{brief(str(error), 200)}: skipped, another image takes its place")
        else:
            number = min(MOST_IN_A_ROW, self.count)
            last = RunError(f"{number} samples in a row cannot be read, the last because: {brief(str(last), 200)}")
        self.failure = last
        raise last

    def describe(self) -> str:
        """Returns a line about the samples that were replaced in this epoch; "" if there were none."""
        count = len(self.skipped)
        was = "sample could not be read and was" if count == 1 else "samples could not be read and were"
        return f"{count} {was} replaced by others" if count else ""

    def _read(self, index):
        """Reads a sample in time, with retries; every exception has an `exit_code`."""
        for pause in (*PAUSES, None):
            try:
                return read_in_time(lambda: self.read(index), str(self.name(index)))
            except TimeoutError as error:
                raise RunError(str(error)) from error
            except Exception as error:
                if pause is None and hasattr(error, "exit_code"):
                    raise
                if pause is None:
                    kind = f"{type(error).__name__}: {brief(str(error), 100)}"
                    raise RunError(f"{self.name(index)} or its label cannot be read: {kind}") from error
            time.sleep(pause)


def read_in_time(read: Callable[[], Value], name: str) -> Value:
    """Calls a function on another thread, which is left behind if it hangs, as on a disk that does not answer.

    Threads are kept for the next call: starting one takes as long as reading a small file.

    Args:
        read: the function.
        name: of the file, for the note after `SLOW` seconds.

    Raises:
        TimeoutError: after `LOST` seconds.
        BaseException: of the function.
    """
    try:
        reader = _idle.pop()
    except IndexError:
        reader = _Reader()
    reader.calls.put(read)
    for seconds in (SLOW, LOST - SLOW):
        try:
            value, error = reader.answers.get(timeout=seconds)
        except queue.Empty:
            tell_once(f"slow {name}", f"{name} has not been read for {SLOW:g} s; waiting for its disk or network")
            continue
        _idle.append(reader)
        if error is not None:
            raise error
        return value
    raise TimeoutError(f"{name} could not be read within {LOST:g} s: its disk or network does not answer")


class _Reader:
    """A thread that calls functions.

    Attributes:
        calls: queue of functions.
        answers: queue of `(value, None)` or `(None, exception)`.
    """

    def __init__(self):
        self.calls, self.answers = queue.SimpleQueue(), queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                self.answers.put((self.calls.get()(), None))
            except BaseException as error:
                self.answers.put((None, error))


_idle = []  # readers without work, as many as ever read at once; append and pop are atomic
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # a child process has none of the threads


@contextlib.contextmanager
def raise_failures(data) -> Iterator[None]:
    """Context that raises the exception of a reading thread in place of the backend's, in which it is buried.

    Args:
        data: `SegmentationDataset`; others, which have no `samples`, are left alone.
    """
    samples = getattr(data, "samples", None) or BadSamples(None, None, 0)
    samples.failure = None
    try:
        yield
    except Exception as error:
        if samples.failure is None:
            raise
        raise samples.failure from error
