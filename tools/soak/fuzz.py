"""Fuzzing of file readers: mutated files are read in processes with limits, and every outcome is judged."""

import collections
import contextlib
import importlib
import json
import os
import pathlib
import random
import re
import resource
import shutil
import sys
import time
import traceback
from collections.abc import Iterator

from tools.soak.child import Process
from tools.soak.operations import observe
from tools.soak.target import Target

SECONDS = 2.0  # of the processor, for one file
MEMORY = 1 << 30  # bytes above those of the process before
WAIT = 60.0  # seconds by the clock, for a reader that hangs
LONGEST = 300  # characters of a message
CASES_OF_A_CALL = 25
DEPTH = ("above", "beside")  # folders between that of a case and the working folder
ALLOWED = ("/dev/null", "/dev/tty", "/proc/self/")


def read_case(folder: pathlib.Path, name: str, target: Target, seed: int, case: int) -> dict:
    """Makes a file, mutates it and reads it, in a process of its own.

    Args:
        folder: an empty folder.
        name: of the target.
        target: makes, mutates and reads the file.
        seed, case: of the random numbers, with the target's name.

    Returns:
        Dict of "name" ("target:seed:case"), "target", "outcome" ("result", "refused" or "failure"), "message",
        "seconds", those of the processor, "megabytes", the growth of the process, and "problems", a list of lines.
    """
    inner = folder.joinpath(*DEPTH, "case")
    inner.mkdir(parents=True)
    report = folder / "report.json"

    def run():
        path = make_case(inner, name, target, seed, case)
        descriptor = os.open(report, os.O_WRONLY | os.O_CREAT)  # before files are limited
        outside = forbid_outside(inner)
        answer = read_limited(target, path)
        if outside:
            answer |= {"outcome": "failure", "message": f"wrote outside its folder: {outside[0]}"}
        os.write(descriptor, json.dumps(answer).encode())

    ended = Process(run, folder / "output.txt").end(WAIT)
    answer = {"outcome": "failure", "message": f"no answer within {WAIT:g} s", "seconds": WAIT, "megabytes": 0}
    if not ended.is_late:
        text = report.read_text() if report.exists() else ""
        killed = f"ended with code {ended.code}: {ended.last_lines()}"
        answer = json.loads(text) if text else answer | {"message": killed, "seconds": ended.seconds}
    strays = [path for path in folder.rglob("*") if is_stray(path, folder, inner)]
    if strays:
        answer |= {"outcome": "failure", "message": f"wrote outside its folder: {strays[0].relative_to(folder)}"}
    shutil.rmtree(folder)
    problems = [answer["message"]] if answer["outcome"] == "failure" else []
    return {"name": f"{name}:{seed}:{case}", "target": name, **answer, "problems": problems}


def make_case(folder: pathlib.Path, name: str, target: Target, seed: int, case: int) -> pathlib.Path:
    """Makes a file in an empty folder and mutates it; returns its path. Arguments as of `read_case`."""
    path = target.make(folder)
    target.mutate(path, random.Random(f"{name} {seed} {case}"))
    return path


def is_stray(path, folder, inner):
    """Returns whether a file is neither in the folder of the case nor one of this module's."""
    own = (folder / "report.json", folder / "output.txt", inner, *inner.parents)
    return path not in own and inner not in path.parents


def forbid_outside(folder):
    """Returns a list that receives every change of a file outside a folder, by this process, from now on."""
    outside, prefix = [], f"{folder.resolve()}/"

    def note(operation, path):
        # resolved by text: names of files are read here while a reader may be damaging them
        if not path.startswith((prefix, *ALLOWED)) and path != prefix.rstrip("/"):
            outside.append(f"{operation} {path}"[:200])

    observe(note)
    return outside


def read_limited(target, path):
    """Reads a file within the limits of memory and time, and judges the outcome."""
    size = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (int(start + SECONDS) + 3,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        target.read(path)
        outcome, message = "result", ""
    except Exception as error:
        outcome, message = judge(error)
    seconds = time.process_time() - start
    if seconds > SECONDS:
        outcome, message = "failure", f"took {seconds:.1f} s; {message}"
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"outcome": outcome, "message": message, "seconds": round(seconds, 3), "megabytes": (after - before) // 1024}


def judge(error: Exception) -> tuple[str, str]:
    """Returns `("refused", message)` for one short line of an error of the suite, else `("failure", reason)`."""
    message = str(error)
    if not isinstance(getattr(error, "exit_code", None), int):
        place = traceback.extract_tb(error.__traceback__)[-1]
        name = f"{pathlib.Path(place.filename).name}:{place.lineno}"
        return "failure", f"{type(error).__name__} in {name}: {message[:200]}"
    if len(message.splitlines()) != 1:
        return "failure", f"{len(message.splitlines())} lines: {message[:200]!r}"
    if len(message) >= LONGEST:
        return "failure", f"{len(message)} characters: {message[:200]}"
    return "refused", message


def read_cases(work: pathlib.Path, name: str, target: Target, seed: int, cases: range) -> list[dict]:
    """Calls `read_case` for a range of cases; returns the results."""
    for module in target.modules:
        importlib.import_module(module)
    return [read_case(work / f"case_{os.getpid()}_{case}", name, target, seed, case) for case in cases]


def import_readers(work: pathlib.Path, targets: dict[str, Target]) -> None:
    """Imports the modules that readers need, which takes longer than reading; the processes of all cases share them.

    The modules are found in a process of its own, that reads a valid sample of each target: a reader may start threads,
    and those would be missing in forked processes.
    """
    found = work / "modules.json"

    def run():
        for name, target in targets.items():
            folder = work / "samples" / re.sub(r"\W", "_", name)
            folder.mkdir(parents=True)
            with contextlib.suppress(Exception):
                None if target.modules else target.read(target.make(folder))
        found.write_text(json.dumps(sorted(sys.modules)))

    Process(run, work / "modules.txt").end(WAIT)
    for name in json.loads(found.read_text()) if found.exists() else ():
        with contextlib.suppress(ImportError):  # some are no files
            importlib.import_module(name)


def plan(work: pathlib.Path, targets: dict[str, Target], seed: int, files: int) -> Iterator[tuple]:
    """Yields calls, as `(function, arguments)`, that read so many files, equally many of each target."""
    import_readers(work, targets)
    each = -(-files // len(targets))
    for first in range(0, each, CASES_OF_A_CALL):
        for name, target in targets.items():
            yield read_cases, (work, name, target, seed, range(first, min(each, first + CASES_OF_A_CALL)))


def figures(results: list[dict]) -> dict:
    """Summarizes the results: files and outcomes, in all and by target, the longest time and the most memory."""
    by_target = collections.defaultdict(collections.Counter)
    for result in results:
        by_target[result["target"]][result["outcome"]] += 1
    outcomes = sum(by_target.values(), collections.Counter())
    return {
        "files": len(results),
        **{name: outcomes[name] for name in ("result", "refused", "failure")},
        "most seconds": max((result["seconds"] for result in results), default=0),
        "most megabytes": max((result["megabytes"] for result in results), default=0),
        "extremes": {key: max(results, key=lambda r: r[key])["name"] for key in ("seconds", "megabytes") if results},
        "by target": {name: dict(counts) for name, counts in sorted(by_target.items())},
    }


def find_targets() -> dict[str, Target]:
    """Returns the targets of all readers."""
    from tools.soak import annotations, files  # here: they import all readers

    return {**annotations.TARGETS, **files.TARGETS}
