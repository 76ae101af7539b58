"""Training runs on disk: settings, log and test scores, read without Keras."""

import csv
import dataclasses
import os
import pathlib
from collections.abc import Iterable, Sequence

from utils.errors import UsageError
from utils.run_folder import LATEST
from utils.runs.scores import CheckpointScores, add_tests
from utils.settings import read_checkpoint, read_settings

# Names of files, see utils.run_folder.RunFolder.
SETTINGS, LOG = "settings.json", "log.csv"

# Keys of settings.json that are no flags, or flags without effect on scores and speed.
NOT_COMPARED = {
    *("class_names", "label_values", "ignored", "num_classes", "dataset_path", "versions"),
    *(
        "output_dir",
        "progress",
        "continue_training",
        "config",
        "image",
        "tensorboard",
        "no_report",
        "checkpoint_step",
        "checkpoint_minutes",
        "name",
    ),
}


@dataclasses.dataclass
class Run:
    """A training run.

    Attributes:
        folder: with `settings.json` and `log.csv`.
        settings: flags of train.py, classes and versions; {} if they cannot be read.
        log: a dict per epoch, of numbers and None.
        tests: scores of its checkpoints by test.py, the newest first.
        problems: a line for each file that is missing or damaged.
    """

    folder: pathlib.Path
    settings: dict = dataclasses.field(default_factory=dict)
    log: list[dict] = dataclasses.field(default_factory=list)
    tests: list[CheckpointScores] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)

    @property
    def latest(self) -> pathlib.Path:
        """The checkpoint after the last epoch; that of a run which was set aside is in its folder."""
        aside = sorted(self.folder.glob(f"{LATEST}*.keras"))
        return aside[0] if aside else self.folder.with_name(f"{LATEST}{self.folder.name}.keras")

    @property
    def dataset(self) -> str | None:
        """The name of the dataset, or those of several, such as "A+B"."""
        paths = self.settings.get("dataset")
        if isinstance(paths, str) or not paths:
            paths = [self.settings.get("dataset_path") or paths or ""]
        # PureWindowsPath understands the paths of every system.
        return "+".join(pathlib.PureWindowsPath(path).name for path in paths) or None

    @property
    def flags(self) -> dict:
        """The flags that are compared; the dataset by its name."""
        flags = {name: value for name, value in self.settings.items() if name not in NOT_COMPARED}
        return {**flags, "dataset": self.dataset} if flags else {}

    def has(self, checkpoint: pathlib.Path) -> bool:
        """Returns whether a checkpoint, an absolute path, belongs to the run."""
        return checkpoint == self.latest.resolve() or checkpoint.is_relative_to(self.folder.resolve())

    def record(self) -> dict:
        """Summarizes the run.

        Returns:
            Dict of JSON types, None if unknown: "folder", "flags", "epochs" (completed), "num_epochs", "best_mean_iou",
            "best_epoch", "val_loss" in that epoch and "last_mean_iou" of the validations, "minutes", and of the newest
            test "test_mean_iou", "test_global_accuracy", "images_per_second", "test_flags" and "test_file". Scores are
            in 0..1.
        """
        validated = [row for row in self.log if row.get("val_mean_iou") is not None]
        best = max(validated, key=lambda row: row["val_mean_iou"], default={})
        seconds = [row["seconds"] for row in self.log if row.get("seconds") is not None]
        test = self.tests[0] if self.tests else None
        scores = test.scores if test else {}
        return {
            "folder": str(self.folder),
            "flags": self.flags,
            "epochs": int(self.log[-1]["epoch"]) + 1 if self.log else 0,
            "num_epochs": self.settings.get("num_epochs"),
            "best_mean_iou": best.get("val_mean_iou"),
            "best_epoch": int(best["epoch"]) if best else None,
            "val_loss": best.get("val_loss"),
            "last_mean_iou": validated[-1]["val_mean_iou"] if validated else None,
            "minutes": sum(seconds) / 60 if seconds else None,
            "test_mean_iou": scores.get("mean_iou"),
            "test_global_accuracy": scores.get("global_accuracy"),
            "images_per_second": scores.get("images_per_second"),
            "test_flags": test.flags if test else {},
            "test_file": str(test.path) if test else None,
        }


def read_runs(
    paths: Sequence[str | pathlib.Path], tests: Iterable[str | pathlib.Path] = ("Test",)
) -> tuple[list[Run], list[str]]:
    """Reads runs and the test scores of their checkpoints.

    Args:
        paths: folders of runs, folders that contain such folders, or files of runs such as checkpoints.
        tests: folders with `scores.json` files, or such files; they are also looked for in `paths`.

    Returns:
        `(runs, problems)`: list of `Run`, each once; and a line for each path without a run, and for each run of which
        nothing can be read. Missing and damaged files of other runs are in their `problems`.
    """
    folders, problems = {}, []
    for path in map(pathlib.Path, paths):
        found = find_runs(path)
        for folder in found:
            folders.setdefault(folder.resolve(), folder)
        if not found:
            problems.append(f"{path} {'has no run of train.py' if path.exists() else 'is not there'}")
    runs = [read_run(folder) for folder in folders.values()]
    problems += ["; ".join(run.problems) for run in runs if not (run.settings or run.log)]
    runs = [run for run in runs if run.settings or run.log]
    add_tests(runs, [*tests, *paths])
    return runs, problems


def find_runs(path: pathlib.Path) -> list[pathlib.Path]:
    """Finds the folders of runs in a folder, or the folder of the run that a file belongs to."""
    if path.is_file():
        places = path.parent / path.stem.removeprefix(LATEST), path.parent, path.parent.parent
        return [place for place in places if _is_run(place)][:1]
    found = []
    for name, folders, _ in os.walk(path):
        if _is_run(pathlib.Path(name)):
            found.append(pathlib.Path(name))
            folders.clear()  # those of the epochs
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
    return found


def read_run(folder: pathlib.Path) -> Run:
    """Reads a run; a checkpoint replaces `settings.json` and `log.csv` if they are missing or damaged."""
    run, problems = Run(folder), []
    try:
        run.settings = read_settings(folder / SETTINGS)
        if "model" not in run.settings:
            run.settings, problems = {}, [f"{folder / SETTINGS} was not written by train.py: it names no model"]
    except UsageError as error:
        problems.append(str(error))
    run.log, damage = read_log(folder / LOG)
    problems += [damage] if damage else []
    if problems:
        for checkpoint in (run.latest, folder / "best_model.keras"):
            try:
                settings, state = read_checkpoint(checkpoint)
                run.settings, run.log = run.settings or settings, max(run.log, state["log"], key=len)
            except (UsageError, LookupError, TypeError):
                continue
            problems = [f"{problem}; {checkpoint.name} was read instead" for problem in problems]
            break
    run.problems = problems
    return run


def read_log(path: pathlib.Path) -> tuple[list[dict], str | None]:
    """Reads a `log.csv` up to its first damaged line.

    Returns:
        `(rows, damage)`: a dict of numbers and None for each epoch; and a line on what is damaged, or None.
    """
    rows = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            for row in reader:
                # A line with too few or too many cells has None as a text or a column.
                row = {column: float(text) if text != "" else None for column, text in row.items()}
                rows.append({**row, "epoch": int(row["epoch"])})
    except OSError as error:
        return rows, f"{path} cannot be read: {error.strerror}"
    except (UnicodeDecodeError, csv.Error):
        return rows, f"{path} is damaged: it is not CSV"
    except (ValueError, TypeError, KeyError, OverflowError):
        return rows, f"{path} is damaged in line {reader.line_num}"
    return rows, None if rows else f"{path} is empty: no epoch is complete"


def _is_run(folder):
    return (folder / SETTINGS).is_file() or (folder / LOG).is_file()
