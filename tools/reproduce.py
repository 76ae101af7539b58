"""Trains and tests a network again as a recipe says, and compares the scores with those that were recorded.

    python tools/reproduce.py camvid_custom_mobilenet --frontend_weights mobilenet_1_0_224_tf_no_top.h5

A recipe is a JSON file in tools/results/experiments/: the flags of train.py and test.py, what came of them, on which
machine and in how many minutes, and how far another run may be from it. In place of the flags of train.py there may be
the name of another recipe, whose network is then tested in another way; and "init_from" may name a recipe, whose
network is then trained on. An interrupted training goes on when the command is given again.
"""

import json
import pathlib
import subprocess
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools import ROOT
from utils.cli import Parser
from utils.errors import RunError, UsageError, did_you_mean, report_errors
from utils.settings import read_checkpoint

RECIPES = ROOT / "tools" / "results" / "experiments"
SCORES = ("mean_iou", "global_accuracy")


def build_parser():
    """Flags of this tool."""
    flags = Parser(prog="tools/reproduce.py", description=__doc__.splitlines()[0])
    flags.add_argument("recipe", nargs="?", metavar="NAME", help="a recipe; without: list them")
    flags.add_argument("--dataset", help="name or path of the dataset; default: the recipe's")
    flags.add_argument("--frontend_weights", help="path of the weights, where they cannot be downloaded")
    flags.add_argument("--output_dir", default="reproduced", help="folder for checkpoints, scores and pictures")
    flags.add_argument("--record", action="store_true", help="write what is measured into the recipe")
    return flags


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    if args.recipe is None:
        print("\n".join(f"{name}: {read_recipe(name)['about']}" for name in names()))
        return 0
    recipe, folder = read_recipe(args.recipe), pathlib.Path(args.output_dir)
    places = {"imagenet": args.frontend_weights, training_flags(args.recipe)["dataset"]: args.dataset}
    checkpoint, epochs = trained(args.recipe, folder, places)
    output, dataset = folder / args.recipe / "test", {"dataset": args.dataset} if args.dataset else {}
    call("test.py", {**recipe["test"], **dataset, "checkpoint_path": checkpoint, "output_dir": output})
    result = measured(output, checkpoint, epochs)
    if args.record:
        write_recipe(args.recipe, {**recipe, "result": result})
        print(f"Recorded: {', '.join(f'{name} {100 * result[name]:.2f} %' for name in SCORES)}")
        return 0
    compare(recipe, result)
    return 0


def names():
    """The recipes' names, sorted."""
    return sorted(path.stem for path in RECIPES.glob("*.json"))


def recorded(table):
    """The recipes of a table that have a result, best mean IoU first: a dict from name to recipe.

    Where a recipe names another one's training, it has that one's flags.
    """
    found = {name: read_recipe(name) for name in names()}
    found = {
        name: {**one, "train": training_flags(name)}
        for name, one in found.items()
        if one.get("table") == table and "result" in one
    }
    return dict(sorted(found.items(), key=lambda item: -item[1]["result"]["mean_iou"]))


def read_recipe(name):
    """A recipe: a dict with "about", "train" (flags, or a recipe's name), "test" (flags), "tolerance" (0..1), maybe
    "table" (the README's that shows it), and "result" once it is recorded.

    Raises:
        UsageError: if there is none of that name.
    """
    path = RECIPES / f"{name}.json"
    if not path.is_file():
        known = names()
        raise UsageError(
            f"there is no recipe '{name}'{did_you_mean(name, known)}; they are: {', '.join(known) or 'none'}"
        )
    return json.loads(path.read_text(encoding="utf-8"))


def write_recipe(name, recipe):
    """Writes a recipe."""
    from utils.files import write_json

    write_json(RECIPES / f"{name}.json", recipe)


def trained(name, folder, places):
    """Trains as a recipe says, or goes on, or does nothing if that is done.

    Args:
        name: of the recipe.
        folder: `pathlib.Path` with a folder for each recipe.
        places: dict from a dataset's name, and from "imagenet", to the path that takes its place, or None.

    Returns:
        `(checkpoint, epochs)`: `pathlib.Path`, and the log's rows of all trainings that led to it, a list of dicts.
    """
    flags, earlier = read_recipe(name)["train"], []
    if isinstance(flags, str):
        return trained(flags, folder, places)
    if flags.get("init_from") in names():
        before, earlier = trained(flags["init_from"], folder, places)
        flags = {**flags, "init_from": before}
    output = folder / name
    moved = {key: places.get(flags.get(key)) or flags[key] for key in ("dataset", "frontend_weights") if key in flags}
    call("train.py", {**flags, **moved, "output_dir": output}, "--continue_training")
    (checkpoint,) = output.glob("latest_model_*.keras")
    _, state = read_checkpoint(checkpoint)
    return checkpoint, earlier + state["log"]


def training_flags(name):
    """The flags of train.py that a recipe, or the one it names, ends with."""
    flags = read_recipe(name)["train"]
    return training_flags(flags) if isinstance(flags, str) else flags


def words(flags):
    """Flags as the words of a command line: a list stands as several, a value beside its flag otherwise."""
    found = []
    for flag, value in flags.items():
        found += [f"--{flag}", *map(str, value)] if isinstance(value, list) else [f"--{flag}={value}"]
    return found


def call(verb, flags, *more):
    """Runs one of the programs, which talks to the terminal.

    Raises:
        RunError: if it fails, after what it said itself.
    """
    code = subprocess.run([sys.executable, ROOT / verb, *more, *words(flags)]).returncode
    if code:
        raise RunError(f"{verb} ended with exit code {code}")


def measured(output, checkpoint, epochs):
    """What came of a run.

    Args:
        output: `pathlib.Path` of the test's folder.
        checkpoint: `pathlib.Path`.
        epochs: list of dicts, the log's rows of all trainings that led to it.

    Returns:
        Dict: the scores (0..1), "class_iou" and "class_accuracy" (dicts from name to 0..1), "images" and
        "images_per_second" of the test, "epochs" and "train_minutes" of all trainings, "history" of the last one (dict
        of lists: "loss", "val_mean_iou" with None where nothing was validated), "machine" and "versions".
    """
    from tools.compare_speed import cpu_name
    from utils.benchmark.timing import cpu_cores

    scores = json.loads((output / "scores.json").read_text(encoding="utf-8"))
    settings, state = read_checkpoint(checkpoint)
    return {
        **{name: round(scores[name], 5) for name in SCORES},
        **{
            key: {name: rounded(value) for name, value in scores[key].items()}
            for key in ("class_iou", "class_accuracy")
        },
        "images": scores["images"],
        "images_per_second": round(scores["images_per_second"] or 0, 2),
        "epochs": len(epochs),
        "history": {key: [rounded(row.get(key)) for row in state["log"]] for key in ("loss", "val_mean_iou")},
        "train_minutes": round(sum(row["seconds"] for row in epochs) / 60, 1),
        "machine": f"{cpu_name()}, {cpu_cores()} cores",
        "versions": settings["versions"],
    }


def rounded(number):
    """A number with four digits behind the point, or None."""
    return None if number is None else round(number, 4)


def compare(recipe, result):
    """Prints the recorded scores beside the measured ones.

    Raises:
        RunError: if one is below the recorded one by more than the recipe's tolerance.
    """
    recorded, worse = recipe.get("result"), []
    for name in SCORES:
        was = recorded and recorded[name]
        print(f"{name:16} {100 * result[name]:6.2f} %" + (f"   recorded {100 * was:6.2f} %" if recorded else ""))
        if recorded and result[name] < was - recipe["tolerance"]:
            worse.append(f"{name} is {100 * (was - result[name]):.2f} points below the recorded one")
    if worse:
        raise RunError(f"{'; '.join(worse)}: more than {100 * recipe['tolerance']:.2f}")


if __name__ == "__main__":
    sys.exit(main())
