"""Time of a training step in several processes, against one process with the same processor cores (JAX).

    python tools/time_processes.py --processes 2 train.py --dataset Streets --model custom --frontend MobileNetV3Small

The flags behind train.py are those of the training. All processes share all cores: bound to one core each, the threads
of a process that send, receive and compute wait for each other.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

import numpy as np

from tools import ROOT
from tools.launch_local import split_command
from utils.benchmark.timing import cpu_cores, cpu_name
from utils.cli import Parser, parse, train_parser
from utils.cli.types import positive_int
from utils.errors import RunError, UsageError, report_errors

WORKER = "from tools.time_processes import measure; measure()"
SKIPPED = 5  # first steps, with compilation


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/time_processes.py", description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=positive_int, default=2, metavar="N", help="number of processes")
    parser.add_argument("--rounds", type=positive_int, default=3, metavar="N", help="measurements of each case")
    parser.add_argument("--steps", type=positive_int, default=40, metavar="N", help="steps of a measurement")
    parser.add_argument("command", nargs="*", help="train.py and its flags, behind these flags")
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    own, command = split_command(sys.argv[1:] if argv is None else list(argv))
    args = build_parser().parse_args(own)
    if command[:1] != ["train.py"]:
        raise UsageError("write train.py and the flags of a training behind these flags")
    parse(train_parser(), command[1:])  # errors are told once
    if cpu_cores() < args.processes:
        raise UsageError(f"there are {cpu_cores()} processor cores for {args.processes} processes")
    words = [*command[1:], "--steps_per_epoch", str(args.steps + SKIPPED)]
    found = {}
    with tempfile.TemporaryDirectory() as cache:  # compilation takes minutes, and is the same in all rounds
        for number in range(args.rounds):
            for name, launcher, flags, devices in cases(args.processes):
                numbers = run([*launcher, sys.executable, "-c", WORKER, *words, *flags], devices, cache)
                print(f"Round {number + 1}: {name}, {1000 * numbers['step']:.1f} ms a step", flush=True)
                found.setdefault(name, []).append(numbers)
    print(describe(found))
    print(f"Medians of {args.rounds} rounds of {args.steps} steps, on {cpu_cores()} cores of {cpu_name()}")
    return 0


def cases(processes: int) -> list[tuple]:
    """Lists the compared cases: `(name, words of the launcher, flags of train.py, devices of a process)`."""
    launcher = [sys.executable, "tools/launch_local.py", "--processes", str(processes)]
    return [
        ("one device", [], ["--distribute", "none"], 1),
        (f"{processes} devices of one process", [], ["--distribute", "local"], processes),
        (f"{processes} processes", launcher, ["--distribute", "cluster"], 1),
    ]


def run(command, devices, cache):
    """Runs a measurement and returns its numbers.

    Args:
        command: list of str.
        devices: int, number of JAX's devices in each process.
        cache: path of a folder for what JAX compiles.

    Raises:
        RunError: if it fails.
    """
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)}
    environment["JAX_COMPILATION_CACHE_DIR"] = str(cache)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RunError(f"a measurement failed: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def describe(found: dict[str, list[dict]]) -> str:
    """Formats the medians over the rounds as a table, in milliseconds and relative to one device."""
    lines = ["| | step | relative | processor time | relative | question whether to stop |", f"|{'---|' * 6}"]
    keys, first = ("step", "processor", "asking"), {}
    for name, rounds in found.items():
        medians = {key: float(np.median([numbers[key] for numbers in rounds])) for key in keys}
        first = first or medians
        cells = [f"{1000 * medians[key]:.1f} ms | {medians[key] / first[key]:.2f}" for key in ("step", "processor")]
        lines.append(f"| {name} | {' | '.join(cells)} | {1000 * medians['asking']:.2f} ms |")
    return "\n".join(lines)


def measure() -> None:
    """Trains an epoch in this process, one of those of a launcher if there are several; process 0 prints seconds."""
    settings = vars(parse(train_parser())[0])
    is_cluster = settings["distribute"] == "cluster"
    from tools.datasets.builtin import find_or_make_dataset
    from utils.data.augmentation import Augmentation
    from utils.data.folder import read_classes
    from utils.data.training_data import open_training_data
    from utils.distribution import join_cluster, start_distribution
    from utils.peers import ALONE

    peers = join_cluster() if is_cluster else ALONE
    import keras

    from utils.training.agreement import AgreedStop
    from utils.training.build import build_training_model, output_names
    from utils.training.callbacks import Interruption, StepwiseCallbacks
    from utils.training.step_time import StepTimes

    start_distribution(settings["distribute"], settings["batch_size"], peers)
    folder = find_or_make_dataset(settings["dataset"])
    class_dict = read_classes(folder)
    options = {name: settings[name] for name in ("batch_size", "steps_per_epoch", "cache", "workers")}
    options |= {"outputs": output_names(settings), "peers": peers}
    crop = Augmentation(settings["crop_height"], settings["crop_width"])
    data = open_training_data([folder], class_dict, crop, **options).dataset
    model = build_training_model({**settings, "num_classes": class_dict.num_classes})
    asking, gather, times = [], peers.gather, StepTimes()

    class ProcessorTimes(keras.callbacks.Callback):
        """Records the processor time of this process after each step."""

        def __init__(self):
            super().__init__()
            self.times = []

        def on_train_batch_end(self, batch, logs=None):
            self.times.append(time.process_time())

    def timed_gather(value):
        start = time.perf_counter()
        result = gather(value)
        asking.append((start, time.perf_counter() - start))
        return result

    peers.gather = timed_gather
    usage = ProcessorTimes()
    callbacks = [times, usage] + ([AgreedStop(Interruption(peers), 0.0, 0.0)] if is_cluster else [])
    model.fit(data, shuffle=False, verbose=0, callbacks=StepwiseCallbacks(callbacks, add_history=True, model=model))
    first, last = times.times[SKIPPED - 1], times.times[-1]
    steps = len(times.times) - SKIPPED
    asked = sum(seconds for start, seconds in asking if start > first)
    used = sum(gather(usage.times[-1] - usage.times[SKIPPED - 1]))  # of all processes
    if peers.is_chief:
        print(json.dumps({"step": (last - first) / steps, "processor": used / steps, "asking": asked / steps}))


if __name__ == "__main__":
    sys.exit(main())
