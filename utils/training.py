"""The training loop: an epoch, its validation, its record, its checkpoint; and again."""

import random
import sys
import time

import keras

from utils.callbacks import StepGuard
from utils.checkpoints import copy_checkpoint, save_checkpoint
from utils.errors import WorkFailed, memory_errors
from utils.evaluation import evaluate
from utils.freezing import frontend_phase
from utils.optimizers import current_learning_rate
from utils.plots import plot_log
from utils.reports import class_table, duration, headline, suite_means, write_image_scores, write_rows

VALIDATION_SEED = 16  # the original suite's, so that the same images are chosen
LOGGED_SCORES = ("mean_iou", "global_accuracy", "precision", "recall", "f1")


def choose_validation_pairs(pairs, count):
    """The original suite's random choice of validation images, the same for every run.

    Args:
        pairs: list.
        count: int; 0 means all.

    Returns:
        List of at most `count` of the pairs.
    """
    count = min(count or len(pairs), len(pairs))
    return [pairs[i] for i in random.Random(VALIDATION_SEED).sample(range(len(pairs)), count)]


def new_state(first_epoch):
    """The state of a training that has not begun: what a checkpoint remembers beside the weights."""
    return {"epoch": first_epoch, "step": 0, "best_mean_iou": None, "validations_without_gain": 0, "log": []}


class Training:
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
        self, model, data, predictor, statistics, validation_pairs, class_dict, run, settings, state, interruption,
        writer=None,
    ):
        self.model, self.data, self.predictor, self.statistics = model, data, predictor, statistics
        self.validation_pairs, self.class_dict = validation_pairs, class_dict
        self.run, self.settings, self.state = run, settings, state
        self.interruption, self.writer = interruption, writer

    def train(self):
        """Trains to the last epoch, or until someone interrupts or patience ends.

        Returns:
            True if the training is complete, False if it was interrupted.

        Raises:
            WorkFailed: if the loss is no longer finite or memory does not suffice.
        """
        num_epochs, patience = self.settings["num_epochs"], self.settings["patience"]
        for epoch in range(self.state["epoch"], num_epochs):
            start = time.perf_counter()
            row = self.train_epoch(epoch)
            if row is None:
                return False
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
            print(f"Epoch time = {row['seconds']} s. Remaining training time = {duration(left)}", flush=True)
        print("Remaining training time : Training completed.")
        return True

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
        # Keras numbers the bar's epochs up to `epochs`; the list tells it the real number of them.
        callbacks = keras.callbacks.CallbackList(
            [guard], add_history=True, add_progbar=True, model=self.model, epochs=self.settings["num_epochs"],
            steps=len(self.data), verbose=1 if sys.stdout.isatty() else 2,
        )
        with memory_errors(), frontend_phase(self.model, self.settings, self.state, epoch):
            history = self.model.fit(
                self.data, initial_epoch=epoch, epochs=epoch + 1, shuffle=False, verbose=0, callbacks=callbacks
            )
        if guard.bad_step is not None:
            kept = f"the last good checkpoint is {self.run.latest}" if self.run.latest.exists() else "no checkpoint yet"
            raise WorkFailed(
                f"the loss is no longer finite in epoch {epoch}, step {guard.bad_step}; {kept}. Lower --learning_rate"
            )
        if guard.step < self.data.steps:
            self.state["step"] = guard.step
            save_checkpoint(self.run.latest, self.model, self.settings, self.state)
            print(f"Stopped in epoch {epoch} after step {guard.step} of {self.data.steps}.")
            return None
        # With auxiliary heads Keras puts an output's name before that of its metric.
        logs = {name.replace("logits_mean", "mean"): float(v[-1]) for name, v in history.history.items()}
        return {"epoch": epoch, **logs, "learning_rate": learning_rate}

    def validate(self, epoch, row):
        """Scores the validation images, writes and prints the result and adds it to the log's row.

        Returns:
            Whether the mean IoU is the best so far.
        """
        print("Performing validation", flush=True)
        folder = self.run.epoch(epoch)
        confusion, rows = evaluate(
            self.predictor, self.validation_pairs, self.class_dict, self.settings["unknown_colours"], folder=folder,
            workers=self.settings["workers"],
        )
        scores = confusion.result()
        write_image_scores(
            folder / "val_scores.csv", ("val_name", "avg_accuracy"), self.validation_pairs, rows,
            self.class_dict.class_names,
        )
        print(f"\nValidation of epoch {epoch:04d} on {confusion.images} images:")
        print(class_table(scores), headline(scores), suite_means(rows), sep="\n")
        row.update({f"val_{name}": scores[name] for name in LOGGED_SCORES})
        is_better = self.state["best_mean_iou"] is None or scores["mean_iou"] > self.state["best_mean_iou"]
        if is_better:
            self.state["best_mean_iou"] = scores["mean_iou"]
        self.state["validations_without_gain"] = 0 if is_better else self.state["validations_without_gain"] + 1
        return is_better

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
            copy_checkpoint(targets[0], target)
        write_rows(self.run.log, self.state["log"])
        plot_log(self.run.folder, self.state["log"])
        if self.writer:
            self.writer.write(row)
