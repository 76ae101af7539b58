"""Self-configuration of a run of train.py (`--recipe auto`): measures, plans, reports and writes `plan.json`."""

import argparse
import pathlib
import re
from collections.abc import Collection, Sequence

from frontends import FRONTENDS
from models import MODELS
from utils.auto.costs import COSTS
from utils.auto.plan import plan_training
from utils.backend import import_backend
from utils.errors import UsageError
from utils.files import make_folder, write_json
from utils.progress import Console
from utils.run_folder import RunFolder
from utils.settings import read_settings

PLAN = "plan.json"


def configure(
    args: argparse.Namespace, given: Collection[str], folders: Sequence[pathlib.Path]
) -> tuple[argparse.Namespace, set[str]]:
    """Replaces the flags that are not given by those of a plan, and prints why.

    Args:
        args: flags of train.py with `--recipe auto`.
        given: names of the flags that the command line or a file sets.
        folders: of the datasets.

    Returns:
        `(args, given)`: a copy of the flags, with the recipe "suite", because all others are set now, and with
        "reasons" of the plan; and the names of those that are set. For a run that is resumed, those of the command
        line and the network of the run.
    """
    values = {**vars(args), "recipe": "suite"}
    explicit = {name: values[name] for name in given if name != "recipe"}
    if args.continue_training:
        earlier = find_plan(args.output_dir, dataset_name(folders), explicit.get("model"), args.name)
        if earlier is not None:
            values |= {name: earlier[name] for name in ("model", "frontend")}
            return argparse.Namespace(**values), set(explicit)
    if explicit.get("mixed_precision") == "auto":
        del explicit["mixed_precision"]
    console = Console(args.progress)
    console.say("Looking at the data and the machine ...")
    from utils.auto.dataset import measure_dataset
    from utils.auto.machine import measure_machine

    if "frontend" not in explicit and is_path(explicit.get("frontend_weights")):
        explicit["frontend"] = frontend_of_file(explicit["frontend_weights"])
    dataset = measure_dataset(folders, values)
    import_backend(explicit.get("mixed_precision", "auto"))
    costs = dict(COSTS)
    if "model" in explicit or "frontend" in explicit:
        costs = costs_of_given(explicit)
    machine = measure_machine(sorted({frontend for _, frontend in costs if frontend in FRONTENDS}))
    plan = plan_training(dataset, machine, explicit, costs=costs)
    print("--recipe auto, the flags given on the command line stay as they are:")
    print(*(f"  {reason}" for reason in plan.reasons), sep="\n", flush=True)
    return argparse.Namespace(**{**values, **plan.flags, "reasons": plan.reasons}), {*given, *plan.flags} - {"recipe"}


def is_path(weights: str | None) -> bool:
    """Returns whether a value of `--frontend_weights` is the path of a file."""
    return weights not in (None, "none", "imagenet")


def frontend_of_file(path: str) -> str:
    """Returns the frontend that the name of a weights file begins with.

    Raises:
        UsageError: if it begins with the name of none.
    """
    plain = re.sub(r"[-_]", "", pathlib.Path(path).name.lower()).removeprefix("weights")
    found = [name for name, row in FRONTENDS.items() if plain.startswith((name.lower(), row.network.lower()))]
    if not found:
        raise UsageError(f"--frontend_weights {path}: its name does not say the frontend; give --frontend too")
    return max(found, key=lambda name: len(FRONTENDS[name].network))


def costs_of_given(explicit: dict) -> dict:
    """Returns the table of costs, with rows for a network or a frontend that the user gives."""
    from utils.auto.network_costs import measure_costs

    model, frontend = explicit.get("model"), explicit.get("frontend")
    has_frontend = model is None or MODELS[model].frontend
    known = [row for row in COSTS if model in (None, row[0]) and (not has_frontend or frontend in (None, row[1]))]
    if known:
        return dict(COSTS)
    wanted = [(model or "custom", frontend or ("MobileNet" if has_frontend else "ResNet101"))]
    return {**COSTS, **{name: measure_costs(*name) for name in wanted}}


def dataset_name(folders: Sequence[pathlib.Path]) -> str:
    """Returns the name of the datasets in the names of a run's files."""
    return "+".join(folder.resolve().name for folder in folders)


def find_plan(output_dir: str, dataset: str, model: str | None, name: str | None = None) -> dict | None:
    """Returns the newest plan of a self-configured run on a dataset, of this model and `--name`; None without one."""
    models = [model] if model else list(MODELS)
    paths = [RunFolder(output_dir, one, dataset, name).folder / PLAN for one in models]
    paths = sorted((path for path in paths if path.is_file()), key=lambda path: path.stat().st_mtime)
    return read_settings(paths[-1]) if paths else None


def write_plan(run: RunFolder, settings: dict, flags: Collection[str]) -> None:
    """Writes `plan.json`, which `--config` takes: all flags, and "reasons" beside them.

    Args:
        run: the run's files.
        settings: flags of the run, and "reasons".
        flags: names of the flags of train.py.
    """
    make_folder(run.folder)
    length = "num_epochs" if settings.get("minutes") else "minutes"  # without an effect
    values = {name: settings[name] for name in flags if name in settings and name != length}
    write_json(run.folder / PLAN, {**values, "reasons": settings["reasons"]})
