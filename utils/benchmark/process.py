"""Benchmark process: each network is measured in a fresh Python process."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Sequence

from utils.backend import import_backend
from utils.cli import train_parser
from utils.errors import RunError, UsageError, memory_errors, report_errors

ROOT = pathlib.Path(__file__).resolve().parents[2]
ERROR_LINE = re.compile(r"(error|[\w.]*(?:Error|Exception)): ")
# Without the current folder on Python's path, whose files may have any names.
PROGRAM = ("-P", "-c", "from utils.benchmark import process; process.measure_from_stdin()")


def run_in_process(program: Sequence[str], settings: dict) -> dict:
    """Runs a Python program that reads `settings` as JSON from standard input and prints a JSON dict as its last line.

    Args:
        program: arguments of the interpreter.
        settings: dict of JSON types.

    Raises:
        UsageError, RunError: with the last error of the program.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    process = subprocess.run(
        [sys.executable, *program],
        input=json.dumps(settings),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    if process.returncode == 0:
        return json.loads(process.stdout.splitlines()[-1])
    if process.returncode < 0:
        raise RunError(
            f"the process was killed by signal {-process.returncode}, probably for lack of memory; lower --batch_size "
            "or the crop"
        )
    raise (UsageError if process.returncode == UsageError.exit_code else RunError)(last_error(process.stderr))


def last_error(text: str) -> str:
    """Returns the last line of standard error that is an error message."""
    lines = [line for line in text.splitlines() if line.strip()] or ["no message"]
    line = next((line for line in reversed(lines) if ERROR_LINE.match(line)), lines[-1])
    return line.removeprefix("error: ")


@report_errors
def measure_from_stdin(_=None):
    """Measures a network in this process: reads the flags as JSON from standard input, prints the result as JSON.

    The network is that of train.py, with its heads, losses, metrics, optimizer and precision.
    """
    settings = {**vars(train_parser().parse_args([])), **json.load(sys.stdin)}
    times = [time.perf_counter()]
    import_backend(settings["mixed_precision"])
    from utils.benchmark.measure import measure_network
    from utils.training.build import build_training_model, output_names
    from utils.training.step_time import random_batch, training_seconds

    times.append(time.perf_counter())
    with memory_errors():
        model = build_training_model(settings, None, 1)
        times.append(time.perf_counter())
        batch = random_batch(settings, output_names(settings))
        training_seconds(model, batch, 1)
        times.append(time.perf_counter())
        print(json.dumps(measure_network(model, batch, settings, times)))
