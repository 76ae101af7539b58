"""Trains and tests a network again as a recipe says, and compares the scores with those that were recorded.

    python tools/reproduce.py camvid_deeplab --frontend_weights mobilenet_1_0_224_tf_no_top.h5

A recipe is a JSON file in tools/recipes/: the flags of train.py and test.py, what came of them, on which machine and in
how many minutes, and how far another run may be from it. An interrupted training goes on when the command is given
again.
"""

import csv
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from utils.arguments import Parser
from utils.errors import BadUse, WorkFailed, reports_errors
from utils.nearest import did_you_mean

RECIPES = ROOT / "tools" / "recipes"
SCORES = ("mean_iou", "global_accuracy")


def parser():
    """Flags of this tool."""
    flags = Parser(prog="tools/reproduce.py", description=__doc__.splitlines()[0])
    flags.add_argument("recipe", nargs="?", metavar="NAME", help="a recipe; without: list them")
    flags.add_argument("--dataset", help="name or path of the dataset; default: the recipe's")
    flags.add_argument("--frontend_weights", help="path of the weights, where they cannot be downloaded")
    flags.add_argument("--output_dir", default="reproduced", help="folder for checkpoints, scores and pictures")
    flags.add_argument("--record", action="store_true", help="write what is measured into the recipe")
    return flags


@reports_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = parser().parse_args(argv)
    if args.recipe is None:
        print("\n".join(f"{name}: {read_recipe(name)['about']}" for name in names()))
        return 0
    recipe = read_recipe(args.recipe)
    output = pathlib.Path(args.output_dir) / args.recipe
    given = {"dataset": args.dataset, "frontend_weights": args.frontend_weights}
    own = {name: value for name, value in given.items() if value}
    call("train.py", {**recipe["train"], **own, "output_dir": output}, "--continue_training")
    (checkpoint,) = output.glob("latest_model_*.keras")
    own.pop("frontend_weights", None)
    call("test.py", {**recipe["test"], **own, "checkpoint_path": checkpoint, "output_dir": output / "test"})
    result = measured(output, checkpoint)
    if args.record:
        write_recipe(args.recipe, {**recipe, "result": result})
        print(f"Recorded: {', '.join(f'{name} {100 * result[name]:.2f} %' for name in SCORES)}")
        return 0
    compare(recipe, result)
    return 0


def names():
    """The recipes' names, sorted."""
    return sorted(path.stem for path in RECIPES.glob("*.json"))


def read_recipe(name):
    """A recipe: a dict with "about", "train" and "test" (flags), "tolerance" (0..1), and "result" once it is recorded.

    Raises:
        BadUse: if there is none of that name.
    """
    path = RECIPES / f"{name}.json"
    if not path.is_file():
        known = names()
        raise BadUse(f"there is no recipe '{name}'{did_you_mean(name, known)}; they are: {', '.join(known) or 'none'}")
    return json.loads(path.read_text(encoding="utf-8"))


def write_recipe(name, recipe):
    """Writes a recipe."""
    from utils.reports import write_json

    write_json(RECIPES / f"{name}.json", recipe)


def words(flags):
    """Flags as the words of a command line: a list stands as several, a value beside its flag otherwise."""
    found = []
    for flag, value in flags.items():
        found += [f"--{flag}", *map(str, value)] if isinstance(value, list) else [f"--{flag}={value}"]
    return found


def call(verb, flags, *more):
    """Runs one of the programs, which talks to the terminal.

    Raises:
        WorkFailed: if it fails, after what it said itself.
    """
    code = subprocess.run([sys.executable, ROOT / verb, *more, *words(flags)]).returncode
    if code:
        raise WorkFailed(f"{verb} ended with exit code {code}")


def measured(output, checkpoint):
    """What came of a run.

    Args:
        output: `pathlib.Path` of its folder.
        checkpoint: `pathlib.Path`.

    Returns:
        Dict: the scores (0..1), "class_iou", "parameters", "train_minutes", "images_per_second" of the test,
        "machine" and "versions".
    """
    from tools.compare_speed import cpu_name
    from utils.benchmark import cpu_cores
    from utils.saved_settings import read_checkpoint

    scores = json.loads((output / "test" / "scores.json").read_text(encoding="utf-8"))
    settings, state = read_checkpoint(checkpoint)
    with next(output.glob("*/log.csv")).open(encoding="utf-8") as file:
        seconds = sum(float(row["seconds"]) for row in csv.DictReader(file))
    return {
        **{name: round(scores[name], 5) for name in SCORES},
        "class_iou": {name: iou and round(iou, 4) for name, iou in scores["class_iou"].items()},
        "images": scores["images"], "images_per_second": round(scores["images_per_second"] or 0, 2),
        "epochs": state["epoch"], "train_minutes": round(seconds / 60, 1),
        "machine": f"{cpu_name()}, {cpu_cores()} cores", "versions": settings["versions"],
    }


def compare(recipe, result):
    """Prints the recorded scores beside the measured ones.

    Raises:
        WorkFailed: if one is below the recorded one by more than the recipe's tolerance.
    """
    recorded, worse = recipe.get("result"), []
    for name in SCORES:
        was = recorded and recorded[name]
        print(f"{name:16} {100 * result[name]:6.2f} %" + (f"   recorded {100 * was:6.2f} %" if recorded else ""))
        if recorded and result[name] < was - recipe["tolerance"]:
            worse.append(f"{name} is {100 * (was - result[name]):.2f} points below the recorded one")
    if worse:
        raise WorkFailed(f"{'; '.join(worse)}: more than {100 * recipe['tolerance']:.2f}")


if __name__ == "__main__":
    sys.exit(main())
