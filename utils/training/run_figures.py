"""Figures, score files, report and TensorBoard log of a training run.

All of them are worth less than the training: what cannot be written is a warning.
"""

import pathlib
from collections.abc import Callable, Sequence

import keras

from utils.class_dict import ClassDict
from utils.data.dataset import SegmentationDataset
from utils.data.folder import Pair
from utils.data.images import write_image
from utils.evaluation.batch_plot import plot_batch
from utils.evaluation.evaluate import Evaluation
from utils.evaluation.plots import plot_confusion
from utils.evaluation.reports import write_image_scores
from utils.evaluation.samples import plot_samples
from utils.report.collect import Collector
from utils.report.writing import describe_run, write_page
from utils.run_folder import RunFolder
from utils.training.run_log import optional_write, write_log
from utils.training.tensorboard import Writer, has_histograms


class RunFigures:
    """Writer of all files of a run but its checkpoints and settings.

    Args:
        run: where the files are.
        settings: of the run, for the report.
        state: where the training begins, see `record.new_state`.
        class_dict: `ClassDict`.
        tensorboard: whether to write TensorBoard events.
        report: whether to write report.html after each validation.

    Raises:
        UsageError: if the package tensorboard is needed and not installed.
    """

    def __init__(
        self, run: RunFolder, settings: dict, state: dict, class_dict: ClassDict, tensorboard: bool, report: bool
    ):
        self.run, self.settings, self.class_dict, self.report = run, settings, class_dict, report
        self._evaluation = self._collector = self._writer = None
        if tensorboard:
            done = len(state["log"]) - bool(state.get("pending"))
            first_epoch = state["epoch"] - bool(state.get("pending"))
            folder = run.folder / "tensorboard"
            with optional_write(folder):
                self._writer = Writer(folder, first_epoch, state["log"][:done])

    def add_graph(self, model: keras.Model) -> None:
        """Writes the network's graph to a new TensorBoard log."""
        if self._writer and self._writer.is_new:
            self._add_events(lambda writer: writer.graph(model))

    def add_batch(self, data: SegmentationDataset) -> pathlib.Path | None:
        """Draws the first batch of the run, if it is not drawn yet.

        Args:
            data: at the epoch and step with which the training begins. Its batches do not depend on which were read
                before.

        Returns:
            The path of the figure; None if there is one already or it cannot be written.
        """
        path = self.run.batch
        if path.exists():
            return None
        images, labels = data[0]
        labels = next(iter(labels.values())) if isinstance(labels, dict) else labels
        with optional_write(path):
            plot_batch(path, images, labels, self.class_dict)
            return path
        return None

    def observe(self, epoch: int, images: int) -> Callable[..., None]:
        """Returns the `observe` of the next evaluation, of so many images: it writes predictions and labels."""
        collector = self._collector = Collector(self.class_dict, images) if self.report else None
        failed = []

        def observe(pair, image, label, prediction, confidence, scores):
            if collector:
                collector(pair, image, label, prediction, confidence, scores)
            if failed:  # one warning is enough
                return
            path, is_written = self.run.epoch_folder(epoch) / f"{pair.name}_pred.png", False
            with optional_write(path):
                write_image(self.run.epoch(epoch) / path.name, self.class_dict.decode(prediction))
                write_image(path.with_name(f"{pair.name}_gt.png"), self.class_dict.decode(label))
                is_written = True
            failed.extend([] if is_written else [path])

        return observe

    def add_validation(self, epoch: int, pairs: Sequence[Pair], evaluation: Evaluation) -> None:
        """Writes the scores of the validation images, the confusion matrix and the sample grid.

        Args:
            epoch: number of the epoch.
            pairs: the validation images.
            evaluation: their result; `samples` go into the grid.
        """
        self._evaluation, names = evaluation, self.class_dict.class_names
        folder = self.run.epoch_folder(epoch)
        scores, samples, confusion = (
            folder / "val_scores.csv",
            folder / "samples.png",
            self.run.folder / "confusion.png",
        )
        with optional_write(scores):
            self.run.epoch(epoch)
            write_image_scores(scores, ("val_name", "avg_accuracy"), pairs, evaluation.image_scores, names)
        with optional_write(samples):
            plot_samples(samples, evaluation.samples, self.class_dict)
            self._add_events(lambda writer: writer.image("samples", samples, epoch))
        with optional_write(confusion):
            plot_confusion(confusion, evaluation.confusion.matrix, names, f"Validation of epoch {epoch:04d}")
            self._add_events(lambda writer: writer.image("confusion", confusion, epoch))

    def add_epoch(self, model: keras.Model, log: Sequence[dict], num_epochs: int) -> None:
        """Writes log and curves, the report if the last epoch of the log was validated, and TensorBoard events."""
        row = log[-1]
        write_log(self.run, log, self.class_dict)
        if "val_mean_iou" in row and self._collector:
            about = describe_run(self.settings, row["epoch"], len(self._evaluation.image_scores))
            title = f"{self.run.folder.name}, validation of epoch {row['epoch']}"
            scores = self._evaluation.confusion.result()
            write_page(self.run.folder, title, about, self._evaluation, scores, self.class_dict, self._collector, log)
        if has_histograms(row["epoch"], num_epochs):
            self._add_events(lambda writer: writer.histograms(model, row["epoch"]))
        self._add_events(lambda writer: writer.scalars(row))

    def close(self) -> None:
        """Closes the TensorBoard log."""
        self._add_events(lambda writer: writer.close())

    def _add_events(self, add):
        """Calls a function of the TensorBoard writer; after an error there is none any more."""
        writer, self._writer = self._writer, None
        if writer:
            with optional_write(self.run.folder / "tensorboard"):
                add(writer)
                self._writer = writer


class OwnPredictions(RunFigures):
    """Files that a process beside the first one writes: the predictions of its own validation images."""

    def add_graph(self, model):
        """Writes nothing."""

    def add_batch(self, data):
        """Writes nothing."""

    def add_validation(self, epoch, pairs, evaluation):
        """Writes nothing."""

    def add_epoch(self, model, log, num_epochs):
        """Writes nothing."""
