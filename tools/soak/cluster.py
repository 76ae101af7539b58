"""Trainings by several processes, of which random ones are killed: restarted by the launcher, compared bit for bit."""

import contextlib
import functools
import importlib.util
import itertools
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from tools import ROOT
from tools.soak.compare import damaged_files, differences
from tools.soak.kills import report
from tools.soak.settings import simple_settings, words
from utils.errors import RunError, UsageError
from utils.files import make_folder

PROCESSES = 2
KILLS = 5  # of one training
STEPS, EPOCHS = 40, 6
EARLY = 0.2  # share of the kills before the first step after a start
MINUTES = 0.02  # between checkpoints, in every other training
LIMIT = 600.0  # seconds of a training without a kill, on a busy machine
PAUSE = 0.02  # seconds
PROGRAM = [sys.executable, str(ROOT / "tests" / "tiny" / "tiny_model.py")]
FLAGS = ("--distribute", "cluster", "--continue_training")
JAX = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
# A program that one training has compiled, another one loads.
JAX |= {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}


def plan(work: pathlib.Path, dataset: pathlib.Path, seed: int) -> Iterator[tuple]:
    """Yields calls, as `(function, arguments)`, without end; with JAX, whatever the backend is.

    Args:
        work: an empty folder.
        dataset: dataset of the trainings.
        seed: of the random moments and processes.

    Raises:
        UsageError: if JAX is not installed.
    """
    if importlib.util.find_spec("jax") is None:
        raise UsageError("the part cluster needs JAX: pip install jax")
    references = {}
    for number in itertools.count():
        settings = {**simple_settings(), "num_epochs": EPOCHS, "steps_per_epoch": STEPS, "no_report": True}
        settings |= {"ema": 0.9, "checkpoint_minutes": MINUTES if number % 2 else 0.0}
        kind = number % 2
        if kind not in references:
            references[kind] = train_undisturbed(work / f"undisturbed_{kind}", settings, dataset)
        folder = work / f"cluster_{number}"
        yield kill_processes, (folder, work / f"undisturbed_{kind}", settings, dataset, f"{seed}-{number}")


def train_undisturbed(folder, settings, dataset):
    """Trains on as many devices of one process.

    Raises:
        RunError: if the training fails.
    """
    devices = {"JAX_NUM_CPU_DEVICES": str(PROCESSES)}
    with start(folder, [*PROGRAM, *words(settings, dataset)], **devices) as process:
        process.wait(LIMIT)
    if process.returncode:
        raise RunError(f"a training fails without any disturbance; see {folder / 'output.txt'}")
    return True


@contextlib.contextmanager
def start(folder, command, **variables):
    """Starts a command in the folder `run`; all its processes end with the context."""
    environment = {**os.environ, **JAX, **variables, "TINY_STEPS": str(folder / "steps.txt")}
    environment["JAX_COMPILATION_CACHE_DIR"] = str(folder.parent / "compiled")
    with open(make_folder(folder) / "output.txt", "ab") as output:
        options = {"stdout": output, "stderr": output, "stdin": subprocess.DEVNULL, "env": environment}
        process = subprocess.Popen(command, cwd=make_folder(folder / "run"), **options)
    try:
        yield process
    finally:
        for number in [*children(process.pid), process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        process.wait()


def children(number: int) -> list[int]:
    """Returns the numbers of the child processes of a process."""
    try:
        text = pathlib.Path(f"/proc/{number}/task/{number}/children").read_text()
    except OSError:
        return []
    return list(map(int, text.split()))


def is_without(number, workers):
    """Returns whether a process has none of some child processes."""
    return set(children(number)).isdisjoint(workers)


def kill_processes(folder, undisturbed, settings, dataset, seed):
    """Trains by the launcher; kills a random process at random moments; compares the training in the end."""
    rng, kills, problems = random.Random(seed), [], []
    launcher = [sys.executable, str(ROOT / "tools" / "launch_local.py")]
    launcher += ["--processes", str(PROCESSES), "--restarts", str(10 * KILLS)]
    command = [*launcher, *PROGRAM, *words(settings, dataset, *FLAGS)]
    with start(folder, command) as process:
        for left in range(KILLS, 0, -1):
            workers = wait_for(process, lambda: len(children(process.pid)) == PROCESSES and children(process.pid))
            rank = wait_for_moment(process, folder, rng, left)
            if not workers or rank is None:
                break
            os.kill(workers[rank], signal.SIGKILL)
            killed = time.monotonic()
            have_ended = wait_for(process, functools.partial(is_without, process.pid, workers))
            kills.append({"rank": rank, "seconds": round(time.monotonic() - killed, 1)})
            problems += [f"after a kill, {line}" for line in damaged_files(folder / "run" / "out")]
            if not have_ended:
                problems.append(f"code {process.returncode} after a kill; see {folder / 'output.txt'}")
                break
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LIMIT)
    if process.returncode:
        problems.append(f"code {process.returncode}: see {folder / 'output.txt'}")
    # With checkpoints at times of the clock, the one before the last is another.
    lines = differences(folder / "run" / "out", undisturbed / "run" / "out")
    problems += [line for line in lines if not settings["checkpoint_minutes"] or not line.startswith("previous_model")]
    repeated = repeated_steps((folder / "steps.txt").read_text())
    problems += [f"{steps} steps were repeated" for steps in repeated if steps > STEPS]
    result = report(f"cluster {seed}", settings, kills, problems)
    result[0]["repeated"] = max(repeated, default=0)
    return result


def wait_for(process, condition):
    """Returns the first true value of a function; None if the process ends before, or if it takes too long."""
    end = time.monotonic() + LIMIT
    while process.poll() is None and time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(PAUSE)
    return None


def wait_for_moment(process, folder, rng, left):
    """Waits for a random moment after a start; returns the rank to kill, None if the training ends before.

    Args:
        process: the launcher.
        folder: with the file of the steps that are done.
        rng: `random.Random`.
        left: kills that are still to come, for which steps are left.
    """
    steps = folder / "steps.txt"
    before = steps.stat().st_size if steps.exists() else 0
    rank = rng.randrange(PROCESSES)
    if rng.random() < EARLY:
        end = time.monotonic() + rng.uniform(0, 10)
        wait_for(process, lambda: time.monotonic() > end)
        return rank if process.poll() is None else None
    if not wait_for(process, lambda: steps.exists() and steps.stat().st_size > before):
        return None
    done = position(steps.read_text().splitlines()[-1])
    wanted = done + rng.uniform(0, 2 * (STEPS * EPOCHS - done) / (left + 1))
    wait_for(process, lambda: position(steps.read_text().splitlines()[-1]) >= min(wanted, STEPS * EPOCHS))
    return rank if process.poll() is None else None


def position(line: str) -> int:
    """Returns the number of steps done since the start of the training, from a line "epoch step"."""
    epoch, step = map(int, line.split())
    return epoch * STEPS + step


def repeated_steps(text: str) -> list[int]:
    """Returns how many steps were done a second time after each restart.

    Args:
        text: a line "epoch step" for each step that process 0 has done.
    """
    done = list(map(position, text.splitlines()))
    return [before - after + 1 for before, after in itertools.pairwise(done) if after <= before]


def figures(results: list[dict]) -> dict:
    """Summarizes the results of `plan`: numbers of trainings, kills and repeated steps, time until all ended."""
    kills = [kill for result in results for kill in result["kills"]]
    return {
        "kills": len(kills),
        "of process 0": sum(kill["rank"] == 0 for kill in kills),
        "trainings": len(results),
        "most steps repeated": max((result["repeated"] for result in results), default=0),
        "steps of an epoch": STEPS,
        "most seconds until all had ended": max((kill["seconds"] for kill in kills), default=0),
        "different from the undisturbed training": sum(bool(result["problems"]) for result in results),
    }
