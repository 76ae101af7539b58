"""Record of a training run: its state and its checkpoints."""

import keras

from utils.checkpoints import save_checkpoint, update_checkpoint
from utils.class_dict import ClassDict
from utils.files import copy_file, write_json
from utils.run_folder import RunFolder
from utils.training.run_figures import OwnPredictions, RunFigures
from utils.training.run_log import refresh_log


def new_state(first_epoch: int, trained_with: dict | None = None) -> dict:
    """Returns the state of a training that has not started; `trained_with` is that of `resume.lengths`.

    It is kept in every checkpoint: the epoch and its step to continue with, the best mean IoU and the number of
    validations since, and the rows of log.csv. `freezing.frontend_phase` adds "frozen_updates". A checkpoint that is
    written before the validation of its epoch has "pending", with the "seconds" that the epoch took so far; one in the
    middle of an epoch has "sums", see `mid_epoch.running_sums`. `divergence.check_epoch` adds "first_loss",
    `recovery.train_with_recovery` "recoveries".
    """
    start = {"epoch": first_epoch, "step": 0, "best_mean_iou": None, "validations_without_gain": 0, "log": []}
    return {**start, "trained_with": trained_with} if trained_with else start


class RunRecord:
    """Files and state of a training run. All writing happens here.

    A trained epoch is in the latest checkpoint before anything else is done with it. Its validation, the figures and
    the best checkpoint follow; the checkpoint notes when they are complete, and a killed run does them again.

    Args:
        run: where the files are.
        settings: JSON types, for settings.json and every checkpoint.
        state: of `new_state`, or of the checkpoint to resume.
        class_dict: `ClassDict`.
        num_epochs: number of the last epoch + 1.
        checkpoint_step: epochs from one checkpoint that is kept to the next.
        tensorboard: whether to write TensorBoard events.
        report: whether to write report.html after each validation.
        is_chief: False in all processes of a job but the first, which writes; they keep the state alone.

    Raises:
        RunError: if the files cannot be written.
        UsageError: if the package tensorboard is needed and not installed.
    """

    def __init__(
        self,
        run: RunFolder,
        settings: dict,
        state: dict,
        class_dict: ClassDict,
        num_epochs: int,
        checkpoint_step: int,
        tensorboard: bool = False,
        report: bool = False,
        is_chief: bool = True,
    ):
        self.run, self.settings, self.state, self.class_dict = run, settings, state, class_dict
        self.num_epochs, self.checkpoint_step = num_epochs, checkpoint_step
        self.is_chief = is_chief
        if not is_chief:
            self.figures = OwnPredictions(run, settings, state, class_dict, tensorboard=False, report=False)
            return
        run.make()
        write_json(run.settings, settings)
        self.figures = RunFigures(run, settings, state, class_dict, tensorboard, report)
        refresh_log(run, state["log"][: len(state["log"]) - self.is_pending], class_dict)

    @property
    def is_pending(self) -> bool:
        """Whether the last epoch of the log is trained, but not validated yet."""
        return bool(self.state.get("pending"))

    def set_num_epochs(self, num_epochs: int) -> None:
        """Notes another number of the last epoch + 1, also in settings.json and later checkpoints."""
        if num_epochs != self.settings["num_epochs"]:
            self.num_epochs = self.settings["num_epochs"] = num_epochs
            write_json(self.run.settings, self.settings)

    def is_best(self, mean_iou: float | None) -> bool:
        """Notes the mean IoU of a validation, None without labels; returns whether it is the best so far."""
        best = self.state["best_mean_iou"]
        is_best = mean_iou is not None and (best is None or mean_iou > best)
        if is_best:
            self.state["best_mean_iou"] = mean_iou
        self.state["validations_without_gain"] = 0 if is_best else self.state["validations_without_gain"] + 1
        return is_best

    def add_epoch(self, model: keras.Model, row: dict, seconds: float, is_validated: bool) -> None:
        """Writes the latest checkpoint after the training of an epoch; `complete_epoch` follows if it is validated.

        Args:
            model: compiled `keras.Model`.
            row: the epoch's row of log.csv, without "seconds".
            seconds: that the epoch took so far.
            is_validated: whether its validation follows.

        Raises:
            RunError: if a checkpoint cannot be written; the earlier ones are then intact.
        """
        self.state["log"].append(row)
        self.state.update(epoch=row["epoch"] + 1, step=0)
        self.state.pop("sums", None)
        if is_validated:
            self.state["pending"] = {"seconds": seconds}
            self._save_latest(model)
            return
        row["seconds"] = round(seconds, 1)
        if not self.is_chief:
            return
        kept = self._kept_checkpoint(row["epoch"])
        if kept:
            save_checkpoint(kept, model, self.settings, self.state)
            copy_file(kept, self.run.latest, durable=True, previous=self.run.previous)
        else:
            self._save_latest(model)
        self.figures.add_epoch(model, self.state["log"], self.num_epochs)

    def complete_epoch(self, model: keras.Model, seconds: float, is_best: bool) -> None:
        """Writes log, curves and report of a validated epoch, the checkpoints that are kept, and the latest one.

        The latest is written last, and not before the files that a validation makes: if the program is killed in
        between, the validation is repeated.

        Args:
            model: compiled `keras.Model`, as in `add_epoch`.
            seconds: that the validation took.
            is_best: whether it was the best so far.

        Raises:
            RunError: as in `add_epoch`.
        """
        row = self.state["log"][-1]
        row["seconds"] = round(self.state.pop("pending")["seconds"] + seconds, 1)
        if not self.is_chief:
            return
        self.figures.add_epoch(model, self.state["log"], self.num_epochs)
        kept = self._kept_checkpoint(row["epoch"])
        paths = [*([kept] if kept else []), *([self.run.best] if is_best else []), self.run.latest]
        update_checkpoint(self.run.latest, paths[0], self.settings, self.state)
        for path in paths[1:]:
            copy_file(paths[0], path, durable=True)

    def _kept_checkpoint(self, epoch):
        """Returns the path of the checkpoint that is kept of an epoch, or None."""
        return self.run.epoch(epoch) / "model.keras" if epoch % self.checkpoint_step == 0 else None

    def add_interruption(self, model: keras.Model, step: int, sums: dict | None = None) -> None:
        """Writes the latest checkpoint in the middle of an epoch, of which `step` steps are done.

        Args:
            model: compiled `keras.Model`.
            step: steps of the epoch that are done.
            sums: of these steps, see `mid_epoch.running_sums`.
        """
        self.state.update(step=step, **({"sums": sums} if sums else {}))
        self._save_latest(model)

    def _save_latest(self, model):
        if self.is_chief:
            save_checkpoint(self.run.latest, model, self.settings, self.state, self.run.previous)

    def close(self) -> None:
        """Closes the TensorBoard log."""
        self.figures.close()

    def summary(self) -> str:
        """Describes the best validation and where the files are."""
        validated = [row for row in self.state["log"] if row.get("val_mean_iou") is not None]
        lines = []
        if validated:
            best = max(validated, key=lambda row: row["val_mean_iou"])
            score = f"{100 * best['val_mean_iou']:.2f} % in epoch {best['epoch']:04d}"
            lines = [f"Best mean IoU: {score}, {self.run.best}", f"Log, plots and images: {self.run.folder}"]
        return "\n".join([*lines, f"Latest checkpoint: {self.run.latest}"])
