"""Where a training run keeps its files."""

import pathlib
import time

from utils.errors import RunError, UsageError


class RunFolder:
    """The files of the run of one model on one dataset.

    Args:
        output_dir: folder of all runs, "checkpoints" by default.
        model: str, name of the network.
        dataset: str, name of the dataset.

    Attributes:
        latest: the checkpoint after the last epoch, named as in the original suite.
        folder: where everything else is.
        best: the checkpoint with the best validation mean IoU.
        settings, log: `settings.json` and `log.csv`.
    """

    def __init__(self, output_dir, model, dataset):
        output_dir = pathlib.Path(output_dir)
        self.latest = output_dir / f"latest_model_{model}_{dataset}.keras"
        self.folder = output_dir / f"{model}_{dataset}"
        self.best = self.folder / "best_model.keras"
        self.settings = self.folder / "settings.json"
        self.log = self.folder / "log.csv"

    def make(self):
        """Makes the folder and removes what a killed run left half written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for left_over in (*self.folder.glob(".*.tmp*"), *self.folder.parent.glob(f".{self.latest.stem}.tmp*")):
                left_over.unlink()
        except OSError as error:
            raise RunError(f"cannot write to {self.folder}: {error.strerror}") from error

    def set_aside(self):
        """Renames an earlier run, so that starting anew cannot destroy it.

        Returns:
            The folder it is in now, or None if there was none.
        """
        if not self.latest.exists() and not self.log.exists():
            return None
        aside = self.folder.with_name(f"{self.folder.name}_until_{time.strftime('%Y%m%d_%H%M%S')}")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.rename(aside)
        if self.latest.exists():
            self.latest.rename(aside / self.latest.name)
        return aside

    def epoch(self, number):
        """The folder of one epoch, made if it is not there."""
        folder = self.folder / f"{number:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def find_checkpoint(checkpoint_path, checkpoint_dir, model, dataset):
    """The checkpoint that the flags of test.py and predict.py mean.

    Returns:
        `pathlib.Path`.

    Raises:
        UsageError: if they do not tell.
    """
    if checkpoint_path:
        return pathlib.Path(checkpoint_path)
    if model and dataset:
        return RunFolder(checkpoint_dir, model, pathlib.Path(dataset).resolve().name).latest
    raise UsageError(
        "which checkpoint? Give --checkpoint_path FILE.keras, or --model and --dataset for their latest one"
    )
