"""Trains, tests and predicts with every network, at about the same small computation, and compares the scores.

    python tools/compare_models.py

The baseline predicts the most frequent class of each pixel position, without looking at the image. Results are added to
a JSON file one by one, so that `--models` can repeat single networks. `tools/make_tables.py` makes a table of them.
"""

import concurrent.futures
import csv
import json
import pathlib
import shutil
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from models import MODELS
from tools import ROOT, run_command
from utils.benchmark.timing import cpu_cores
from utils.cli import Parser
from utils.cli.types import positive_float, positive_int
from utils.errors import RunError, report_errors
from utils.files import make_folder, write_json

RESULTS = ROOT / "tools" / "results" / "streets.json"
# Training from scratch, on small crops, with a small frontend.
FLAGS = {
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
# Whole images: DDSC's decoder pools over 17 pixels at stride 32; without skips, the borders of the image carry most of
# the information on positions.
WHOLE_IMAGES = {"crop_height": 192, "crop_width": 256}
EXCEPTIONS = {
    "DDSC": {**WHOLE_IMAGES, "batch_size": 2},
    "Encoder-Decoder": {**WHOLE_IMAGES, "batch_size": 1},
    "MobileUNet": {**WHOLE_IMAGES, "batch_size": 1},
}
# Steps of an epoch: a small network would make thousands with the same computation, a large one hardly any.
FEWEST_STEPS, MOST_STEPS = 20, 100
# Networks that are close to the baseline after the fewest steps.
LONGER = {
    "RefineNet": 60,
    "DDSC": 60,
    "FC-DenseNet56": 60,
    "FC-DenseNet67": 60,
    "FC-DenseNet103": 60,
    "Encoder-Decoder": 200,
    "MobileUNet": 200,
}


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/compare_models.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--models", nargs="+", choices=list(MODELS), default=list(MODELS), metavar="NAME", help="networks; default: all"
    )
    parser.add_argument("--dataset", default="Streets", help="name or path of a dataset; default: Streets")
    parser.add_argument(
        "--teraflops",
        type=positive_float,
        default=6.0,
        help="computation of each training, 10**12 operations; default: 6, minutes on two cores",
    )
    parser.add_argument("--jobs", type=positive_int, default=2, help="parallel trainings; default: 2")
    parser.add_argument("--output_dir", default="comparison", help="folder for checkpoints and images")
    parser.add_argument("--results", default=RESULTS, type=pathlib.Path, help="JSON file to extend")
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    make_folder(args.results.parent)
    results = json.loads(args.results.read_text(encoding="utf-8")) if args.results.exists() else {"models": {}}
    baseline = layout_baseline(args.dataset)
    results.update(flags=FLAGS, exceptions=EXCEPTIONS, longer=LONGER, teraflops=args.teraflops, baseline=baseline)
    print(f"Most frequent class at each pixel position: mean IoU {100 * baseline:.1f} %", flush=True)
    failures = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as executor:
        steps = {name: steps_per_epoch(name, args.teraflops) for name in args.models}
        folder, threads = pathlib.Path(args.output_dir), max(1, cpu_cores() // args.jobs)
        runs = {executor.submit(run, name, args.dataset, steps[name], folder, threads): name for name in args.models}
        for done in concurrent.futures.as_completed(runs):
            name = runs[done]
            try:
                row = results["models"][name] = done.result()
            except RunError as error:
                failures.append(f"{name}: {error}")
                print(f"{name} failed", flush=True)
                continue
            write_json(args.results, results)
            print(
                f"{name}: {row['steps']} steps, loss {row['first_loss']:.2f} -> {row['last_loss']:.2f}, "
                f"mean IoU {100 * row['mean_iou']:.1f} %",
                flush=True,
            )
    if failures:
        raise RunError("; ".join(sorted(failures)))
    return 0


def layout_baseline(dataset):
    """Scores the prediction of the most frequent class of each pixel position.

    Args:
        dataset: name or path; the classes are counted in train, and scored on test.

    Returns:
        Mean IoU, 0..1.
    """
    import numpy as np

    from tools.datasets import find_or_make_dataset
    from utils.data.checks import check_pairs
    from utils.data.folder import list_pairs, read_classes
    from utils.data.labels import read_label
    from utils.metrics import ConfusionMatrix

    folder = find_or_make_dataset(dataset)
    class_dict, training, test = read_classes(folder), list_pairs(folder, "train"), list_pairs(folder, "test")
    check_pairs(training + test, class_dict)  # decides how the labels are read
    labels = [read_label(pair.label, class_dict) for pair in training]
    shape = labels[0].shape
    counts = np.zeros((class_dict.num_classes, *shape), np.int32)
    for label in labels:
        for index in range(class_dict.num_classes):
            counts[index] += resize_nearest(label, shape) == index
    most_frequent = counts.argmax(axis=0).astype(np.uint8)
    confusion = ConfusionMatrix(class_dict.num_classes)
    for pair in test:
        label = read_label(pair.label, class_dict)
        confusion.update(label, resize_nearest(most_frequent, label.shape))
    return confusion.result()["mean_iou"]


def resize_nearest(label, shape):
    """Resizes a label image to a shape `(height, width)` by nearest neighbor."""
    import cv2

    return cv2.resize(label, shape[::-1], interpolation=cv2.INTER_NEAREST)


def run(name, dataset, steps, output_dir, threads=1):
    """Trains, tests and predicts with a network, by the commands.

    Args:
        name: str, a key of `MODELS`.
        dataset: name or path.
        steps: int, of an epoch.
        output_dir: `pathlib.Path`, in which a folder of this network is created.
        threads: int.

    Returns:
        Dict: "steps" of the training, "first_loss" and "last_loss" (mean loss of the logits in the first and in the
        last epoch), "mean_iou" of the test split (0..1).

    Raises:
        RunError: if a command fails.
    """
    from tools.datasets import find_or_make_dataset
    from utils.data.folder import list_pairs

    folder, output = find_or_make_dataset(dataset), output_dir / name
    shutil.rmtree(output, ignore_errors=True)
    # Parallel processes with a thread for every core would slow each other down.
    options = {"quiet": True, "threads": threads}
    common = {"model": name, "dataset": folder, "steps_per_epoch": steps, "output_dir": output}
    run_command("train.py", {**common, **training_flags(name)}, **options)
    checkpoint = next(output.glob("latest_model_*.keras"))
    test = {"checkpoint_path": checkpoint, "output_dir": output / "test", "batch_size": 4}
    run_command("test.py", test, **options)
    image = list_pairs(folder, "test")[0].image
    predict = {"checkpoint_path": checkpoint, "image": image, "output_dir": output}
    run_command("predict.py", predict, "--overlay", **options)
    with next(output.glob("*/log.csv")).open(encoding="utf-8") as file:
        losses = [float(row.get("logits_loss") or row["loss"]) for row in csv.DictReader(file)]
    scores = json.loads((output / "test" / "scores.json").read_text(encoding="utf-8"))
    return {
        "steps": steps * FLAGS["num_epochs"],
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "mean_iou": scores["mean_iou"],
    }


def training_flags(name):
    """Returns the flags of a network's training."""
    return {**FLAGS, **EXCEPTIONS.get(name, {})}


def steps_per_epoch(name, teraflops):
    """Returns the number of training steps of an epoch for a computation in 10**12 operations.

    A step costs three forward passes, because the backward pass costs about two.
    """
    from utils.backend import import_backend

    import_backend()
    from models import build_model
    from utils.benchmark.complexity import count_flops
    from utils.benchmark.timing import TRAINING_PASSES

    flags = training_flags(name)
    # Counted at four times the size, as some networks cannot be built for a fixed small size.
    size = (4 * flags["crop_height"], 4 * flags["crop_width"], 3)
    flops = count_flops(build_model(name, 12, flags["frontend"], size)) / 16
    steps = round(1e12 * teraflops / (TRAINING_PASSES * flags["batch_size"] * flops) / flags["num_epochs"])
    return max(LONGER.get(name, FEWEST_STEPS), min(MOST_STEPS, steps))


if __name__ == "__main__":
    sys.exit(main())
