"""Folder and file names of a training run."""

import os
import pathlib
import time

from utils.errors import RunError, UsageError

PRETRAINED = pathlib.Path(__file__).resolve().parents[1] / "models" / "pretrained" / "camvid.keras"
PRETRAINED_NOTE = (
    "the network in models/pretrained/ is used, which knows the 11 classes of CamVid's street scenes; train.py trains "
    "others"
)


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
        settings, log: paths of `settings.json` and `log.csv`.
    """

    def __init__(self, output_dir: str | os.PathLike, model: str, dataset: str):
        output_dir = pathlib.Path(output_dir)
        self.latest = output_dir / f"latest_model_{model}_{dataset}.keras"
        self.folder = output_dir / f"{model}_{dataset}"
        self.best = self.folder / "best_model.keras"
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
        aside = self.folder.with_name(f"{self.folder.name}_until_{time.strftime('%Y%m%d_%H%M%S')}")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.rename(aside)
        if self.latest.exists():
            self.latest.rename(aside / self.latest.name)
        return aside

    def epoch(self, number: int) -> pathlib.Path:
        """Returns the folder of an epoch, and creates it if necessary."""
        folder = self.folder / f"{number:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


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
