"""Functions run in forked processes: output, exit code, limits of time, signals sent at chosen moments.

The parent has imported TensorFlow and Keras, which takes longer than a tiny training, but has executed no operation of
them: threads of their runtimes would be missing in its children.
"""

import contextlib
import ctypes
import importlib
import io
import json
import os
import pathlib
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import NamedTuple

from tools import ROOT
from tools.soak.operations import Watch, observe

MODULES = (
    "train",
    "tools.datasets.builtin",
    "utils.benchmark.complexity",
    "utils.report.writing",
    "utils.training.build",
    "utils.training.loop",
    "utils.training.record",
    "matplotlib.pyplot",
    "h5py",
)
JAX_SETTINGS = {  # compiling takes most of the time of a tiny training
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
LIMIT = 600.0  # seconds of a process, on a busy machine


class Ended(NamedTuple):
    """End of a process.

    Attributes:
        code: its exit code, or minus the number of the signal that killed it.
        text: what it printed.
        seconds: float, from its start to its end.
        silent: float, the part of them before its first file operation; 0 without a watch.
        is_late: whether it was killed because it took too long.
    """

    code: int
    text: str
    seconds: float
    silent: float = 0.0
    is_late: bool = False

    def is_clear(self) -> bool:
        """Returns whether a failure was told by an exit code of 1 or 2 and one line without a traceback."""
        errors = [line for line in self.text.splitlines() if line.startswith("error: ")]
        return self.code in (1, 2) and len(errors) == 1 and len(errors[0]) < 300 and not self.has_traceback()

    def has_traceback(self) -> bool:
        """Returns whether an exception was printed with its traceback."""
        return "Traceback (most recent call last)" in self.text

    def last_lines(self, number: int = 3) -> str:
        """Returns the last lines that were printed."""
        return " | ".join(line.strip() for line in self.text.strip().splitlines()[-number:])


def import_training(compiled: pathlib.Path) -> None:
    """Imports all that a training needs, and registers the networks of the tests, without starting a runtime.

    Args:
        compiled: folder for programs that JAX compiles once for all trainings.
    """
    from utils.backend import silence_stderr

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name, value in {**JAX_SETTINGS, "JAX_COMPILATION_CACHE_DIR": str(compiled)}.items():
        os.environ.setdefault(name, value)
    sys.path.insert(0, str(ROOT / "tests" / "tiny"))
    with silence_stderr():
        for name in (*MODULES, "tiny_model", "tiny_plots"):
            importlib.import_module(name)


def train(
    folder: pathlib.Path,
    words: list[str],
    watch: Watch | None = None,
    signal_number: int = signal.SIGKILL,
    after: float | None = None,
    limit: float = LIMIT,
    plots: bool = True,
) -> Ended:
    """Runs train.py in a folder, in a process of its own.

    Args:
        folder: current folder of the process; `operations.json` beside it lists what `watch` saw.
        words: the command line.
        watch: observes its file operations, and acts at one of them.
        signal_number: signal to send.
        after: seconds after the first file operation that `watch` sees; None to send no signal.
        limit: seconds after which it is killed.
        plots: whether to draw plots, which take most of the time of a tiny training; else they are blank.
    """
    folder.mkdir(parents=True, exist_ok=True)
    reading, writing = os.pipe()

    def run():
        os.close(reading)
        if watch:
            watch.on_first = lambda: os.write(writing, b".")
            observe(watch)
        os.chdir(folder)
        try:
            with contextlib.nullcontext() if plots else importlib.import_module("tiny_plots").blank_plots():
                return importlib.import_module("train").main(words)
        finally:
            if watch:
                folder.with_name("operations.json").write_text(json.dumps(watch.seen))

    process = Process(run, folder.with_name("output.txt"))
    os.close(writing)
    try:
        silent = 0.0
        if watch and select.select([reading], [], [], limit)[0] and os.read(reading, 1):
            silent = time.monotonic() - process.start
            if after is not None:
                process.wait(after)
                process.send(signal_number)
        return process.end(limit)._replace(silent=silent)
    finally:
        os.close(reading)


class Process:
    """A function in a forked process.

    Args:
        function: function without arguments; its result is the exit code.
        output: file of all that it prints.
    """

    def __init__(self, function: Callable[[], int | None], output: pathlib.Path):
        self.output, self.start, self.status = output, time.monotonic(), None
        sys.stdout.flush()
        sys.stderr.flush()
        self.number = os.fork()
        if not self.number:
            _run(function, output)

    def wait(self, seconds: float) -> bool:
        """Waits until the process ends, at most so many seconds; returns whether it has."""
        until = time.monotonic() + seconds
        while self.status is None:
            number, status = os.waitpid(self.number, os.WNOHANG)
            if number:
                self.status = status
            elif time.monotonic() >= until:
                return False
            else:
                time.sleep(0.002)
        return True

    def send(self, signal_number: int) -> None:
        """Sends a signal, if the process has not ended."""
        if self.status is None:
            os.kill(self.number, signal_number)

    def end(self, limit: float) -> Ended:
        """Waits for the end; kills the process after `limit` seconds."""
        is_late = not self.wait(limit)
        if is_late:
            self.send(signal.SIGKILL)
            self.wait(60)
        seconds = time.monotonic() - self.start
        text = self.output.read_text(encoding="utf-8", errors="replace")
        return Ended(os.waitstatus_to_exitcode(self.status), text, seconds, is_late=is_late)


def _run(function, output):
    """Runs the function in the new process, which ends here whatever happens."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        for standard in (1, 2):
            os.dup2(descriptor, standard)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(number, "w", closefd=False)) for number in (1, 2))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = function() or 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
