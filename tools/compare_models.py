"""Trains, tests and predicts with every network, each with about the same little computation, and compares them.

    python tools/compare_models.py

A network has learned something if it beats the map of each pixel position's commonest class, which knows the layout of
the scenes and nothing of the image. Results are added to a JSON file as they come, so that single networks can be done
again with `--models`; `tools/make_tables.py` makes the README's table of it.
"""

import concurrent.futures
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from models import MODELS
from tools import ROOT
from utils.benchmark.timing import cpu_cores
from utils.cli import Parser
from utils.errors import RunError, report_errors

RESULTS = ROOT / "tools" / "results" / "streets.json"
# From scratch, on small crops, with a small frontend.
RECIPE = {
    "frontend": "MobileNet",
    "frontend_weights": "none",
    "crop_height": 96,
    "crop_width": 128,
    "batch_size": 4,
    "h_flip": True,
    "num_epochs": 4,
    "validation_step": 4,
    "num_val_images": 5,
    "optimizer": "adamw",
    "learning_rate": 0.001,
    "schedule": "poly",
}
# Whole images: DDSC's decoder pools over 17 pixels of stride 32, and without skips the borders of the image tell most
# about where things are.
WHOLE_IMAGES = {"crop_height": 192, "crop_width": 256}
EXCEPTIONS = {
    "DDSC": {**WHOLE_IMAGES, "batch_size": 2},
    "Encoder-Decoder": {**WHOLE_IMAGES, "batch_size": 1},
    "MobileUNet": {**WHOLE_IMAGES, "batch_size": 1},
}
# Steps of an epoch: a small network would do thousands for the same computation, a large one hardly any.
FEWEST_STEPS, MOST_STEPS = 20, 100
# Those that are hardly better than the baseline after so few get more.
LONGER = {"RefineNet": 60, "DDSC": 60, "FC-DenseNet56": 60, "FC-DenseNet67": 60, "FC-DenseNet103": 60,
          "Encoder-Decoder": 200, "MobileUNet": 200}  # fmt: skip


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    parser = Parser(prog="tools/compare_models.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--models", nargs="+", choices=list(MODELS), default=list(MODELS), metavar="NAME", help="networks; default: all"
    )
    parser.add_argument("--dataset", default="Streets", help="a name or a path; default: Streets")
    parser.add_argument(
        "--teraflops",
        type=float,
        default=6.0,
        help="computation of each training, 10**12 operations; default: 6, minutes on two cores",
    )
    parser.add_argument("--jobs", type=int, default=2, help="networks at once, which share the cores; default: 2")
    parser.add_argument("--output_dir", default="comparison", help="folder for checkpoints and pictures")
    parser.add_argument("--results", default=RESULTS, type=pathlib.Path, help="the JSON file to add to")
    args = parser.parse_args(argv)
    from utils.files import make_folder, write_json

    make_folder(args.results.parent)
    results = json.loads(args.results.read_text(encoding="utf-8")) if args.results.exists() else {"models": {}}
    baseline = layout_baseline(args.dataset)
    results.update(recipe=RECIPE, exceptions=EXCEPTIONS, longer=LONGER, teraflops=args.teraflops, baseline=baseline)
    print(f"Each position's commonest class: mean IoU {100 * results['baseline']:.1f} %", flush=True)
    failed = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as executor:
        output_dir = pathlib.Path(args.output_dir)
        steps = {name: steps_per_epoch(name, args.teraflops) for name in args.models}
        more = output_dir, max(1, cpu_cores() // args.jobs)
        runs = {executor.submit(run, name, args.dataset, steps[name], *more): name for name in args.models}
        for done in concurrent.futures.as_completed(runs):
            name = runs[done]
            try:
                row = results["models"][name] = done.result()
            except subprocess.CalledProcessError as error:
                failed.append(f"{name}: {' '.join(error.stderr.strip().splitlines()[-1:])}")
                print(f"{name} failed", flush=True)
                continue
            write_json(args.results, results)
            print(
                f"{name}: {row['steps']} steps, loss {row['first_loss']:.2f} -> {row['last_loss']:.2f}, "
                f"mean IoU {100 * row['mean_iou']:.1f} %",
                flush=True,
            )
    if failed:
        raise RunError("; ".join(sorted(failed)))
    return 0


def layout_baseline(dataset):
    """Mean IoU, 0..1, on the test split, of always predicting each pixel position's commonest class."""
    import numpy as np

    from tools.datasets.builtin import find_or_make_dataset
    from utils.data.folder import list_pairs, read_classes
    from utils.data.labels import read_label
    from utils.metrics import ConfusionMatrix

    folder = find_or_make_dataset(dataset)
    class_dict = read_classes(folder, [])
    labels = [read_label(pair.label, class_dict) for pair in list_pairs(folder, "train")]
    shape = labels[0].shape
    counts = np.zeros((class_dict.num_classes, *shape), np.int32)
    for label in labels:
        for index in range(class_dict.num_classes):
            counts[index] += resized(label, shape) == index
    commonest = counts.argmax(axis=0).astype(np.uint8)
    confusion = ConfusionMatrix(class_dict.num_classes)
    for pair in list_pairs(folder, "test"):
        label = read_label(pair.label, class_dict)
        confusion.update(label, resized(commonest, label.shape))
    return confusion.result()["mean_iou"]


def resized(label, shape):
    """A label image brought to another shape by nearest neighbor."""
    import cv2

    return cv2.resize(label, shape[::-1], interpolation=cv2.INTER_NEAREST)


def run(name, dataset, steps, output_dir, threads=1):
    """Trains, tests and predicts from the command line.

    Args:
        name: str, a key of `MODELS`.
        dataset: name or path.
        steps: int, of an epoch.
        output_dir: `pathlib.Path` of the folder for a folder of this network.
        threads: int, how many to compute on.

    Returns:
        Dict: "steps" of the training, "first_loss" and "last_loss" (the first and last epoch's mean loss of the
        network's own logits), "mean_iou" of the test split (0..1).

    Raises:
        subprocess.CalledProcessError: if a command fails.
    """
    from tools.datasets.builtin import find_or_make_dataset
    from utils.data.folder import list_pairs

    folder, output = find_or_make_dataset(dataset), output_dir / name
    shutil.rmtree(output, ignore_errors=True)
    flags = [f"--{flag}={value}" for flag, value in recipe_of(name).items()]
    call(
        threads,
        "train.py",
        f"--model={name}",
        f"--dataset={folder}",
        f"--steps_per_epoch={steps}",
        f"--output_dir={output}",
        *flags,
    )
    checkpoint = next(output.glob("latest_model_*.keras"))
    call(threads, "test.py", f"--checkpoint_path={checkpoint}", f"--output_dir={output / 'test'}", "--batch_size=4")
    image = list_pairs(folder, "test")[0].image
    call(
        threads,
        "predict.py",
        f"--checkpoint_path={checkpoint}",
        f"--image={image}",
        f"--output_dir={output}",
        "--overlay",
    )
    with next(output.glob("*/log.csv")).open(encoding="utf-8") as file:
        losses = [float(row.get("logits_loss") or row["loss"]) for row in csv.DictReader(file)]
    scores = json.loads((output / "test" / "scores.json").read_text(encoding="utf-8"))
    return {
        "steps": steps * RECIPE["num_epochs"],
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "mean_iou": scores["mean_iou"],
    }


def recipe_of(name):
    """The flags of this network's training, a dict."""
    return {**RECIPE, **EXCEPTIONS.get(name, {})}


def steps_per_epoch(name, teraflops):
    """How many training steps an epoch may have; a step costs three passes: forward, and backward about twice that."""
    from utils.backend import import_backend

    import_backend()
    from models import build_model
    from utils.benchmark.complexity import count_flops

    recipe = recipe_of(name)
    # Counted at four times the size, as not every network can be built for one that is both fixed and small.
    size = (4 * recipe["crop_height"], 4 * recipe["crop_width"], 3)
    step = 3 * recipe["batch_size"] * count_flops(build_model(name, 12, recipe["frontend"], size)) / 16
    steps = round(1e12 * teraflops / step / recipe["num_epochs"])
    return max(LONGER.get(name, FEWEST_STEPS), min(MOST_STEPS, steps))


def call(threads, verb, *flags):
    """Runs one of the programs on so many threads; its output is seen only if it fails."""
    # Programs side by side that each use every core wait for one another more than they work.
    settings = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), str(threads))
    command = [sys.executable, ROOT / verb, *flags]
    subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **settings})


if __name__ == "__main__":
    sys.exit(main())
