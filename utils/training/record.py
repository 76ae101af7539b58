"""Record of a training run: state, checkpoints, log.csv, validation scores, plots and TensorBoard events."""

import pathlib
from collections.abc import Sequence

import keras

from utils.checkpoints import save_checkpoint
from utils.class_dict import ClassDict
from utils.data.dataset import SegmentationDataset
from utils.data.folder import Pair
from utils.evaluation.batch_plot import plot_batch
from utils.evaluation.class_plots import plot_class_iou
from utils.evaluation.evaluate import Evaluation
from utils.evaluation.plots import plot_confusion, plot_log
from utils.evaluation.reports import write_image_scores
from utils.evaluation.samples import plot_samples
from utils.files import copy_file, write_json, write_rows
from utils.report.collect import Collector
from utils.report.writing import describe_run, write_page
from utils.run_folder import RunFolder
from utils.training.tensorboard import Writer, has_histograms


def new_state(first_epoch: int) -> dict:
    """Returns the state of a training that has not started.

    It is kept in every checkpoint: the epoch and its step to continue with, the best mean IoU and the number of
    validations since, and the rows of log.csv. `freezing.frontend_phase` adds "frozen_updates".
    """
    return {"epoch": first_epoch, "step": 0, "best_mean_iou": None, "validations_without_gain": 0, "log": []}


class RunRecord:
    """Files and state of a training run. All writing happens here.

    Args:
        run: where the files are.
        settings: JSON types, for settings.json and every checkpoint.
        state: of `new_state`, or of the checkpoint to resume.
        class_dict: `ClassDict`.
        num_epochs: number of the last epoch + 1.
        checkpoint_step: epochs from one checkpoint that is kept to the next.
        tensorboard: whether to write TensorBoard events.
        report: whether to write report.html after each validation.

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
    ):
        self.run, self.settings, self.state, self.class_dict = run, settings, state, class_dict
        self.num_epochs, self.checkpoint_step, self.report = num_epochs, checkpoint_step, report
        self._collector = self._evaluation = None  # of the last validation
        run.make()
        write_json(run.settings, settings)
        self._writer = Writer(run.folder / "tensorboard", state["epoch"], state["log"]) if tensorboard else None

    def set_num_epochs(self, num_epochs: int) -> None:
        """Notes another number of the last epoch + 1, also in settings.json and later checkpoints."""
        if num_epochs != self.settings["num_epochs"]:
            self.num_epochs = self.settings["num_epochs"] = num_epochs
            write_json(self.run.settings, self.settings)

    def add_graph(self, model: keras.Model) -> None:
        """Writes the network's graph to a new TensorBoard log."""
        if self._writer and self._writer.is_new:
            self._writer.graph(model)

    def add_batch(self, data: SegmentationDataset) -> pathlib.Path | None:
        """Draws the first batch of the run, if it is not drawn yet.

        The dataset is left at the epoch and step with which the training begins; its batches do not depend on what was
        read before.

        Returns:
            The path of the figure; None if there is one already.
        """
        path = self.run.batch
        if path.exists():
            return None
        data.set_epoch(self.state["epoch"], self.state["step"])
        images, labels = data[0]
        labels = next(iter(labels.values())) if isinstance(labels, dict) else labels
        plot_batch(path, images, labels, self.class_dict)
        return path

    def open_collector(self, images: int) -> Collector | None:
        """Returns the `observe` of the next validation, of so many images; None without a report."""
        self._collector = Collector(self.class_dict, images) if self.report else None
        return self._collector

    def add_validation(self, epoch: int, pairs: Sequence[Pair], evaluation: Evaluation) -> None:
        """Writes the scores of the validation images, the confusion matrix and the sample grid.

        Args:
            epoch: number of the epoch.
            pairs: the validation images.
            evaluation: their result; `samples` go into the grid.
        """
        folder, names = self.run.epoch(epoch), self.class_dict.class_names
        write_image_scores(
            folder / "val_scores.csv", ("val_name", "avg_accuracy"), pairs, evaluation.image_scores, names
        )
        self._evaluation = evaluation
        samples, confusion = folder / "samples.png", self.run.folder / "confusion.png"
        plot_samples(samples, evaluation.samples, self.class_dict)
        plot_confusion(confusion, evaluation.confusion.matrix, names, f"Validation of epoch {epoch:04d}")
        if self._writer:
            self._writer.image("samples", samples, epoch)
            self._writer.image("confusion", confusion, epoch)

    def is_best(self, mean_iou: float) -> bool:
        """Notes the mean IoU of a validation; returns whether it is the best so far."""
        best = self.state["best_mean_iou"]
        is_best = best is None or mean_iou > best
        if is_best:
            self.state["best_mean_iou"] = mean_iou
        self.state["validations_without_gain"] = 0 if is_best else self.state["validations_without_gain"] + 1
        return is_best

    def add_epoch(self, model: keras.Model, row: dict, is_best: bool) -> None:
        """Writes the checkpoints of a completed epoch, then log and plots.

        The latest checkpoint is written last: if the program is killed in between, the others are at least as recent.

        Args:
            model: compiled `keras.Model`.
            row: the epoch's row of log.csv.
            is_best: whether the epoch had the best validation.
        """
        epoch = row["epoch"]
        self.state["log"].append(row)
        self.state.update(epoch=epoch + 1, step=0)
        paths = [self.run.epoch(epoch) / "model.keras"] if epoch % self.checkpoint_step == 0 else []
        paths += [self.run.best] if is_best else []
        paths += [self.run.latest]
        previous = {self.run.latest: self.run.previous}
        save_checkpoint(paths[0], model, self.settings, self.state, previous.get(paths[0]))
        for path in paths[1:]:
            copy_file(paths[0], path, durable=True, previous=previous.get(path))
        write_rows(self.run.log, self.state["log"])
        plot_log(self.run.folder, self.state["log"])
        if "val_mean_iou" in row:
            plot_class_iou(self.run.folder / "class_iou_vs_epochs.png", self.state["log"], self.class_dict)
            if self._collector:
                about = describe_run(self.settings, epoch, len(self._evaluation.image_scores))
                title = f"{self.run.folder.name}, validation of epoch {epoch}"
                scores, log = self._evaluation.confusion.result(), self.state["log"]
                write_page(
                    self.run.folder, title, about, self._evaluation, scores, self.class_dict, self._collector, log
                )
        if self._writer:
            if has_histograms(epoch, self.num_epochs):
                self._writer.histograms(model, epoch)
            self._writer.scalars(row)

    def add_interruption(self, model: keras.Model, step: int) -> None:
        """Writes the latest checkpoint in the middle of an epoch, of which `step` steps are done."""
        self.state["step"] = step
        save_checkpoint(self.run.latest, model, self.settings, self.state, self.run.previous)

    def close(self) -> None:
        """Closes the TensorBoard log."""
        if self._writer:
            self._writer.close()

    def summary(self) -> str:
        """Describes the best validation and where the files are."""
        validated = [row for row in self.state["log"] if row.get("val_mean_iou") is not None]
        lines = []
        if validated:
            best = max(validated, key=lambda row: row["val_mean_iou"])
            score = f"{100 * best['val_mean_iou']:.2f} % in epoch {best['epoch']:04d}"
            lines = [f"Best mean IoU: {score}, {self.run.best}", f"Log, plots and images: {self.run.folder}"]
        return "\n".join([*lines, f"Latest checkpoint: {self.run.latest}"])
