"""Commands beside train.py, test.py, predict.py, export.py and benchmark.py: datasets, reports and recorded results."""

import os
import pathlib
import subprocess
import sys

from utils.errors import RunError

ROOT = pathlib.Path(__file__).resolve().parent.parent  # of the repository
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


def run_command(command: str, flags: dict, *words: str, quiet: bool = False, threads: int | None = None) -> None:
    """Runs a command of the repository in a process of its own.

    Args:
        command: such as "train.py".
        flags: from names to values; a list becomes several words.
        words: further words of the command line.
        quiet: whether to hide the output, except the last line of an error.
        threads: number of threads to compute with; None for the default.

    Raises:
        RunError: if the command fails.
    """
    environment = {**os.environ, **dict.fromkeys(THREADS if threads else (), str(threads))}
    line = [sys.executable, ROOT / command, *words, *flag_words(flags)]
    done = subprocess.run(line, env=environment, capture_output=quiet, text=True)
    if done.returncode:
        reason = " ".join(done.stderr.strip().splitlines()[-1:]) if quiet else f"exit code {done.returncode}"
        raise RunError(f"{command} failed: {reason}")


def flag_words(flags: dict) -> list[str]:
    """Converts flags to the words of a command line."""
    words = []
    for name, value in flags.items():
        words += [f"--{name}", *map(str, value)] if isinstance(value, list) else [f"--{name}={value}"]
    return words
