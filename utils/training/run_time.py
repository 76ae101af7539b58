"""Run time of a training: an estimate after its first steps, and the execution of a time plan (`--minutes`)."""

import time
from collections.abc import Callable, Sequence

import keras
import numpy as np

from utils.data.dataset import SegmentationDataset
from utils.data.folder import Pair
from utils.data.labels import read_pair
from utils.errors import UsageError
from utils.progress import Progress
from utils.training.optimizers.parameter_groups import inner_optimizer
from utils.training.precise_batch_norm import batches_of_estimate
from utils.training.step_time import measure_step_time
from utils.training.time_plan import Costs, TimePlan, count_validations, spent_seconds

FORWARD_SHARE = 1 / 3  # of a training step: the gradients of features and of weights are the other two passes
FILES_SECONDS = 3.0  # checkpoint and plots of an epoch, and as long for those of a validation, before they are measured
WARM_UP_SHARE = 0.1  # of all steps, the longest warm-up of a training whose length is planned
DAY = 24 * 3600.0
# The recorded experiment camvid_custom_mobilenet; a test compares the numbers.
SHORTER = (
    "--recipe strong --model custom --frontend MobileNet --crop_height 224 --crop_width 320 --num_epochs 18 took 11 "
    "minutes on CamVid (2 CPU cores, 61 % mean IoU)"
)


def rough_duration(seconds: float) -> str:
    """Formats seconds in the largest unit of which there are two, such as "11 minutes", "3.5 hours" or "7 days"."""
    for unit, size in (("day", DAY), ("hour", 3600.0), ("minute", 60.0)):
        if seconds >= 2 * size:
            return (
                f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}s"
                if seconds < 10 * size
                else (f"{seconds / size:.0f} {unit}s")
            )
    return f"{max(1, round(seconds))} seconds"


def slowdown(elapsed: float) -> float:
    """Estimates how many times as long single-threaded work takes because other programs run, from 1 on.

    Args:
        elapsed: seconds since the start of this process, most of which is such work.
    """
    return max(1.0, elapsed / max(time.process_time(), 1e-3))


def estimate_costs(
    step_seconds: float, data: SegmentationDataset, validation_pairs: Sequence[Pair], busy: float = 1.0
) -> Costs:
    """Estimates the costs of a training from the time of its steps: other passes by their number of pixels.

    Args:
        step_seconds: of a training step.
        data, validation_pairs: of the training.
        busy: factor of the time to write files, see `slowdown`.
    """
    batch_seconds, files = FORWARD_SHARE * step_seconds, FILES_SECONDS * busy
    validation = 0.0
    if validation_pairs:
        pair, crop = validation_pairs[0], data.augmentation
        image, _ = read_pair(pair.image, pair.label, pair.class_dict or data.class_dict, data.image_format)
        share = image.shape[0] * image.shape[1] / (data.batch_size * crop.crop_height * crop.crop_width)
        validation = len(validation_pairs) * share * batch_seconds + files
    return Costs(step_seconds, batches_of_estimate(data) * batch_seconds + files, validation)


class RunTimeEstimate(keras.callbacks.Callback):
    """Says how long the training will take, after a few steps of an epoch; tracing does not count.

    Args:
        data: `SegmentationDataset`.
        validation_pairs: list of `Pair`.
        epochs: `(epoch, num_epochs)`, numbers of the epoch and of the last epoch + 1.
        validation_step: epochs from one validation to the next.
        say: called with the line and with whether it is a warning: the training takes more than a day.
    """

    SECONDS, CALLS = 3.0, 20  # of the measurement: it ends with the first of both, and has at least three calls

    def __init__(
        self,
        data: SegmentationDataset,
        validation_pairs: Sequence[Pair],
        epochs: tuple[int, int],
        validation_step: int,
        say: Callable[[str, bool], None],
    ):
        super().__init__()
        self.data, self.validation_pairs, self.say = data, validation_pairs, say
        (self.epoch, self.num_epochs), self.validation_step = epochs, validation_step
        self._times, self._steps, self._is_told = [], [], False

    def on_train_batch_end(self, batch, logs=None):
        if self._is_told:
            return
        float(logs["loss"])  # waits for an accelerator
        self._times.append(time.perf_counter())
        self._steps.append(batch + 1)
        calls = len(self._times) - 1
        if calls >= 3 and (self._times[-1] - self._times[0] > self.SECONDS or calls >= self.CALLS):
            self._tell()

    def on_epoch_end(self, epoch, logs=None):
        if len(self._times) > 1 and not self._is_told:
            self._tell()

    def _tell(self):
        self._is_told = True
        step = float(np.median(np.diff(self._times) / np.diff(self._steps)))
        costs, epochs = estimate_costs(step, self.data, self.validation_pairs), self.num_epochs - self.epoch
        validations = count_validations(self.epoch, epochs, self.validation_step)
        epoch_seconds = self.data.steps * costs.step + costs.epoch
        self.say(*estimate_line(epochs * epoch_seconds + validations * costs.validation, epochs, bool(self.epoch)))


def estimate_line(seconds: float, epochs: int, is_rest: bool = False) -> tuple[str, bool]:
    """Returns the line of an estimate, and whether the training takes more than a day."""
    what = f"{'the remaining ' if is_rest else ''}{epochs} epoch{'s take' if epochs > 1 else ' takes'}"
    line = f"Estimate: {what} about {rough_duration(seconds)} on this machine"
    if seconds <= DAY:
        return line, False
    return f"{line}. --minutes 60 trains in an hour; {SHORTER}", True


def start_plan(
    settings: dict, state: dict | None, start: float, model: keras.Model, data, validation_pairs
) -> TimePlan:
    """Measures the time of a step, plans a training that ends in time, and prepares its schedule.

    Args:
        settings: flags of train.py; "num_epochs" becomes the planned number.
        state: state of the run to resume, or None.
        start: `time.perf_counter()` at the start of the command.
        model, data, validation_pairs: of the training.

    Raises:
        UsageError: if the backend is JAX, whose compiled steps have a fixed schedule, or if the time is too short.
    """
    if keras.config.backend() == "jax":
        raise UsageError("--minutes does not work with JAX, which compiles the schedule into a step; use --num_epochs")
    saved, spent = (state or {}).get("time_plan", {}), spent_seconds(state)
    epoch, first_step = (state["epoch"], state["step"]) if state else (settings["epoch_start_i"], 0)
    seconds = 60.0 * settings["minutes"]
    progress = saved["progress"] if saved.get("minutes") == settings["minutes"] else min(1.0, spent / seconds)
    plan = TimePlan(settings["minutes"], data.steps, settings["validation_step"], start, spent, progress)
    data.set_epoch(epoch)
    measured = measure_step_time(model, data, seconds=min(10.0, 0.05 * seconds))
    busy = slowdown(time.perf_counter() - start)
    plan.costs = estimate_costs(measured.seconds, data, validation_pairs, busy)
    plan.costs.epoch += 2 * FORWARD_SHARE * measured.first_seconds  # tracing for batch norm and for validation
    least = plan.costs.step + plan.costs.epoch + plan.costs.validation
    if plan.left < least:
        shortest = (plan.elapsed + least) / 60
        raise UsageError(
            f"--minutes {settings['minutes']:g} is too short: loading, a step and a validation take about "
            f"{shortest:.2g} minutes"
        )
    plan.begin_epoch(epoch, first_step)
    settings["num_epochs"] = plan.num_epochs
    plan.warm_up = saved.get("warm_up")
    if plan.warm_up is None:
        steps = (plan.num_epochs - epoch - 1) * plan.steps + plan.last_step
        plan.warm_up = min(settings["warm_up"] * plan.steps, WARM_UP_SHARE * steps)
    apply_progress(model, plan)
    return plan


def apply_progress(model: keras.Model, plan: TimePlan) -> None:
    """Sets progress and warm-up of the schedule, if the learning rate depends on them."""
    schedule = getattr(inner_optimizer(model.optimizer), "timed_schedule", None)
    if schedule:
        schedule.progress.assign(plan.progress)
        schedule.warm_up.assign(plan.warm_up)


class PlannedSteps(keras.callbacks.Callback):
    """Moves the schedule on with the time, and ends the epoch when the time is over.

    Args:
        plan: `TimePlan`, after `begin_epoch`.
        progress: `Progress` of the epoch's steps, whose total becomes the planned number.
        first_step: int, steps of this epoch that were done before.
    """

    def __init__(self, plan: TimePlan, progress: Progress, first_step: int = 0):
        super().__init__()
        self.plan, self.progress, self.first_step = plan, progress, first_step

    def on_train_begin(self, logs=None):
        apply_progress(self.model, self.plan)
        self.progress.total = self.plan.last_step

    def on_train_batch_end(self, batch, logs=None):
        may_continue = self.plan.step(self.first_step + batch + 1)
        apply_progress(self.model, self.plan)
        self.progress.total = self.plan.last_step
        if not may_continue:
            self.model.stop_training = True
