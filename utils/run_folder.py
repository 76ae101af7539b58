"""Folder and file names of a training run, and names of results that a later run keeps."""

import itertools
import os
import pathlib
import time

from utils.errors import RunError, UsageError

PRETRAINED = pathlib.Path(__file__).resolve().parents[1] / "models" / "pretrained" / "camvid.keras"
PRETRAINED_NOTE = (
    "the network in models/pretrained/ is used, which knows the 11 classes of CamVid's street scenes; train.py trains "
    "others"
)


SET_ASIDE = "_until_"  # in the name of a folder that `set_aside` renamed, before the time
TIME = "%Y%m%d_%H%M%S"
TIME_LENGTH = 15


class RunFolder:
    """Paths of the run of one network on one dataset.

    Args:
        output_dir: folder of all runs.
        model: name of the network.
        dataset: name of the dataset.

    Attributes:
        latest: path of the checkpoint after the last epoch, named as in the original suite.
        folder: path of the folder of all other files.
        best: path of the checkpoint with the best validation mean IoU.
        batch: path of the figure of the first training batch.
        settings, log: paths of `settings.json` and `log.csv`.
    """

    def __init__(self, output_dir: str | os.PathLike, model: str, dataset: str):
        output_dir = pathlib.Path(output_dir)
        self.latest = output_dir / f"latest_model_{model}_{dataset}.keras"
        self.folder = output_dir / f"{model}_{dataset}"
        self.best = self.folder / "best_model.keras"
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
            for left_over in (*self.folder.glob(".*.tmp*"), *self.folder.parent.glob(f".{self.latest.stem}.tmp*")):
                left_over.unlink()
        except OSError as error:
            raise RunError(f"cannot write to {self.folder}: {error.strerror}") from error

    def set_aside(self) -> pathlib.Path | None:
        """Renames the folder of an earlier run, so that a new run does not overwrite it.

        Returns:
            The new path, which includes the latest checkpoint; None if there was no earlier run.
        """
        if not self.latest.exists() and not self.log.exists():
            return None
        self.folder.mkdir(parents=True, exist_ok=True)
        aside = set_aside(self.folder)
        if self.latest.exists():
            self.latest.rename(aside / self.latest.name)
        return aside

    def epoch(self, number: int) -> pathlib.Path:
        """Returns the folder of an epoch, and creates it if necessary."""
        folder = self.folder / f"{number:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def set_aside(folder: pathlib.Path) -> pathlib.Path:
    """Renames a folder to its name and the time, so that new results do not overwrite it.

    Returns:
        The new path; a number follows the time if there is such a folder already.

    Raises:
        RunError: if it cannot be renamed.
    """
    name = f"{folder.name}{SET_ASIDE}{time.strftime(TIME)}"
    number = next(number for number in itertools.count(1) if not folder.with_name(_numbered(name, number)).exists())
    try:
        return folder.rename(folder.with_name(_numbered(name, number)))
    except OSError as error:
        raise RunError(f"cannot rename {folder}, whose results would be overwritten: {error.strerror}") from error


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
) -> pathlib.Path:
    """Returns the path of the checkpoint that the flags of the same names select; it may not exist.

    Args:
        checkpoint_path: the path itself, or None.
        checkpoint_dir: folder of all runs.
        model: name of the network.
        dataset: name or path of the dataset.
        default: the path if no flag selects one.

    Raises:
        UsageError: if neither the path nor both names are given.
    """
    if checkpoint_path:
        return pathlib.Path(checkpoint_path)
    if model and dataset:
        return RunFolder(checkpoint_dir, model, pathlib.Path(dataset).resolve().name).latest
    if default and not (model or dataset):
        return default
    raise UsageError(
        "which checkpoint? Give --checkpoint_path FILE.keras, or --model and --dataset for their latest one"
    )
