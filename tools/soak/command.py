"""Soak test: trainings killed and resumed, mutated files, injected failures; figures as JSON.

    python tools/soak.py --minutes 20 --parts kills fuzz
    python tools/soak.py --parts fuzz --minutes 5 --continue_run
    python tools/soak.py --repeat png:3:17

Trains the tiny networks of the tests, in processes forked from one that has imported TensorFlow. Linux only.
"""

import contextlib
import importlib.metadata
import os
import pathlib
import platform
import shutil
import sys
import tempfile
import time
from types import ModuleType
from typing import NamedTuple

from tools.soak import child, cluster, faults, fuzz, kills, resume
from tools.soak.journal import Journal
from tools.soak.pool import run_calls
from tools.soak.records import DETAILS, add_record
from tools.soak.settings import DATASET, make_dataset
from utils.benchmark.timing import cpu_cores, cpu_name
from utils.cli import Parser
from utils.cli.types import nonnegative_int, positive_float, positive_int
from utils.errors import UsageError, report_errors
from utils.files import make_folder, write_json


class Part(NamedTuple):
    """A part of the soak test: its module, and its share of the time."""

    module: ModuleType
    share: float


PARTS = {"fuzz": Part(fuzz, 3.0), "kills": Part(kills, 5.0), "faults": Part(faults, 2.0), "resume": Part(resume, 2.0)}
PARTS["cluster"] = Part(cluster, 5.0)  # with JAX, and on request
SHOWN = 40  # problems that are printed
WIDTH = 400  # characters of a line


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/soak.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=list(PARTS),
        default=[name for name in PARTS if name != "cluster"],
        metavar="NAME",
        help=f"any of {', '.join(PARTS)}; default: all but cluster",
    )
    parser.add_argument(
        "--minutes", type=positive_float, default=20.0, metavar="N", help="time for all parts in this run"
    )
    parser.add_argument("--kills", type=positive_int, default=100, metavar="N", help="kills after which a part ends")
    parser.add_argument("--files", type=positive_int, default=10_000, metavar="N", help="number of mutated files")
    parser.add_argument("--jobs", type=positive_int, metavar="N", help="processes at once; default: one for each core")
    parser.add_argument("--seed", type=nonnegative_int, default=0, metavar="N", help="random seed")
    parser.add_argument("--output_dir", default="soak", metavar="FOLDER", help="folder for soak.json; default: soak")
    parser.add_argument(
        "--continue_run", action="store_true", help="add to what the last run with this seed and --output_dir did"
    )
    parser.add_argument("--repeat", metavar="TARGET:SEED:NUMBER", help="read one mutated file again, without limits")
    parser.add_argument("--record", action="store_true", help="also add the figures to tools/results/soak.json")
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    if not sys.platform.startswith("linux"):
        raise UsageError("the soak test needs Linux: it forks processes and limits their memory")
    if args.repeat:
        return repeat(args.repeat)
    path = make_folder(args.output_dir) / "soak.json"
    load = round(os.getloadavg()[0], 1)  # of other programs, before the test
    summary = {"command": describe_command(args), "machine": describe_machine(), "load": load, "parts": {}}
    print(f"{summary['machine']}; load {load}")
    parts = [name for name in PARTS if name in args.parts]
    unit = 60 * args.minutes / sum(PARTS[name].share for name in parts)
    for name in parts:
        summary["parts"][name] = run_part(name, args, unit * PARTS[name].share)
        write_json(path, summary)  # after each part: the next may be interrupted
    print(f"Figures and all problems: {path}")
    if args.record:
        add_record(summary)
    return int(any(part["problems"] for part in summary["parts"].values()))


def run_part(name, args, seconds):
    """Runs a part for a time and prints its figures; returns them with its problems, a dict."""
    part, work, start = PARTS[name].module, pathlib.Path(tempfile.mkdtemp(prefix=f"soak_{name}_")), time.monotonic()
    if name == "fuzz":
        calls = fuzz.plan(work, fuzz.find_targets(), args.seed, args.files)
    else:
        child.import_training(work / "compiled")  # not before: processes of fuzzing are smaller and faster without it
        child.Process(lambda: make_dataset(work), work / "dataset.txt").end(child.LIMIT)
        calls = part.plan(work, work / DATASET, args.seed)
    journal = Journal(pathlib.Path(args.output_dir) / f"{name}_{args.seed}.jsonl", args.continue_run)
    problems = list_problems(journal.results)
    known = len(problems)

    def is_over():
        enough = name in ("kills", "cluster") and sum(len(result["kills"]) for result in journal.results) >= args.kills
        return enough or time.monotonic() > start + seconds

    for number, answer in run_calls(calls, args.jobs or cpu_cores(), is_over, work, journal.done):
        journal.add(number, answer, time.monotonic() - start)
        found = list_problems(answer)
        for line in found[: max(0, SHOWN - len(problems))]:
            print(f"  {name}: {line}"[:WIDTH], flush=True)
        problems += found
    numbers = {**part.figures(journal.results), "minutes": round(journal.seconds / 60, 1)}
    numbers |= {"runs": journal.runs} if journal.runs > 1 else {}
    print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in numbers.items() if key not in DETAILS))
    if len(problems) > known and name != "fuzz":
        print(f"  the files of these trainings are in {work}")
    else:
        shutil.rmtree(work)
    return {**numbers, "problems": problems}


def list_problems(results):
    """Returns a line for each problem, with the name of its result."""
    return [f"{result['name']}: {line}" for result in results for line in result["problems"]]


def describe_command(args):
    """Returns the command line that repeats a run."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    words = [f"KERAS_BACKEND={backend}"] if backend != "tensorflow" else []
    words += ["python", "tools/soak.py", "--parts", *args.parts, "--seed", str(args.seed)]
    words += ["--continue_run"] if args.continue_run else ["--minutes", f"{args.minutes:g}"]
    return " ".join(words + (["--jobs", str(args.jobs)] if args.jobs else []))


def describe_machine():
    """Describes processor, Python and packages."""
    packages = ", ".join(f"{name} {value}" for name, value in installed_versions().items())
    return f"{cpu_cores()} cores, {cpu_name()}; {packages}"


def installed_versions():
    """Returns the versions of Python, Keras and its backend, which need not be imported."""
    names = ("numpy", "opencv-python-headless", "keras", os.environ.get("KERAS_BACKEND", "tensorflow"))
    found = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return {"python": platform.python_version(), **found}


def repeat(text):
    """Reads one mutated file again, without limits, so that its traceback is shown; returns the exit code."""
    targets = fuzz.find_targets()
    name, seed, case = text.rsplit(":", 2) if text.count(":") > 1 else ("", "", "")
    if name not in targets or not (seed + case).isdecimal():
        raise UsageError(f"--repeat {text} is not TARGET:SEED:NUMBER with a target of {', '.join(targets)}")
    path = fuzz.make_case(pathlib.Path(tempfile.mkdtemp(prefix="soak_")), name, targets[name], int(seed), int(case))
    print(f"{path} is read")
    result = targets[name].read(path)
    print(f"result: {result!r:.500}")
    return 0
