"""Folder and file names of a training run, and names of results that a later run keeps."""

import glob
import itertools
import os
import pathlib
import shutil
import time

from utils.errors import RunError, UsageError
from utils.files import make_folder, remove_left_overs

PRETRAINED = pathlib.Path(__file__).resolve().parents[1] / "models" / "pretrained" / "camvid.keras"
PRETRAINED_NOTE = (
    "the network in models/pretrained/ is used, which knows the 11 classes of CamVid's street scenes; train.py trains "
    "others"
)


LATEST = "latest_model_"  # in the name of a run's latest checkpoint, before the label of the run
SET_ASIDE = "_until_"  # in the name of a folder that `set_aside` renamed, before the time
TIME = "%Y%m%d_%H%M%S"
TIME_LENGTH = 15


class RunFolder:
    """Paths of the run of one network on one dataset.

    Args:
        output_dir: folder of all runs.
        model: name of the network.
        dataset: name of the dataset.
        name: `--name`, or None.

    Attributes:
        latest: path of the checkpoint after the last epoch, named as in the original suite.
        folder: path of the folder of all other files.
        previous: path of the checkpoint that `latest` replaced, for the case that `latest` is damaged.
        inner_latest: path of `latest` after the run was set aside, within its folder.
        best: path of the checkpoint with the best validation mean IoU.
        lock: path of the file that exists while the run trains, see `run_lock`.
        batch: path of the figure of the first training batch.
        settings, log: paths of `settings.json` and `log.csv`.
    """

    def __init__(self, output_dir: str | os.PathLike, model: str, dataset: str, name: str | None = None):
        output_dir, run = pathlib.Path(output_dir), run_label(model, dataset, name)
        self.latest = output_dir / f"{LATEST}{run}.keras"
        self.folder = output_dir / run
        self.previous = self.folder / "previous_model.keras"
        self.inner_latest = self.folder / self.latest.name
        self.best = self.folder / "best_model.keras"
        self.lock = output_dir / f".{run}.lock"
        self.batch = self.folder / "batch.png"
        self.settings = self.folder / "settings.json"
        self.log = self.folder / "log.csv"

    def make(self) -> None:
        """Creates the folder and removes temporary files of a killed run.

        Raises:
            RunError: if the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for folder in (self.folder, *self.folder.glob("[0-9]*")):  # and those of the epochs
                remove_left_overs(folder)
            remove_left_overs(self.latest.parent, glob.escape(self.latest.stem))
        except OSError as error:
            raise RunError(f"cannot write to {self.folder}: {error.strerror}") from error

    def set_aside(self) -> pathlib.Path | None:
        """Renames the folder of an earlier run, so that a new run does not overwrite it.

        The latest checkpoint is moved into the folder first, so that a kill leaves the run whole: see `recover`.

        Returns:
            The new path, which includes the latest checkpoint; None if there was no earlier run.

        Raises:
            RunError: if it cannot be renamed.
        """
        if not any(path.exists() for path in (self.latest, self.inner_latest, self.log)):
            return None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self.latest.exists():
                shutil.move(self.latest, self.inner_latest)  # also to another disk, where a link as folder may lead
        except OSError as error:
            raise RunError(f"cannot move {self.latest} to {self.folder}: {error.strerror}") from error
        return set_aside(self.folder)

    def recover(self) -> bool:
        """Takes back a `set_aside` that was killed half way.

        Returns:
            Whether there was one.

        Raises:
            RunError: if the files cannot be renamed.
        """
        if self.latest.exists() or not self.inner_latest.exists():
            return False
        try:
            shutil.move(self.inner_latest, self.latest)
        except OSError as error:
            raise RunError(f"cannot move {self.inner_latest} to {self.latest}: {error.strerror}") from error
        return True

    def epoch(self, number: int) -> pathlib.Path:
        """Returns the folder of an epoch, and creates it if necessary."""
        return make_folder(self.epoch_folder(number))

    def epoch_folder(self, number: int) -> pathlib.Path:
        """Returns the path of the folder of an epoch, which may not exist."""
        return self.folder / f"{number:04d}"


def run_label(model: str, dataset: str, name: str | None = None) -> str:
    """Formats the label of a run in the names of its files: `<model>_<dataset>`, or `<model>_<dataset>_<name>`."""
    return "_".join(part for part in (model, dataset, name) if part)


def set_aside(folder: pathlib.Path) -> pathlib.Path:
    """Renames a folder to its name and the time, so that new results do not overwrite it.

    Returns:
        The new path; a number follows the time if there is such a folder already.

    Raises:
        RunError: if it cannot be renamed.
    """
    name = f"{folder.name}{SET_ASIDE}{time.strftime(TIME)}"
    for number in itertools.count(1):
        aside = folder.with_name(_numbered(name, number))
        if aside.exists():
            continue
        try:
            return folder.rename(aside)
        except OSError as error:
            if not aside.exists():  # else another process was faster
                raise RunError(
                    f"cannot rename {folder}, whose results would be overwritten: {error.strerror}"
                ) from error


def time_set_aside(folder: pathlib.Path) -> float | None:
    """Returns when `set_aside` renamed a folder, in seconds since 1970; None if its name does not say."""
    _, mark, text = folder.name.rpartition(SET_ASIDE)
    try:
        return time.mktime(time.strptime(text[:TIME_LENGTH], TIME)) if mark else None
    except ValueError:
        return None


def _numbered(name, number):
    return name if number == 1 else f"{name}_{number}"


def find_checkpoint(
    checkpoint_path: str | os.PathLike | None,
    checkpoint_dir: str | os.PathLike,
    model: str | None,
    dataset: str | None,
    default: pathlib.Path | None = None,
    name: str | None = None,
) -> pathlib.Path:
    """Returns the path of the checkpoint that the flags of the same names select; it may not exist.

    Args:
        checkpoint_path: the path itself, or None.
        checkpoint_dir: folder of all runs.
        model: name of the network.
        dataset: name or path of the dataset.
        default: the path if no flag selects one.
        name: name of the run.

    Raises:
        UsageError: if neither the path nor model and dataset are given, if a name is given with the path, or if there
            are only named runs.
    """
    if checkpoint_path and name:
        raise UsageError("--name selects a checkpoint of --model and --dataset; leave it out with --checkpoint_path")
    if checkpoint_path:
        return pathlib.Path(checkpoint_path)
    if model and dataset:
        run = RunFolder(checkpoint_dir, model, pathlib.Path(dataset).resolve().name, name)
        if run.inner_latest.exists() and not run.latest.exists():
            return run.inner_latest  # train.py was killed while it set the run aside
        latest = run.latest
        named = sorted(
            path.stem.removeprefix(f"{latest.stem}_") for path in latest.parent.glob(f"{latest.stem}_*.keras")
        )
        if named and not name and not latest.exists():
            raise UsageError(f"there is no checkpoint {latest}; choose the run: --name {' or '.join(named)}")
        return latest
    if default and not (model or dataset or name):
        return default
    raise UsageError(
        "which checkpoint? Give --checkpoint_path FILE.keras, or --model and --dataset for their latest one"
    )
