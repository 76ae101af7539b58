"""Plan of a training that ends at a given time (`--minutes`): number of epochs, steps, progress of the schedule.

Importing this module imports no Keras.
"""

import dataclasses
import time
from collections.abc import Callable, Collection

LAST_EPOCH_MARGIN = 2  # any epoch may turn out to be the last, and may then have this many times the planned steps
LEAST_SHARE = 0.04  # of the time; for less, no further epoch begins


@dataclasses.dataclass
class Costs:
    """Seconds that the parts of a training take.

    Attributes:
        step: a training step.
        epoch: end of an epoch: batch-norm statistics, checkpoints, plots.
        validation: a validation.
    """

    step: float
    epoch: float
    validation: float

    def at_speed(self, step: float) -> "Costs":
        """Returns the costs when a step takes this long: a machine that has become slower is slower in everything."""
        return Costs(*(step / self.step * seconds for seconds in dataclasses.astuple(self)))


def count_validations(epoch: int, epochs: int, every: int) -> int:
    """Counts the validations in `epochs` epochs from number `epoch` on; the last one is always validated."""
    return (epoch + epochs - 2) // every - (epoch - 1) // every + 1


def closest_epochs(seconds: float, costs: Costs, steps: int, epoch: int, first_step: int, every: int) -> int:
    """Finds the number of epochs whose time is closest to the given one.

    Args:
        seconds: until the end.
        costs: `Costs`.
        steps: steps per epoch.
        epoch: number of the current epoch.
        first_step: steps of it that are done.
        every: epochs from one validation to the next.

    Returns:
        Number of epochs, the current one included, at least 1.
    """

    def seconds_of(epochs):
        total_steps = max(0, steps - first_step) + (epochs - 1) * steps
        validations = count_validations(epoch, epochs, every)
        return total_steps * costs.step + epochs * costs.epoch + validations * costs.validation

    per_epoch = steps * costs.step + costs.epoch + costs.validation / every
    guess = 1 + round((seconds - seconds_of(1)) / per_epoch)
    return min((max(1, guess + more) for more in (-2, -1, 0, 1, 2)), key=lambda n: abs(seconds_of(n) - seconds))


class TimePlan:
    """Plan of a training that ends at a given time.

    After each step it decides how many epochs follow. All but the last have the same number of steps; the last one has
    half to one and a half times as many, and ends when the time is over. The schedule's progress is the share of the
    time for steps that has passed, so that the learning rate ends where it should, however fast the machine turns out
    to be.

    Args:
        minutes: of the whole training.
        steps: steps per epoch.
        every: epochs from one validation to the next.
        start: `clock()` at the start of the command.
        spent: seconds that earlier commands have trained.
        progress: of the schedule, 0..1, where it resumes.
        clock: function that returns seconds; default: `time.perf_counter`.

    Attributes:
        costs: `Costs`, measured; to be set before the first plan.
        warm_up: training steps in which the learning rate also rises from 0; to be set too.
        num_epochs: number of the last epoch + 1, as planned.
        is_over: whether no further step may begin.
        ends_epoch: whether no further step of this epoch may begin.
    """

    def __init__(
        self,
        minutes: float,
        steps: int,
        every: int = 1,
        start: float | None = None,
        spent: float = 0.0,
        progress: float = 0.0,
        clock: Callable[[], float] | None = None,
    ):
        self.clock = clock or time.perf_counter
        self.start = self.clock() if start is None else start
        self.seconds, self.steps, self.every, self.spent = 60.0 * minutes, steps, every, spent
        self.progress, self.costs, self.warm_up = progress, None, None
        self._measured = {}  # seconds of the ends of epochs and of validations
        self.num_epochs, self.is_over, self.ends_epoch, self._epochs = 0, False, False, 1
        self._epoch = self._first_step = self._done = 0
        self._mark = self._epoch_start = self.start

    @property
    def left(self) -> float:
        """Seconds until the end."""
        return self.start + self.seconds - self.spent - self.clock()

    @property
    def elapsed(self) -> float:
        """Seconds that this command and those before it have taken."""
        return self.spent + self.clock() - self.start

    def begin_epoch(self, epoch: int, first_step: int = 0) -> int:
        """Plans the epochs that are left.

        Args:
            epoch: number of the epoch that begins.
            first_step: steps of it that are done.

        Returns:
            The largest number of steps of this epoch, those done included; `step` may end it before.
        """
        self._epochs = closest_epochs(self.left, self.costs, self.steps, epoch, first_step, self.every)
        self.num_epochs, self.is_over, self.ends_epoch = epoch + self._epochs, False, False
        self._epoch, self._first_step, self._done = epoch, first_step, first_step
        self._mark = self._epoch_start = self.clock()
        return LAST_EPOCH_MARGIN * max(self.steps, self.last_step)

    @property
    def last_step(self) -> int:
        """Planned number of steps of the current epoch, those done included."""
        if self._epochs > 1:
            return max(self.steps, self._first_step + 1)
        costs = self._current_costs()
        steps = round((self.left - costs.epoch - costs.validation) / costs.step)
        return self._done + max(0 if self._done > self._first_step else 1, steps)

    def step(self, done: int) -> bool:
        """Notes the end of a step.

        Args:
            done: steps of this epoch that are done.

        Returns:
            Whether the epoch continues.
        """
        now, self._done = self.clock(), done
        costs = self._current_costs()
        self._epochs = closest_epochs(self.left, costs, self.steps, self._epoch, done, self.every)
        validations = count_validations(self._epoch, self._epochs, self.every)
        after = self.left - self._epochs * costs.epoch - validations * costs.validation
        if self._epochs > 1:  # the number of epochs is rounded, which may leave no time for their steps
            steps = max(0, self.last_step - done) + (self._epochs - 1) * self.steps
            after = max(after, 0.5 * steps * costs.step)
        before = after + now - self._mark
        self.progress = 1.0 - (1.0 - self.progress) * max(after, 0.0) / before if before > 0 else 1.0
        self._mark = now
        self.is_over = self.left - costs.epoch - costs.validation < 0.5 * costs.step
        self.ends_epoch = self.is_over or done >= self.steps and self._epochs > 1
        return not self.ends_epoch

    def _current_costs(self) -> Costs:
        """Returns the costs at the speed of this epoch's steps, or as known before while it has hardly begun."""
        done, seconds = self._done - self._first_step, self._mark - self._epoch_start
        return self.costs.at_speed(seconds / done) if done >= 5 and seconds > 0 else self.costs

    def end_steps(self) -> None:
        """Notes the end of the steps of an epoch, and decides whether it was the last one."""
        done, now = self._done - self._first_step, self.clock()
        if done:
            self.costs = self.costs.at_speed((now - self._epoch_start) / done)
        end = self.costs.epoch + self.costs.validation
        is_too_short = self.left - end < end + max(LEAST_SHARE * self.seconds, self.costs.step)
        is_last = self.is_over or self._epochs == 1 and is_too_short
        self.num_epochs = self._epoch + 1 if is_last else max(self.num_epochs, self._epoch + 2)
        self._mark = now

    def end_epoch(self, validation_seconds: float | None) -> None:
        """Notes the end of an epoch, after its checkpoints and plots are written.

        Args:
            validation_seconds: that the validation took; None if there was none.
        """
        self._measured.setdefault("epoch", []).append(self.clock() - self._mark - (validation_seconds or 0.0))
        if validation_seconds is not None:
            self._measured.setdefault("validation", []).append(validation_seconds)
        for name, values in self._measured.items():
            recent = values[1:][-3:] or values  # the first one includes tracing
            setattr(self.costs, name, sum(recent) / len(recent))

    def describe(self) -> str:
        """Describes the plan after `begin_epoch`, such as "--minutes 11: 18 epochs of 92 steps, ..."."""
        epochs = self._epochs
        steps = self.last_step - self._first_step if epochs == 1 else self.steps
        count = f"{epochs} epoch{'s' if epochs > 1 else ''} of {steps} step{'s' if steps > 1 else ''}"
        part = f", of {self.steps} for all images" if epochs == 1 and steps < self.steps else ""
        minutes, over = self.seconds / 60, self.elapsed / 60
        return f"--minutes {minutes:g}: {count}{part}; {over:.1f} of {minutes:g} minutes, loading included, are over"

    def to_state(self) -> dict:
        """Returns what resuming needs to know, for the state of the training."""
        names = {"minutes": self.seconds / 60, "spent": round(self.elapsed, 1)}
        return {**names, "progress": self.progress, "warm_up": self.warm_up}


def spent_seconds(state: dict | None) -> float:
    """Returns the seconds that a run has taken so far: as its plan noted, or those of the epochs in its log."""
    state = state or {}
    in_log = sum(row.get("seconds") or 0.0 for row in state.get("log", []))
    return max(state.get("time_plan", {}).get("spent", 0.0), in_log)


def is_complete(settings: dict, state: dict) -> bool:
    """Returns whether a run has no epochs, or with `--minutes` no time left."""
    minutes = settings.get("minutes")
    if not minutes:
        return state["epoch"] >= settings["num_epochs"]
    is_same = state.get("time_plan", {}).get("minutes") == minutes
    has_time = spent_seconds(state) < (1 - LEAST_SHARE) * 60 * minutes
    return not has_time or is_same and state["step"] == 0 and state["epoch"] >= settings["num_epochs"]


def choose_length(settings: dict, given: Collection[str]) -> str | None:
    """Decides between `--minutes` and `--num_epochs`; "minutes" becomes None if the number of epochs decides.

    Args:
        settings: flags of train.py, those of a resumed run included.
        given: names of the flags on the command line and in the `--config` file.

    Returns:
        A line if both are set, else None.
    """
    minutes, epochs = settings.get("minutes"), settings["num_epochs"]
    if not minutes or "num_epochs" not in given:
        return None
    if "minutes" in given:
        return f"--minutes {minutes:g} decides the number of epochs; --num_epochs {epochs} has no effect"
    settings["minutes"] = None
    return f"--num_epochs {epochs} replaces the --minutes {minutes:g} of the run"
