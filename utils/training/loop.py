"""Training loop: trains an epoch, validates, writes a checkpoint and logs."""

import dataclasses
import gc
import time
from collections.abc import Sequence

import keras

from utils.data.bad_samples import raise_failures
from utils.data.dataset import SegmentationDataset
from utils.data.folder import Pair
from utils.errors import memory_errors
from utils.progress import Console, Progress, duration
from utils.training.agreement import AgreedStop
from utils.training.callbacks import (
    EpochProgress,
    Interruption,
    StepGuard,
    StepwiseCallbacks,
    log_name,
    mean_of_labeled,
)
from utils.training.divergence import check_epoch, count_updates, describe_noise, describe_overflow
from utils.training.freezing import frontend_phase
from utils.training.mid_epoch import CheckpointTimer, RunningSums, running_sums
from utils.training.optimizers import current_learning_rate
from utils.training.optimizers.ema import averaged_weights
from utils.training.precise_batch_norm import BatchNormStatistics
from utils.training.record import RunRecord
from utils.training.run_time import PlannedSteps, RunTimeEstimate
from utils.training.time_plan import TimePlan
from utils.training.validation import RunValidation


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """Schedule of a training run, in epochs.

    Attributes:
        num_epochs: number of the last epoch + 1.
        validation_step: epochs from one validation to the next; the last epoch is always validated.
        patience: validations without a better mean IoU after which training ends; None: never.
        unfreeze_epoch: number of the first epoch in which the frontend trains.
        progress: mode of `Console`.
        checkpoint_minutes: from a checkpoint to the next within an epoch; 0: only after epochs.
    """

    num_epochs: int
    validation_step: int = 1
    patience: int | None = None
    unfreeze_epoch: int = 0
    progress: str | None = None
    checkpoint_minutes: float = 0.0


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
        self.console = Console(options.progress)
        self.validation = RunValidation(model, validation_pairs, data, record.figures, self.console, interruption.peers)
        self.first_epoch = record.state["epoch"]
        self.epoch_start = time.perf_counter()
        self.checkpoint_time = time.monotonic()

    def train(self) -> bool:
        """Trains to the last epoch, or until it is interrupted or patience ends.

        Returns:
            True if the training is complete, False if it was interrupted.

        Raises:
            DivergedError: if numbers are not finite, or the loss is that of a network of noise.
            RunError: if memory does not suffice.
        """
        state, figures = self.record.state, self.record.figures
        figures.add_graph(self.model)
        self.data.set_epoch(state["epoch"], state["step"])
        drawn = figures.add_batch(self.data)
        if drawn:
            self.console.say(f"What the network sees, crops and labels of the first batch: {drawn}")
        if self.record.is_pending:
            with averaged_weights(self.model):
                self.validate_epoch()
        while state["epoch"] < self.options.num_epochs and not self.has_lost_patience():
            epoch, self.epoch_start = state["epoch"], time.perf_counter() - state.get("sums", {}).get("seconds", 0.0)
            if self.plan:
                self.data.steps = self.plan.begin_epoch(epoch, state["step"])
                self.follow_plan()
            row = self.train_epoch(epoch)
            if row is None:
                return False
            self.end_epoch(epoch, row)
            self.interruption.agree()
            if self.interruption.requested:
                return False
        self.console.say("Remaining training time : Training completed.")
        return True

    def has_lost_patience(self) -> bool:
        """Returns whether the last validations were no better than one before, as many as `patience`; prints it."""
        patience, count = self.options.patience, self.record.state["validations_without_gain"]
        if not patience or count < patience:
            return False
        print(f"No better mean IoU in {patience} validations: training ends.")
        return True

    def end_epoch(self, epoch: int, row: dict) -> None:
        """Writes the checkpoint of a trained epoch, validates it if it is due, and says how long the rest takes.

        Args:
            epoch: number of the epoch.
            row: its row of log.csv.
        """
        options = self.options
        if self.plan:
            self.plan.end_steps()
            self.follow_plan()
            self.data.steps = self.plan.steps
        with averaged_weights(self.model):
            self.data.set_epoch(epoch)
            self.statistics.estimate(self.data)
            is_validated = epoch % options.validation_step == 0 or epoch == self.options.num_epochs - 1
            self.record.add_epoch(self.model, row, time.perf_counter() - self.epoch_start, is_validated)
            validation_seconds = self.validate_epoch() if is_validated else None
        self.checkpoint_time = time.monotonic()
        if self.plan:
            self.plan.end_epoch(validation_seconds)
        log = self.record.state["log"]
        epochs_left = self.options.num_epochs - 1 - epoch
        seconds = epochs_left * sum(row["seconds"] for row in log) / len(log)
        remaining = duration(max(0.0, self.plan.left) if self.plan else seconds)
        self.console.say(f"Epoch time = {row['seconds']} s. Remaining training time = {remaining}")

    def validate_epoch(self) -> float:
        """Validates the epoch whose checkpoint was written, and completes its files; returns the seconds it took."""
        row, start = self.record.state["log"][-1], time.perf_counter()
        is_best = self.validate(row["epoch"], row)
        seconds = time.perf_counter() - start
        if self.plan:
            self.follow_plan()
        self.record.complete_epoch(self.model, seconds, is_best)
        return seconds

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
        """Trains the rest of an epoch, with checkpoints in between.

        Returns:
            The first columns of the epoch's row of log.csv, loss and mean IoU over all its steps; None if it was
            interrupted, after a checkpoint was written.
        """
        state = self.record.state
        sums = state.get("sums", {})
        learning_rate = sums.get("learning_rate", current_learning_rate(self.model.optimizer))
        title = f"Epoch {epoch:04d} ({epoch + 1}/{self.options.num_epochs})"
        with self.console.progress(title, self.data.steps, state["step"], self.data.batch_size) as progress:
            callbacks, is_interrupted = self.time_callbacks(epoch, progress), False
            while not is_interrupted:
                step, logs = self.train_steps(epoch, progress, callbacks)
                if step >= self.data.steps or self.plan and self.plan.ends_epoch:
                    break
                if self.plan:
                    self.follow_plan()
                sums = {"learning_rate": learning_rate, "metrics": running_sums(self.model)}
                sums["unlabeled"] = sorted(self.data.unlabeled)
                sums["seconds"] = round(time.perf_counter() - self.epoch_start, 1)
                with averaged_weights(self.model):
                    self.record.add_interruption(self.model, step, sums)
                self.checkpoint_time = time.monotonic()
                is_interrupted = self.interruption.requested
                callbacks = self.time_callbacks(epoch, progress) if self.plan else []
        if is_interrupted:
            print(f"Stopped in epoch {epoch} after step {step} of {progress.total}.")
            return None
        return {"epoch": epoch, **logs, "learning_rate": learning_rate}

    def train_steps(self, epoch: int, progress: Progress, callbacks: list) -> tuple[int, dict]:
        """Trains from the state's step to the end of the epoch, an interruption, or the time of the next checkpoint.

        Args:
            epoch: number of the epoch.
            progress: of its steps.
            callbacks: to call after those that end the epoch.

        Returns:
            `(step, logs)`: steps of the epoch that are done, loss and mean IoU over them.

        Raises:
            DivergedError, RunError: as `train`.
        """
        state = self.record.state
        self.data.set_epoch(epoch, state["step"])
        self.data.unlabeled.update(state.get("sums", {}).get("unlabeled", ()))
        guard = StepGuard(self.interruption, state["step"])
        times = 60 * self.options.checkpoint_minutes, self.checkpoint_time
        is_alone = self.interruption.peers.count == 1
        timer = CheckpointTimer(*times) if is_alone else AgreedStop(self.interruption, *times)
        sums = RunningSums(state.get("sums", {}).get("metrics"))
        shown = EpochProgress(progress, state["step"], self.data.labeled_share)
        callbacks = [sums, guard, timer, *callbacks, shown]
        is_frozen, updates = epoch < self.options.unfreeze_epoch, count_updates(self.model)
        with memory_errors(), raise_failures(self.data), frontend_phase(self.model, is_frozen, state):
            history = self.model.fit(
                self.data,
                initial_epoch=epoch,
                epochs=epoch + 1,
                shuffle=False,
                verbose=0,
                callbacks=StepwiseCallbacks(callbacks, add_history=True, model=self.model),
            )
        if skipped := self.data.samples.describe():
            print(f"warning: epoch {epoch}: {skipped}")
        counts = guard.step - state["step"], count_updates(self.model) - updates
        if overflow := describe_overflow(self.model, *counts, epoch):
            print(f"warning: {overflow}")
        logs = {name: float(values[-1]) for name, values in history.history.items()}
        # A batch has no labeled pixel if no process's part has any.
        self.data.unlabeled.intersection_update(*self.interruption.peers.gather(sorted(self.data.unlabeled)))
        logs = mean_of_labeled(logs, self.data.labeled_share(guard.step))
        check_epoch(self.model, guard, epoch, logs, state)
        if guard.step < self.data.steps:
            gc.collect()  # batches read ahead, which Keras keeps in a reference cycle
        return guard.step, {log_name(name): value for name, value in logs.items()}

    def validate(self, epoch: int, row: dict) -> bool:
        """Scores the validation images and adds the scores to the epoch's row of log.csv.

        Returns:
            Whether the mean IoU is the best so far.
        """
        row.update(self.validation.run(epoch))
        return self.record.is_best(row["val_mean_iou"])

    def summarize(self) -> None:
        """Closes the record; prints the best result, where the files are and, in mode "quiet", the last scores."""
        self.record.close()
        if self.validation.report and self.console.mode == "quiet":
            print(self.validation.report)
        print(self.record.summary())
        warning = describe_noise(self.model, self.record.state["log"], self.validation.constant_accuracy)
        if warning:
            print(f"warning: {warning}")
