"""The training loop: an epoch, its validation, its record, its checkpoint; and again."""

import time

from utils.checkpoints import save_checkpoint
from utils.errors import RunError, memory_errors
from utils.evaluation.class_plots import plot_class_iou
from utils.evaluation.evaluate import evaluate
from utils.evaluation.plots import plot_confusion, plot_log
from utils.evaluation.reports import class_table, headline, suite_means, write_image_scores
from utils.evaluation.samples import plot_samples
from utils.files import copy_file, write_rows
from utils.progress import Console, duration
from utils.training.callbacks import EpochProgress, StepGuard, StepwiseCallbacks, log_name
from utils.training.freezing import frontend_phase
from utils.training.optimizers import current_learning_rate
from utils.training.optimizers.ema import averaged_weights
from utils.training.tensorboard import has_histograms

NUM_SAMPLES = 4  # validation images in the sample grid
LOGGED_SCORES = ("mean_iou", "global_accuracy", "precision", "recall", "f1")


def new_state(first_epoch):
    """The state of a training that has not begun: what a checkpoint remembers beside the weights."""
    return {"epoch": first_epoch, "step": 0, "best_mean_iou": None, "validations_without_gain": 0, "log": []}


class Trainer:
    """A training run.

    Args:
        model: compiled `keras.Model`.
        data: `SegmentationDataset`.
        predictor: `Predictor` of the same model.
        statistics: `BatchNormStatistics` of the same model.
        validation_pairs: list of `Pair`.
        class_dict: `ClassDict`.
        run: `RunFolder`.
        settings: dict, kept in every checkpoint.
        state: dict of `new_state`, or of the checkpoint to go on from.
        interruption: `callbacks.Interruption`.
        writer: `tensorboard.Writer` or None.
    """

    def __init__(
        self,
        model,
        data,
        predictor,
        statistics,
        validation_pairs,
        class_dict,
        run,
        settings,
        state,
        interruption,
        writer=None,
    ):
        self.model, self.data, self.predictor, self.statistics = model, data, predictor, statistics
        self.validation_pairs, self.class_dict = validation_pairs, class_dict
        self.run, self.settings, self.state = run, settings, state
        self.interruption, self.writer = interruption, writer
        self.console = Console(settings["progress"])
        self.report = None  # of the last validation

    def train(self):
        """Trains to the last epoch, or until someone interrupts or patience ends.

        Returns:
            True if the training is complete, False if it was interrupted.

        Raises:
            RunError: if the loss is no longer finite or memory does not suffice.
        """
        num_epochs, patience = self.settings["num_epochs"], self.settings["patience"]
        for epoch in range(self.state["epoch"], num_epochs):
            start = time.perf_counter()
            row = self.train_epoch(epoch)
            if row is None:
                return False
            with averaged_weights(self.model):
                self.data.set_epoch(epoch)
                self.statistics.estimate(self.data)
                is_better = False
                if epoch % self.settings["validation_step"] == 0 or epoch == num_epochs - 1:
                    is_better = self.validate(epoch, row)
                row["seconds"] = round(time.perf_counter() - start, 1)
                self.record(epoch, row, is_better)
            if self.interruption.requested:
                return False
            if patience and self.state["validations_without_gain"] >= patience:
                print(f"No better mean IoU in {patience} validations: training ends.")
                return True
            left = (num_epochs - 1 - epoch) * sum(row["seconds"] for row in self.state["log"]) / len(self.state["log"])
            self.console.say(f"Epoch time = {row['seconds']} s. Remaining training time = {duration(left)}")
        self.console.say("Remaining training time : Training completed.")
        return True

    def summarize(self):
        """Ends the TensorBoard log; tells the best result, where the files are and, if quiet, the last scores."""
        if self.writer:
            self.writer.close()
        if self.report and self.console.mode == "quiet":
            print(self.report)
        validated = [row for row in self.state["log"] if row.get("val_mean_iou") is not None]
        if validated:
            best = max(validated, key=lambda row: row["val_mean_iou"])
            print(f"Best mean IoU: {100 * best['val_mean_iou']:.2f} % in epoch {best['epoch']:04d}, {self.run.best}")
            print(f"Log, plots and pictures: {self.run.folder}")
        print(f"Latest checkpoint: {self.run.latest}")

    def train_epoch(self, epoch):
        """Trains the rest of an epoch.

        Returns:
            The beginning of the epoch's row of the log (loss and mean IoU over the steps of this run), or None if the
            epoch was interrupted; a checkpoint is then written.
        """
        learning_rate = current_learning_rate(self.model.optimizer)
        first_step = self.state["step"]
        self.data.set_epoch(epoch, first_step)
        guard = StepGuard(self.interruption, first_step)
        title = f"Epoch {epoch:04d} ({epoch + 1}/{self.settings['num_epochs']})"
        with (
            memory_errors(),
            frontend_phase(self.model, self.settings, self.state, epoch),
            self.console.progress(title, self.data.steps, first_step, self.data.batch_size) as progress,
        ):
            callbacks = [guard, EpochProgress(progress, first_step)]
            history = self.model.fit(
                self.data,
                initial_epoch=epoch,
                epochs=epoch + 1,
                shuffle=False,
                verbose=0,
                callbacks=StepwiseCallbacks(callbacks, add_history=True, model=self.model),
            )
        if guard.bad_step is not None:
            kept = f"the last good checkpoint is {self.run.latest}" if self.run.latest.exists() else "no checkpoint yet"
            raise RunError(
                f"the loss is no longer finite in epoch {epoch}, step {guard.bad_step}; {kept}. Lower --learning_rate"
            )
        if guard.step < self.data.steps:
            self.state["step"] = guard.step
            with averaged_weights(self.model):
                save_checkpoint(self.run.latest, self.model, self.settings, self.state)
            print(f"Stopped in epoch {epoch} after step {guard.step} of {self.data.steps}.")
            return None
        logs = {log_name(name): float(values[-1]) for name, values in history.history.items()}
        return {"epoch": epoch, **logs, "learning_rate": learning_rate}

    def validate(self, epoch, row):
        """Scores the validation images, writes and prints the result and adds it to the log's row.

        Returns:
            Whether the mean IoU is the best so far.
        """
        folder = self.run.epoch(epoch)
        with self.console.progress("Validation", len(self.validation_pairs)) as progress:
            confusion, image_scores, samples = evaluate(
                self.predictor,
                self.validation_pairs,
                self.class_dict,
                folder=folder,
                keep=[pair.name for pair in self.validation_pairs[:NUM_SAMPLES]],
                progress=progress.count,
                workers=self.settings["workers"],
            )
        scores = confusion.result()
        write_image_scores(
            folder / "val_scores.csv",
            ("val_name", "avg_accuracy"),
            self.validation_pairs,
            image_scores,
            self.class_dict.class_names,
        )
        self.draw_validation(epoch, confusion.matrix, samples)
        title = f"\nValidation of epoch {epoch:04d} on {confusion.images} images:"
        self.report = "\n".join([title, class_table(scores), headline(scores), suite_means(image_scores)])
        self.console.say(self.report)
        row.update({f"val_{name}": scores[name] for name in LOGGED_SCORES})
        row.update({f"val_iou_{name}": iou for name, iou in scores["class_iou"].items()})
        is_better = self.state["best_mean_iou"] is None or scores["mean_iou"] > self.state["best_mean_iou"]
        if is_better:
            self.state["best_mean_iou"] = scores["mean_iou"]
        self.state["validations_without_gain"] = 0 if is_better else self.state["validations_without_gain"] + 1
        return is_better

    def draw_validation(self, epoch, matrix, samples):
        """Draws the confusion matrix, and a grid of the first validation images, the same ones each time."""
        samples_path, confusion_path = self.run.epoch(epoch) / "samples.png", self.run.folder / "confusion.png"
        plot_samples(samples_path, samples, self.class_dict)
        plot_confusion(confusion_path, matrix, self.class_dict.class_names, f"Validation of epoch {epoch:04d}")
        if self.writer:
            self.writer.image("samples", samples_path, epoch)
            self.writer.image("confusion", confusion_path, epoch)

    def record(self, epoch, row, is_better):
        """Writes the checkpoints of a finished epoch, then log and plots.

        The latest checkpoint comes last: whenever the program is killed, the others are at least as far as it says.
        """
        self.state["log"].append(row)
        self.state.update(epoch=epoch + 1, step=0)
        targets = [self.run.epoch(epoch) / "model.keras"] if epoch % self.settings["checkpoint_step"] == 0 else []
        targets += [self.run.best] if is_better else []
        targets += [self.run.latest]
        save_checkpoint(targets[0], self.model, self.settings, self.state)
        for target in targets[1:]:
            copy_file(targets[0], target)
        write_rows(self.run.log, self.state["log"])
        plot_log(self.run.folder, self.state["log"])
        if "val_mean_iou" in row:
            plot_class_iou(self.run.folder / "class_iou_vs_epochs.png", self.state["log"], self.class_dict)
        if self.writer:
            if has_histograms(epoch, self.settings["num_epochs"]):
                self.writer.histograms(self.model, epoch)
            self.writer.scalars(row)
