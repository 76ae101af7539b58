"""Compares train.py's defaults, the best recorded flags and `--recipe auto` at equal minutes, on several datasets.

    python tools/compare_recipes.py --minutes 3 --frontend_weights mobilenet_1_0_224_tf_no_top.h5

Every training ends after the same time, loading included; the last checkpoint is tested. Results are added to a JSON
file one by one: the same command continues after an interruption. `tools/make_tables.py` makes a table of them.
"""

import json
import pathlib
import shutil
import sys
import time

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools import ROOT, convert_dataset, run_command, split_dataset
from tools.results.records import training_flags
from utils.benchmark.timing import machine_info
from utils.cli import Parser
from utils.cli.types import positive_float
from utils.errors import RunError, report_errors
from utils.files import make_folder, write_json
from utils.settings import read_checkpoint

RESULTS = ROOT / "tools" / "results" / "recipes.json"
DATASETS = ("CamVid", "CamVidDrives", "Streets", "Cells")
RECIPES = ("defaults", "by hand", "auto")
# By hand: the best recorded experiment of a few minutes; for Cells, which has none, the flags for CamVid on its size.
BY_HAND = {
    "CamVid": "camvid_custom_mobilenet",
    "CamVidDrives": "drives_custom",
    "Streets": "streets_custom",
    "Cells": "camvid_custom_mobilenet",
}
CELLS = {"crop_height": 192, "crop_width": 192, "v_flip": True, "ignore_class": []}
# Of an experiment; the time decides about epochs, and all trainings see their dataset's split val in the same way.
LEFT_OUT = ("dataset", "num_epochs", "workers", "ignore_class", "frontend_weights")
# What a dataset asks for, whatever the recipe.
TASKS = {name: {"ignore_class": ["Unlabelled"]} for name in ("CamVid", "CamVidDrives")}
SPLITS = {"CamVidDrives": "val"}  # that is tested; else "test". It has no split test
DRIVES = ["--group", "^([^_]+)_", "--fractions", "0.83,0.17,0"]


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/compare_recipes.py", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=positive_float, default=3.0, help="of each training; default: 3")
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=list(DATASETS), help="default: all four")
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES), help="default: all three")
    parser.add_argument("--camvid", default="CamVid", help="name or path of CamVid; default: CamVid")
    parser.add_argument("--frontend_weights", help="path of MobileNet's ImageNet weights, if they cannot be downloaded")
    parser.add_argument("--output_dir", default="recipes", help="folder for datasets, checkpoints and scores")
    parser.add_argument("--results", default=RESULTS, type=pathlib.Path, help="JSON file to extend")
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    output = make_folder(args.output_dir)
    make_folder(args.results.parent)
    results = json.loads(args.results.read_text(encoding="utf-8")) if args.results.exists() else {}
    if results.get("minutes") != args.minutes:  # scores after another time are of no use
        results = {"minutes": args.minutes, "scores": {}}
    results["machine"] = "{cpu}, {cores} cores".format_map(machine_info())
    failures = []
    for dataset in args.datasets:
        folder = find_dataset(dataset, args.camvid, output)
        for recipe in args.recipes:
            scores = results["scores"].setdefault(dataset, {})
            if recipe not in scores:
                try:
                    scores[recipe] = run(dataset, folder, recipe, args.minutes, args.frontend_weights, output)
                except RunError as error:
                    failures.append(f"{dataset}, {recipe}: {error}")
                    print(failures[-1], flush=True)
                    continue
                write_json(args.results, results)
            print(describe(dataset, recipe, scores[recipe]), flush=True)
    print(conclude(results["scores"]))
    if failures:
        raise RunError(f"{len(failures)} trainings failed; the same command tries them again")
    return 0


def find_dataset(name: str, camvid: str, output: pathlib.Path) -> pathlib.Path:
    """Returns the folder of a dataset; if necessary it splits CamVid by drives, draws Streets, or converts Cells."""
    from tools.datasets import find_or_make_dataset
    from tools.datasets.cells import draw_cells

    if name == "CamVid":
        return find_or_make_dataset(camvid)
    if name == "Streets":
        return find_or_make_dataset(name)
    folder = output / "datasets" / name
    if folder.exists():
        return folder
    make_folder(folder.parent)
    if name == "CamVidDrives":
        source = find_or_make_dataset(camvid)
        words = ["--images", source / "train", "--labels", source / "train_labels"]
        words += ["--class_dict", source / "class_dict.csv", *DRIVES, "--target", folder]
        code = split_dataset.main([str(word) for word in words])
    else:
        source = draw_cells(output / "datasets" / "cells_source")
        words = ["--format", "folder", "--source", source, "--classes", source / "classes.txt"]
        words += ["--fractions", "0.7,0.1,0.2", "--target", folder]
        code = convert_dataset.main([str(word) for word in words])
    if code:
        raise RunError(f"{name} could not be made")
    return folder


def recipe_flags(dataset: str, recipe: str, frontend_weights: str | None) -> dict:
    """Returns the flags of train.py for a recipe, without dataset, length and folder.

    Args:
        dataset: a key of `BY_HAND`.
        recipe: one of `RECIPES`.
        frontend_weights: path of MobileNet's weights, or None.
    """
    task, weights = TASKS.get(dataset, {}), {"frontend_weights": frontend_weights} if frontend_weights else {}
    if recipe == "defaults":
        return task
    if recipe == "auto":
        return {"recipe": "auto", **weights, **task}
    experiment = training_flags(BY_HAND[dataset])
    flags = {name: value for name, value in experiment.items() if name not in LEFT_OUT}
    flags["frontend_weights"] = experiment["frontend_weights"]
    if experiment["frontend_weights"] == "imagenet":
        flags |= weights
    changes = {name: value for name, value in CELLS.items() if value != []} if dataset == "Cells" else {}
    return {**flags, **changes, **task}


def run(dataset, folder, recipe, minutes, frontend_weights, output):
    """Trains and tests with a recipe.

    Args:
        dataset: str, name.
        folder: `pathlib.Path` of the dataset.
        recipe: one of `RECIPES`.
        minutes: float, of the training.
        frontend_weights: as in `recipe_flags`.
        output: `pathlib.Path`, in which a folder of this training is created.

    Returns:
        Dict: "mean_iou" and "global_accuracy" of the test (0..1), "seconds" of the command, "epochs", "flags" that
        were trained with, and with "auto" their "reasons".

    Raises:
        RunError: if a command fails.
    """
    target = output / f"{dataset}_{recipe.replace(' ', '_')}"
    shutil.rmtree(target, ignore_errors=True)  # of an interrupted training
    flags = {**recipe_flags(dataset, recipe, frontend_weights), "dataset": folder, "minutes": minutes}
    start = time.perf_counter()
    run_command("train.py", {**flags, "output_dir": target}, quiet=True)
    seconds = time.perf_counter() - start
    checkpoint = next(target.glob("latest_model_*.keras"))
    test = {"checkpoint_path": checkpoint, "dataset": folder, "split": SPLITS.get(dataset, "test")}
    run_command("test.py", {**test, "batch_size": 4, "output_dir": target / "test"}, quiet=True)
    scores = json.loads((target / "test" / "scores.json").read_text(encoding="utf-8"))
    settings, state = read_checkpoint(checkpoint)
    reasons = settings.get("reasons", [])
    if frontend_weights:  # the record names no folder of this machine
        reasons = [reason.replace(frontend_weights, pathlib.Path(frontend_weights).name) for reason in reasons]
    names = ("model", "frontend", "batch_size", "crop_height", "crop_width", "learning_rate", "loss", "mixed_precision")
    return {
        **{name: round(scores[name], 5) for name in ("mean_iou", "global_accuracy")},
        **{"seconds": round(seconds, 1), "epochs": len(state["log"])},
        "flags": {name: settings[name] for name in names},
        **({"reasons": reasons} if reasons else {}),
    }


def describe(dataset: str, recipe: str, result: dict) -> str:
    """Describes a result in one line."""
    flags = result["flags"]
    return (
        f"{dataset}, {recipe}: mean IoU {100 * result['mean_iou']:.2f} %, {flags['model']}, "
        f"{flags['crop_height']}x{flags['crop_width']}, batch {flags['batch_size']}, {result['epochs']} epochs in "
        f"{result['seconds']:.0f} s"
    )


def conclude(scores: dict) -> str:
    """Says on how many datasets auto is ahead of the defaults, and at least as good as the flags by hand."""
    complete = [row for row in scores.values() if len(row) == len(RECIPES)]
    default, by_hand = (
        sum(row["auto"]["mean_iou"] >= row[other]["mean_iou"] for row in complete) for other in RECIPES[:2]
    )
    return (
        f"auto is at least as good as the defaults on {default}, as the flags by hand on {by_hand} of {len(complete)}"
    )


def recipes_table() -> str:
    """A row per dataset: mean IoU after the defaults, the flags by hand and auto."""
    header = "| dataset | defaults | by hand | `--recipe auto` | network and crop of auto |\n|---|---|---|---|---|"
    if not RESULTS.is_file():
        return f"{header}\n| *not recorded* |  |  |  |  |"
    lines = [header]
    for dataset, row in json.loads(RESULTS.read_text(encoding="utf-8"))["scores"].items():
        cells = [f"{100 * row[recipe]['mean_iou']:.1f}" if recipe in row else "-" for recipe in RECIPES]
        flags = row.get("auto", {}).get("flags")
        chosen = (
            "{model} on {frontend}, {crop_height}x{crop_width}, batch {batch_size}".format_map(flags) if flags else "-"
        )
        lines.append(f"| {dataset} | {' | '.join(cells)} | {chosen} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
