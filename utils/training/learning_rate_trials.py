"""Short trainings with several learning rates from the same initial weights, and the rate that they suggest.

A range test tells from which rate on the loss rises, not which rate trains best with a schedule. So the rates below it
are tried: every trial begins with the same weights, takes the same batches, and runs the whole schedule in a few
updates. The last of them decide.
"""

from collections.abc import Callable

import keras
import numpy as np

from utils.data.dataset import SegmentationDataset
from utils.errors import RunError
from utils.training.learning_rate_range import HIGHEST, REMEDY, measure_losses
from utils.training.optimizers import build_schedule

UPDATES = 40  # of a trial
LAST = 10  # updates at the end of a trial whose losses are compared
FACTOR = 10**0.5  # between neighboring rates
FIRST = 3  # trials: the rate of the lowest loss of the range test, and as many below it
MOST = 7  # trials
ERRORS = 2.0  # standard errors of a difference of losses that chance may make


def schedule_rates(schedule: str, rate: float, num_epochs: int, warm_up: float = 0.0) -> np.ndarray:
    """Compresses a schedule from its beginning to its end, its warm-up included, to the length of a trial.

    Args:
        schedule: one of `choices.SCHEDULES`.
        rate: the initial learning rate.
        num_epochs, warm_up: epochs of the whole training, and of its warm-up.

    Returns:
        Learning rate of each update, `(UPDATES,)`.
    """
    built = build_schedule(schedule, rate, UPDATES / num_epochs, num_epochs, warm_up)
    return np.array([float(built(step)) if callable(built) else built for step in range(UPDATES)])


def try_rates(train: Callable[[float], np.ndarray], lowest: float) -> dict[float, np.ndarray]:
    """Trains with rates around that of the lowest loss, until the best one has a worse neighbor on either side.

    Args:
        train: trains with a rate from the initial weights; returns the losses of the updates until it diverges.
        lowest: learning rate of the lowest loss of the range test.

    Returns:
        Dict from the rates that were tried, rising, to the losses.

    Raises:
        RunError: if every trial diverges.
    """
    tried = {rate: train(rate) for rate in (lowest / FACTOR**step for step in reversed(range(FIRST)))}
    while len(tried) < MOST:
        rates = sorted(tried)
        best = min(rates, key=lambda rate: final_loss(tried[rate]))
        if not np.isfinite(final_loss(tried[best])) or best == rates[0]:
            following = rates[0] / FACTOR
        elif best == rates[-1] and best * FACTOR <= HIGHEST:
            following = best * FACTOR
        else:
            break
        tried[following] = train(following)
    if not any(np.isfinite(final_loss(losses)) for losses in tried.values()):
        raise RunError(f"all trainings from {min(tried):.2g} to {max(tried):.2g} diverge; {REMEDY}")
    return dict(sorted(tried.items()))


def final_loss(losses: np.ndarray) -> float:
    """Averages the last losses of a trial; infinite if it diverged before."""
    return float(np.mean(losses[-LAST:])) if len(losses) == UPDATES else np.inf


def choose_rate(tried: dict[float, np.ndarray]) -> float:
    """Chooses the rate of the lowest final loss, or the middle of those that chance may have put behind it.

    All trials see the same batches, so the differences to the best one are compared, batch by batch.

    Args:
        tried: dict from rates to losses, as `try_rates` returns it.

    Returns:
        The geometric middle between the lowest and the highest rate whose final loss is within `ERRORS` standard
        errors of the lowest.
    """
    complete = {rate: losses[-LAST:] for rate, losses in tried.items() if np.isfinite(final_loss(losses))}
    best = min(complete, key=lambda rate: complete[rate].mean())
    equal = []
    for rate, losses in complete.items():
        differences = losses - complete[best]
        if differences.mean() <= ERRORS * differences.std(ddof=1) / np.sqrt(LAST):
            equal.append(rate)
    return float(np.sqrt(min(equal) * max(equal)))


def measure_trials(
    model: keras.Model,
    data: SegmentationDataset,
    lowest: float,
    start: list[np.ndarray],
    settings: dict,
    say: Callable[[str], None] = lambda text: None,
) -> dict[float, np.ndarray]:
    """Runs the trials of a network.

    Args:
        model: compiled, with a constant learning rate; its weights change.
        data: training batches.
        lowest: learning rate of the lowest loss of the range test.
        start: initial values of `state_variables(model)`.
        settings: flags of train.py: "schedule", "num_epochs", "warm_up", "accumulate".
        say: function that takes a line for each trial.

    Returns:
        Dict from the rates that were tried, rising, to the losses.
    """

    def train(rate):
        for variable, value in zip(state_variables(model), start):
            variable.assign(value)
        rates = schedule_rates(settings["schedule"], rate, settings["num_epochs"], settings["warm_up"])
        losses = measure_losses(model, data, rates, settings["accumulate"], diverged=None)
        final = final_loss(losses)
        say(f"  {rate:.2g}: loss {final:.4f}" if np.isfinite(final) else f"  {rate:.2g}: diverges")
        return losses

    return try_rates(train, lowest)


def state_variables(model: keras.Model) -> list:
    """Lists the variables that a training changes: weights, moving statistics, the optimizer's."""
    return [*model.variables, *model.optimizer.variables]
