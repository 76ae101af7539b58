"""Benchmark cases of networks: training, prediction, memory and start, compared with segmentation_models.pytorch.

Both networks run in processes of their own, which work in turns.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from typing import NamedTuple

import numpy as np

from tools import ROOT
from tools.speed.packages import is_installed
from tools.speed.timing import Row
from utils.benchmark.process import last_error
from utils.benchmark.timing import TRAINING_PASSES
from utils.errors import RunError

STEPS = 2  # of a round
DENSE, CROP = "FC-DenseNet103", 160  # network and pixels of the row convolutions
PACKAGE = "segmentation_models.pytorch"
INSTALLATION = "pip install segmentation-models-pytorch torch torchvision"
KINDS = {  # of a measurement: title, unit, and forward passes that it stands for, if it is given per GFLOP
    "train": ("training", "s", TRAINING_PASSES),
    "predict": ("prediction", "s", 1),
    "memory": ("memory of training", "MiB", None),
    "cold": ("start to the end of the first step", "CPU s", None),
}


class NetworkPair(NamedTuple):
    """A network of this suite and its counterpart, each a tuple of model and frontend."""

    suite: tuple[str, str]
    counterpart: tuple[str, str]


PAIRS = (
    NetworkPair(("DeepLabV3_plus", "ResNet101"), ("DeepLabV3Plus", "resnet101")),
    NetworkPair(("DeepLabV3_plus", "MobileNetV2"), ("DeepLabV3Plus", "mobilenet_v2")),
    NetworkPair(("UNet-Frontend", "MobileNetV2"), ("Unet", "mobilenet_v2")),
)


def networks(size: int, num_classes: int, rounds: int) -> list[Row]:
    """Measures all `PAIRS`, one image at a time.

    Args:
        size: side of the image in pixels.
        num_classes: number of classes.
        rounds: number of measurements.
    """
    common = {"size": size, "num_classes": num_classes, "batch_size": 1}
    return [row for pair in PAIRS for row in compare_pair(pair, common, rounds)]


def convolutions(num_classes: int, rounds: int) -> list[Row]:
    """Measures a training step of `DENSE` with the convolutions of `models.narrow_conv` and with those of Keras.

    Args:
        num_classes: number of classes.
        rounds: number of measurements.
    """
    common = {"model": DENSE, "size": CROP, "num_classes": num_classes, "batch_size": 1}
    candidates = [("keras", {**common, "keras_convolutions": is_keras}) for is_keras in (False, True)]
    ours, plain = (result["train"] for result in measure_interleaved(candidates, rounds, ["train"]))
    return [Row(f"training step of {DENSE}, crop of {CROP}x{CROP}", ours, "Keras's convolutions", plain)]


def compare_pair(pair, common, rounds):
    """Measures both networks of a pair.

    Args:
        pair: `NetworkPair`.
        common: dict, the settings of both.
        rounds: int.

    Returns:
        List of `Row`: seconds of a training step and of a prediction per 10**9 operations, because the networks differ
        in size; peak memory after training; CPU seconds from the start to the end of the first training step.
    """
    names = [" on ".join(pair.suite), f"{PACKAGE}, {' on '.join(pair.counterpart)}"]
    settings = [{"model": model, "frontend": frontend, **common} for model, frontend in pair]
    kinds = ["keras", "torch"] if is_installed("torch", "segmentation_models_pytorch") else ["keras"]
    return network_rows(names, measure_interleaved(list(zip(kinds, settings)), rounds), common["size"])


def measure_interleaved(candidates, rounds, kinds=("train", "predict")):
    """Measures networks in turns.

    Args:
        candidates: list of `(kind, settings)`, the arguments of `Worker`.
        rounds: int.
        kinds: what to time.

    Returns:
        List of dicts: median seconds of the kinds, "memory" in MiB after training, "cold" in CPU seconds to
        the end of the first step, "gflops" of a forward pass.
    """
    with contextlib.ExitStack() as stack:
        workers, results = [], []
        for candidate in candidates:
            workers.append(stack.enter_context(contextlib.closing(Worker(*candidate))))
            results.append({"cold": workers[-1].read()})  # before the next one starts
        for kind in kinds:
            for worker in workers:
                worker.ask(f"{kind} {1 + STEPS}")  # warm-up
            turns = [[np.mean(worker.ask(f"{kind} {STEPS}")) for worker in workers] for _ in range(rounds)]
            for result, seconds in zip(results, np.median(turns, axis=0).tolist()):
                result[kind] = seconds
            if kind == "train":
                for worker, result in zip(workers, results):
                    result["memory"] = worker.ask("memory")
        for worker, result in zip(workers, results):
            result["gflops"] = worker.ask("gflops")
    return results


def network_rows(names, results, size):
    """Creates the rows of one or two results of `measure_interleaved`; `names` has two entries, `size` is in pixels."""
    rows = []
    for key, (title, unit, passes) in KINDS.items():
        title += f" at {size}x{size}, per GFLOP" if passes else ""
        values = [result[key] / (passes * result["gflops"] if passes else 1) for result in results]
        baseline = values[1] if len(values) > 1 else None
        rows.append(Row(f"{title}, {names[0]}", values[0], names[1], baseline, INSTALLATION, unit))
    return rows


class Worker:
    """A running process of `tools.speed.worker`.

    Args:
        kind: "keras" or "torch".
        settings: dict.
    """

    def __init__(self, kind, settings):
        with contextlib.ExitStack() as stack:
            self.errors = stack.enter_context(tempfile.TemporaryFile("w+"))
            self.process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tools.speed.worker", kind, json.dumps(settings)],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self.errors,
                    text=True,
                )
            )
            self.close = stack.pop_all().close  # closes standard input, which ends the process, and waits for it

    def ask(self, line):
        """Sends a line and returns the answer."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.read()

    def read(self):
        """Reads the next answer; raises RunError if the process has ended."""
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise RunError(f"{' '.join(map(str, self.process.args[1:]))} failed: {last_error(self.errors.read())}")
        return json.loads(line)
