"""Recorded experiments: JSON files with flags, tolerance and results.

An experiment is a dict with

* "about": str, what it shows
* "table": str, the table of the documentation that lists it; may be missing
* "train": flags of train.py, or the name of another experiment whose network is tested in another way. The flag
  "init_from" may also name an experiment, whose network is then trained further.
* "test": flags of test.py
* "teacher": flags of tools/make_soft_labels.py, whose checkpoint is relative to the repository or that of the
  "experiment" named in its place; the training then has its "soft_labels"; may be missing
* "tolerance": float in 0..1, the largest accepted decrease of a score in a repetition
* "result": scores, time, machine and versions with seed 0, once it is recorded
* "repetitions": such results by another seed; may be missing
"""

import json
import pathlib
import statistics

from models import MODELS
from utils.errors import UsageError, did_you_mean
from utils.files import write_json

EXPERIMENTS = pathlib.Path(__file__).resolve().parent / "experiments"
LATENCIES = pathlib.Path(__file__).resolve().parent / "camvid_latency.json"  # of tools/time_experiments.py


def experiment_names() -> list[str]:
    """Returns the sorted names of all experiments."""
    return sorted(path.stem for path in EXPERIMENTS.glob("*.json"))


def read_experiment(name: str) -> dict:
    """Reads an experiment.

    Raises:
        UsageError: if there is none of that name.
    """
    path = EXPERIMENTS / f"{name}.json"
    if not path.is_file():
        names = experiment_names()
        listed = ", ".join(names) or "none"
        raise UsageError(f"there is no experiment '{name}'{did_you_mean(name, names)}; the experiments are: {listed}")
    return json.loads(path.read_text(encoding="utf-8"))


def write_experiment(name: str, experiment: dict) -> None:
    """Writes an experiment."""
    write_json(EXPERIMENTS / f"{name}.json", experiment)


def training_flags(name: str) -> dict:
    """Returns the flags of train.py of an experiment, or of the one whose network it tests."""
    flags = read_experiment(name)["train"]
    return training_flags(flags) if isinstance(flags, str) else flags


def recorded(table: str) -> dict[str, dict]:
    """Returns the experiments of a table that have a result, the best mean IoU first, with their training flags."""
    experiments = {name: read_experiment(name) for name in experiment_names()}
    experiments = {
        name: {**experiment, "train": training_flags(name)}
        for name, experiment in experiments.items()
        if experiment.get("table") == table and "result" in experiment
    }
    return dict(sorted(experiments.items(), key=lambda item: -statistics.mean(scores_of_seeds(item[1], "mean_iou"))))


def scores_of_seeds(experiment: dict, score: str) -> list[float]:
    """Returns a score, "mean_iou" or "global_accuracy" in 0..1, with each seed, that with seed 0 first."""
    results = [experiment["result"], *experiment.get("repetitions", {}).values()]
    return [result[score] for result in results]


def title(experiment: dict) -> str:
    """Describes the network of an experiment and its deviations from the defaults, such as "custom, scale 1.5".

    The deviations are: another frontend than MobileNet or none, output stride, precision, scale, number of views, batch
    statistics.
    """
    train, test = experiment["train"], experiment["test"]
    model, stride, precision = train["model"], train.get("output_stride"), train.get("mixed_precision", "float32")
    frontend = train.get("frontend", "MobileNet")
    scales = sorted(test.get("scales", "1").split(","), key=float)
    views = len(scales) * (2 if test.get("flip") else 1)
    extent = f" at {scales[0]}-{scales[-1]}" if len(scales) > 1 else ""
    parts = {
        model: True,
        "from scratch": not MODELS[model].frontend,
        frontend: MODELS[model].frontend and frontend != "MobileNet",
        f"stride {stride}": stride,
        precision: precision != "float32",
        f"scale {scales[0]}": len(scales) == 1 and float(scales[0]) != 1,
        f"{views} views{extent}": views > 1,
        "batch statistics": test.get("batch_statistics"),
    }
    return ", ".join(part for part, is_shown in parts.items() if is_shown)
