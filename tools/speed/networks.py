"""A network beside that of segmentation_models.pytorch, or beside itself in another form: training, prediction, memory
and the start of a program.

Both run at the same time in processes of their own, of which one works while the other waits.
"""

import json
import subprocess
import sys
import tempfile
from typing import NamedTuple

import numpy as np

from tools import ROOT
from tools.speed.timing import Row, is_installed
from utils.benchmark.process import last_error
from utils.benchmark.timing import TRAINING_PASSES
from utils.errors import RunError

STEPS = 2  # of a round
PEER = "segmentation_models.pytorch"
REMEDY = "pip install segmentation-models-pytorch torch torchvision"
KINDS = {  # what a worker measures: in words, its unit, and passes through the network if it is told per GFLOP
    "train": ("training", "s", TRAINING_PASSES),
    "predict": ("prediction", "s", 1),
    "memory": ("memory of training", "MiB", None),
    "cold": ("start to the end of the first step", "CPU s", None),
}


class Pair(NamedTuple):
    """A network of ours and its like: model and frontend, in the words of each."""

    ours: tuple
    theirs: tuple


PAIRS = (
    Pair(("DeepLabV3_plus", "ResNet101"), ("DeepLabV3Plus", "resnet101")),
    Pair(("DeepLabV3_plus", "MobileNetV2"), ("DeepLabV3Plus", "mobilenet_v2")),
    Pair(("UNet-Frontend", "MobileNetV2"), ("Unet", "mobilenet_v2")),
)
LARGE = {"model": "FC-DenseNet103", "size": 256, "num_classes": 12, "batch_size": 1}  # whose features take the memory


def networks(size, num_classes, rounds):
    """Measures all `PAIRS`.

    Args:
        size: int, side of the image in pixels; one image at a time.
        num_classes: int.
        rounds: int.

    Returns:
        List of `Row`.
    """
    common = {"size": size, "num_classes": num_classes, "batch_size": 1}
    return [row for pair in PAIRS for row in contest(pair, common, rounds)]


def contest(pair, common, rounds):
    """Lets both networks of a pair take turns.

    Args:
        pair: `Pair`.
        common: dict, the settings of both.
        rounds: int.

    Returns:
        List of `Row`: what a step and a prediction take for each 10**9 operations, as the two networks do not have
        equally many; the process's memory after training; the start up to the end of the first training step.
    """
    names = [" on ".join(pair.ours), f"{PEER}, {' on '.join(pair.theirs)}"]
    settings = [{"model": model, "frontend": frontend, **common} for model, frontend in pair]
    kinds = ["ours", "torch"] if is_installed("torch", "segmentation_models_pytorch") else ["ours"]
    return rows(names, take_turns(list(zip(kinds, settings)), rounds), common["size"])


def recomputation(rounds):
    """Measures training with `--remat` beside training without; a list of two `Row`."""
    ours = "ours", {**LARGE, "remat": True}
    return training_rows(ours, ("ours", LARGE), " with --remat", "without --remat", rounds)


def normalization(rounds):
    """Measures training of an FC-DenseNet beside the original suite's; a list of two `Row`."""
    return training_rows(
        ("ours", LARGE), ("suite_densenet", LARGE), "", "every layer normalizes all features, as the original", rounds
    )


def training_rows(ours, theirs, how, yardstick, rounds):
    """Measures training of `LARGE` in two ways.

    Args:
        ours, theirs: `(kind, settings)`, the arguments of `Worker`.
        how: str, added to what is measured here.
        yardstick: str, what it is compared with.
        rounds: int.

    Returns:
        List of two `Row`: time and memory.
    """
    results = take_turns([ours, theirs], rounds, ("train",))
    name = f"{LARGE['model']} at {LARGE['size']}x{LARGE['size']}{how}"
    return [
        Row(f"{title}, {name}", results[0][key], yardstick, results[1][key], "", unit)
        for key, (title, unit, _) in KINDS.items()
        if key in ("train", "memory")
    ]


def take_turns(contestants, rounds, works=("train", "predict")):
    """Measures networks that work in turns, each in a process of its own.

    Args:
        contestants: list of `(kind, settings)`, the arguments of `Worker`.
        rounds: int.
        works: of "train" and "predict"; "train" first.

    Returns:
        List of dicts: for each of `works` the median seconds, "memory" in MiB after training, "cold" in CPU seconds up
        to the end of the first step, "gflops" of a forward pass.
    """
    workers, results = [], []
    try:
        for contestant in contestants:
            workers.append(Worker(*contestant))
            results.append({"cold": workers[-1].read()})
        for what in works:
            for worker in workers:
                worker.ask(f"{what} {1 + STEPS}")  # warms up
            turns = [[np.mean(worker.ask(f"{what} {STEPS}")) for worker in workers] for _ in range(rounds)]
            for result, seconds in zip(results, np.median(turns, axis=0).tolist()):
                result[what] = seconds
            if what == "train":
                for worker, result in zip(workers, results):
                    result["memory"] = worker.ask("memory")
        for worker, result in zip(workers, results):
            result["gflops"] = worker.ask("gflops")
    finally:
        for worker in workers:
            worker.stop()
    return results


def rows(names, results, size):
    """The lines of the table; without a second result, with the remedy in its place."""
    lines = []
    for key, (title, unit, passes) in KINDS.items():
        title += f" at {size}x{size}, per GFLOP" if passes else ""
        values = [result[key] / (passes * result["gflops"] if passes else 1) for result in results]
        theirs = values[1] if len(values) > 1 else None
        lines.append(Row(f"{title}, {names[0]}", values[0], names[1], theirs, REMEDY, unit))
    return lines


class Worker:
    """A running `worker.py`.

    Args:
        kind: "ours", "suite_densenet" or "torch".
        settings: dict.
    """

    def __init__(self, kind, settings):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tools.speed.worker", kind, json.dumps(settings)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def ask(self, line):
        """Sends a line and returns the answer."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.read()

    def read(self):
        """The next answer."""
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise RunError(f"{' '.join(map(str, self.process.args[1:]))} failed: {last_error(self.errors.read())}")
        return json.loads(line)

    def stop(self):
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait()
        self.errors.close()
