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


def read_case(work: pathlib.Path, name: str, target: Target, seed: int, case: int) -> dict:
    """Makes a file, mutates it and reads it, in a process of its own.

    Args:
        work: folder for that of the case.
        name: of the target.
        target: makes, mutates and reads the file.
        seed, case: of the random numbers, with the target's name.

    Returns:
        Dict of "name" ("target:seed:case"), "target", "outcome" ("result", "refused" or "failure"), "message",
        "seconds", those of the processor, "megabytes", the growth of the process, and "problems", a list of lines.
    """
    answers, message = read_together(work, name, target, seed, [case])
    failure = {"outcome": "failure", "message": message, "seconds": WAIT, "megabytes": 0}
    return describe_answer(name, seed, case, answers.get(case, failure))


def describe_answer(name, seed, case, answer):
    """Returns the result of a case as `read_case` does."""
    problems = [answer["message"]] if answer["outcome"] == "failure" else []
    return {"name": f"{name}:{seed}:{case}", "target": name, **answer, "problems": problems}


def read_together(work, name, target, seed, cases):
    """Reads the files of some cases in one process, one after the other.

    Returns:
        `(answers, message)`: a dict from case to "outcome", "message", "seconds" and "megabytes", without the cases
        after one that ended the process, and how the process ended.
    """
    folders = {case: work / f"case_{os.getpid()}_{case}" for case in cases}
    report, output = (work / f"{kind}_{os.getpid()}" for kind in ("report", "output"))

    def run():
        descriptor = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)  # before files are limited
        outside = Outside()
        for case, folder in folders.items():
            inner = folder.joinpath(*DEPTH, "case")
            inner.mkdir(parents=True)
            path = make_case(inner, name, target, seed, case)
            outside.begin(inner)
            answer = read_limited(target, path)
            if strays := outside.end():
                answer |= {"outcome": "failure", "message": f"wrote outside its folder: {strays[0]}"}
            os.write(descriptor, f"{json.dumps([case, answer])}\n".encode())

    ended = Process(run, output).end(WAIT + SECONDS * (len(cases) - 1))
    message = f"no answer within {WAIT:g} s" if ended.is_late else f"ended with code {ended.code}: {ended.last_lines()}"
    answers = dict(map(json.loads, report.read_text().splitlines())) if report.exists() else {}
    for case, folder in folders.items():
        inner = folder.joinpath(*DEPTH, "case")
        strays = [
            path for path in folder.rglob("*") if path not in (inner, *inner.parents) and inner not in path.parents
        ]
        if strays:
            stray = f"wrote outside its folder: {strays[0].relative_to(folder)}"
            answers[case] = {"seconds": 0, "megabytes": 0, **answers.get(case, {})}
            answers[case] |= {"outcome": "failure", "message": stray}
        shutil.rmtree(folder, ignore_errors=True)
    for path in (report, output):
        path.unlink(missing_ok=True)
    return answers, message


def make_case(folder: pathlib.Path, name: str, target: Target, seed: int, case: int) -> pathlib.Path:
    """Makes a file in an empty folder and mutates it; returns its path. Arguments as of `read_case`."""
    path = target.make(folder)
    target.mutate(path, random.Random(f"{name} {seed} {case}"))
    return path


class Outside:
    """Observer of the files that this process changes outside a folder."""

    def __init__(self):
        self.prefix, self.seen = None, []
        observe(self._note)

    def begin(self, folder: pathlib.Path) -> None:
        """Observes from now on."""
        self.prefix, self.seen = f"{folder.resolve()}/", []

    def end(self) -> list[str]:
        """Stops observing; returns the changes."""
        self.prefix = None
        return self.seen

    def _note(self, operation, path):
        # resolved by text: names of files are read here while a reader may be damaging them
        prefix = self.prefix
        if prefix and not path.startswith((prefix, *ALLOWED)) and path != prefix.rstrip("/"):
            self.seen.append(f"{operation} {path}"[:200])


def read_limited(target, path):
    """Reads a file within limits of memory and time above those of the process so far, and judges the outcome."""
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak of memory becomes its current use
    size = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    for kind, limit in (
        (resource.RLIMIT_AS, size + MEMORY),
        (resource.RLIMIT_CPU, int(start + SECONDS) + 3),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))
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
    """Reads the files of a range of cases, as `read_case` does, but in one process, which takes a third of the time.

    A case without an answer, because an earlier one ended the process, is read in a process of its own.
    """
    for module in target.modules:
        importlib.import_module(module)
    answers, _ = read_together(work, name, target, seed, cases)
    return [
        describe_answer(name, seed, case, answers[case])
        if case in answers
        else read_case(work, name, target, seed, case)
        for case in cases
    ]


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
            cases = range(first, min(each, first + CASES_OF_A_CALL))
            if target.modules:  # imported once
                cases = range(each) if not first else ()
            if cases:
                yield read_cases, (work, name, target, seed, cases)


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
