"""Training loop: trains an epoch, validates, writes a checkpoint and logs."""

import dataclasses
import gc
import time
from collections.abc import Sequence

import keras

from models import inference_model
from utils.data.dataset import SegmentationDataset
from utils.data.folder import Pair
from utils.errors import RunError, memory_errors
from utils.evaluation.evaluate import evaluate
from utils.evaluation.reports import class_table, headline, suite_means
from utils.progress import Console, Progress, duration
from utils.training.callbacks import EpochProgress, Interruption, StepGuard, StepwiseCallbacks, log_name
from utils.training.freezing import frontend_phase
from utils.training.optimizers import current_learning_rate
from utils.training.optimizers.ema import averaged_weights
from utils.training.precise_batch_norm import BatchNormStatistics
from utils.training.record import RunRecord
from utils.training.run_time import PlannedSteps, RunTimeEstimate
from utils.training.time_plan import TimePlan
from utils.training.validation_loss import LossBackend, LossPredictor, main_loss

NUM_SAMPLES = 4  # validation images in the sample grid
LOGGED_SCORES = ("mean_iou", "global_accuracy", "precision", "recall", "f1")


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """Schedule of a training run, in epochs.

    Attributes:
        num_epochs: number of the last epoch + 1.
        validation_step: epochs from one validation to the next; the last epoch is always validated.
        patience: validations without a better mean IoU after which training ends; None: never.
        unfreeze_epoch: number of the first epoch in which the frontend trains.
        progress: mode of `Console`.
    """

    num_epochs: int
    validation_step: int = 1
    patience: int | None = None
    unfreeze_epoch: int = 0
    progress: str | None = None


class Trainer:
    """Trains a network as train.py does.

    Args:
        model: compiled, of `build_training_model`.
        data: training batches.
        validation_pairs: images to validate on.
        record: writes the files of the run; its state says where to start.
        options: when to validate and to end.
        interruption: its `requested` stops the training after the current step.
        plan: ends the training at a given time, in place of the number of epochs.
    """

    def __init__(
        self,
        model: keras.Model,
        data: SegmentationDataset,
        validation_pairs: Sequence[Pair],
        record: RunRecord,
        options: TrainingOptions,
        interruption: Interruption,
        plan: TimePlan | None = None,
    ):
        self.model, self.data, self.validation_pairs = model, data, validation_pairs
        self.record, self.options, self.interruption, self.plan = record, options, interruption, plan
        self.statistics = BatchNormStatistics(model, model.jit_compile)
        self.backend = LossBackend(inference_model(model), main_loss(model), model.jit_compile)
        self.predictor = LossPredictor(self.backend, data.batch_size)
        self.console = Console(options.progress)
        self.report = None  # of the last validation
        self.first_epoch = record.state["epoch"]

    def train(self) -> bool:
        """Trains to the last epoch, or until it is interrupted or patience ends.

        Returns:
            True if the training is complete, False if it was interrupted.

        Raises:
            RunError: if the loss is not finite or memory does not suffice.
        """
        state = self.record.state
        self.record.add_graph(self.model)
        drawn = self.record.add_batch(self.data)
        if drawn:
            self.console.say(f"What the network sees, crops and labels of the first batch: {drawn}")
        while state["epoch"] < self.options.num_epochs:
            epoch, start = state["epoch"], time.perf_counter()
            if self.plan:
                self.data.steps = self.plan.begin_epoch(epoch, state["step"])
                self.follow_plan()
            row = self.train_epoch(epoch)
            if row is None:
                return False
            if self.plan:
                self.plan.end_steps()
                self.follow_plan()
                self.data.steps = self.plan.steps
            options = self.options
            with averaged_weights(self.model):
                self.data.set_epoch(epoch)
                self.statistics.estimate(self.data)
                is_validated = epoch % options.validation_step == 0 or epoch == options.num_epochs - 1
                validation_start = time.perf_counter()
                is_best = is_validated and self.validate(epoch, row)
                validation_seconds = time.perf_counter() - validation_start
                row["seconds"] = round(time.perf_counter() - start, 1)
                if self.plan:
                    self.follow_plan()
                self.record.add_epoch(self.model, row, is_best)
            if self.plan:
                self.plan.end_epoch(validation_seconds if is_validated else None)
            if self.interruption.requested:
                return False
            if options.patience and state["validations_without_gain"] >= options.patience:
                print(f"No better mean IoU in {options.patience} validations: training ends.")
                return True
            epoch_seconds = sum(row["seconds"] for row in state["log"]) / len(state["log"])
            epochs_left = options.num_epochs - 1 - epoch
            remaining = duration(max(0.0, self.plan.left) if self.plan else epochs_left * epoch_seconds)
            self.console.say(f"Epoch time = {row['seconds']} s. Remaining training time = {remaining}")
        self.console.say("Remaining training time : Training completed.")
        return True

    def follow_plan(self) -> None:
        """Takes the number of epochs from the plan, and notes for the next checkpoint where the plan is."""
        self.options = dataclasses.replace(self.options, num_epochs=self.plan.num_epochs)
        self.record.set_num_epochs(self.plan.num_epochs)
        self.record.state["time_plan"] = self.plan.to_state()

    def time_callbacks(self, epoch: int, progress: Progress) -> list[keras.callbacks.Callback]:
        """Returns the callback that follows the plan, or that estimates the run time in the first epoch."""
        state, options = self.record.state, self.options
        if self.plan:
            return [PlannedSteps(self.plan, progress, state["step"])]
        if epoch not in (self.first_epoch, options.unfreeze_epoch):
            return []

        def say(line, is_warning):
            if is_warning or self.console.mode != "quiet":
                progress.interrupt(line)

        numbers = (epoch, options.num_epochs), options.validation_step
        return [RunTimeEstimate(self.data, self.validation_pairs, *numbers, say)]

    def train_epoch(self, epoch: int) -> dict | None:
        """Trains the rest of an epoch.

        Returns:
            The first columns of the epoch's row of log.csv, loss and mean IoU over the steps of this process; None if
            the epoch was interrupted, after a checkpoint was written.
        """
        state, latest = self.record.state, self.record.run.latest
        learning_rate, first_step = current_learning_rate(self.model.optimizer), state["step"]
        self.data.set_epoch(epoch, first_step)
        guard = StepGuard(self.interruption, first_step)
        title = f"Epoch {epoch:04d} ({epoch + 1}/{self.options.num_epochs})"
        with (
            memory_errors(),
            frontend_phase(self.model, epoch < self.options.unfreeze_epoch, state),
            self.console.progress(title, self.data.steps, first_step, self.data.batch_size) as progress,
        ):
            callbacks = [guard, *self.time_callbacks(epoch, progress), EpochProgress(progress, first_step)]
            history = self.model.fit(
                self.data,
                initial_epoch=epoch,
                epochs=epoch + 1,
                shuffle=False,
                verbose=0,
                callbacks=StepwiseCallbacks(callbacks, add_history=True, model=self.model),
            )
        if guard.bad_step is not None:
            kept = f"the last good checkpoint is {latest}" if latest.exists() else "no checkpoint yet"
            raise RunError(
                f"the loss is no longer finite in epoch {epoch}, step {guard.bad_step}; {kept}. Lower --learning_rate"
            )
        is_ended_by_plan = self.plan and self.plan.ends_epoch
        if is_ended_by_plan:
            gc.collect()  # batches read ahead, which Keras keeps in a reference cycle
        if guard.step < self.data.steps and not is_ended_by_plan:
            if self.plan:
                self.follow_plan()
            with averaged_weights(self.model):
                self.record.add_interruption(self.model, guard.step)
            print(f"Stopped in epoch {epoch} after step {guard.step} of {progress.total}.")
            return None
        logs = {log_name(name): float(values[-1]) for name, values in history.history.items()}
        return {"epoch": epoch, **logs, "learning_rate": learning_rate}

    def validate(self, epoch: int, row: dict) -> bool:
        """Scores the validation images, writes and prints the scores and adds them to the epoch's row of log.csv.

        Returns:
            Whether the mean IoU is the best so far.
        """
        self.backend.reset()
        with memory_errors(), self.console.progress("Validation", len(self.validation_pairs)) as progress:
            evaluation = evaluate(
                self.predictor,
                self.validation_pairs,
                self.record.class_dict,
                folder=self.record.run.epoch(epoch),
                keep=[pair.name for pair in self.validation_pairs[:NUM_SAMPLES]],
                progress=progress.count,
                workers=self.data.workers,
                image_format=self.data.image_format,
                observe=self.record.open_collector(len(self.validation_pairs)),
            )
        self.record.add_validation(epoch, self.validation_pairs, evaluation)
        scores, loss = evaluation.confusion.result(), self.backend.mean_loss
        title = f"\nValidation of epoch {epoch:04d} on {evaluation.confusion.images} images, loss {loss:.4g}:"
        tables = class_table(scores), headline(scores), suite_means(evaluation.image_scores)
        self.report = "\n".join([title, *tables])
        self.console.say(self.report)
        row.update(val_loss=loss, **{f"val_{name}": scores[name] for name in LOGGED_SCORES})
        row.update({f"val_iou_{name}": iou for name, iou in scores["class_iou"].items()})
        return self.record.is_best(scores["mean_iou"])

    def summarize(self) -> None:
        """Closes the record; prints the best result, where the files are and, in mode "quiet", the last scores."""
        self.record.close()
        if self.report and self.console.mode == "quiet":
            print(self.report)
        print(self.record.summary())
