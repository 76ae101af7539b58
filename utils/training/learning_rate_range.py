"""Learning rate range test: the loss while the learning rate rises (Smith 2017).

A new network is trained for some updates, each at a higher learning rate than the one before (1506.01186). Rates at
which the loss falls are useful; the one at which it rises again is too high.
"""

import keras
import numpy as np

from utils.data.bad_samples import raise_failures
from utils.data.dataset import SegmentationDataset
from utils.errors import RunError, memory_errors

LOWEST, HIGHEST, UPDATES = 1e-7, 1.0, 100
SMOOTHING = 3.0  # updates, standard deviation of the Gaussian window
DIVERGED = 2.0  # times the first loss
# Settings under which only the optimizer acts on the loss, and a callback sets its rate.
PLAIN = {"schedule": "constant", "warm_up": 0.0, "ema": 0.0, "steps_per_execution": 1, "learning_rate": LOWEST}
REMEDY = "check the labels and --loss, or give a --learning_rate without the test"


class SteppedRates(keras.callbacks.Callback):
    """Callback that sets the learning rate of each update, and stops when the loss diverges.

    Args:
        rates: floats, the learning rate of each update.
        accumulate: training steps that make one update.
        diverged: the training stops when the loss is this many times the mean of the first three; None: never.

    Attributes:
        losses: list of float, the mean loss of each complete update.
    """

    def __init__(self, rates, accumulate: int = 1, diverged: float | None = DIVERGED):
        super().__init__()
        self.rates, self.accumulate, self.diverged = rates, accumulate, diverged
        self.losses, self._sum, self._seen = [], 0.0, 0.0

    def on_train_batch_begin(self, batch, logs=None):
        if batch % self.accumulate == 0:
            self.model.optimizer.learning_rate = float(self.rates[batch // self.accumulate])

    def on_train_batch_end(self, batch, logs=None):
        total = float(logs["loss"]) * (batch + 1)  # Keras reports the mean over the epoch
        self._sum, self._seen = self._sum + total - self._seen, total
        if (batch + 1) % self.accumulate:
            return
        self.losses.append(self._sum / self.accumulate)
        self._sum = 0.0
        recent = np.median(self.losses[-3:])  # a single difficult batch is no divergence
        is_bad = not np.isfinite(self.losses[-1])
        if is_bad or self.diverged and len(self.losses) > 3 and recent > self.diverged * np.mean(self.losses[:3]):
            self.model.stop_training = True


def range_rates(updates: int = UPDATES) -> np.ndarray:
    """Returns the learning rates of a range test, `(updates,)`, evenly spaced on a logarithmic scale."""
    return np.geomspace(LOWEST, HIGHEST, updates)


def measure_losses(
    model: keras.Model,
    data: SegmentationDataset,
    rates: np.ndarray,
    accumulate: int = 1,
    diverged: float | None = DIVERGED,
) -> np.ndarray:
    """Trains a network with given learning rates.

    Args:
        model: compiled, with a constant learning rate; its weights change.
        data: training batches; `steps` is set to the number that is needed. Each call takes the same batches.
        rates: learning rate of each update, `(N,)`.
        accumulate: training steps of an update.
        diverged: as in `SteppedRates`.

    Returns:
        Losses `(M,)` of the first M <= N updates, until it diverges; all are finite.
    """
    data.steps = len(rates) * accumulate
    data.set_epoch(0)
    stepped = SteppedRates(rates, accumulate, diverged)
    with memory_errors(), raise_failures(data):
        model.fit(data, shuffle=False, verbose=0, callbacks=[stepped])
    losses = np.array(stepped.losses)
    return losses[: np.argmin(np.isfinite(losses))] if not np.isfinite(losses).all() else losses


def smooth(losses: np.ndarray, deviation: float = SMOOTHING) -> np.ndarray:
    """Averages a curve with a Gaussian window of this standard deviation, normalized at the borders."""
    positions = np.arange(len(losses))
    weights = np.exp(-0.5 * ((positions[:, None] - positions) / deviation) ** 2)
    return weights @ losses / weights.sum(axis=1)


def rate_of_lowest_loss(rates: np.ndarray, losses: np.ndarray) -> float:
    """Finds the learning rate with the lowest smoothed loss.

    Args:
        rates, losses: of the updates of a range test, `(N,)`.

    Raises:
        RunError: if the loss does not fall.
    """
    if len(losses) < 10:
        raise RunError(f"the loss is not finite after {len(losses)} updates at tiny learning rates; {REMEDY}")
    curve = smooth(losses)
    lowest = int(np.argmin(curve))
    start = curve[: max(3, len(curve) // 10)].mean()
    if not curve[lowest] < 0.98 * start:
        raise RunError(f"the loss falls at no learning rate from {LOWEST:g} to {rates[len(losses) - 1]:.2g}; {REMEDY}")
    return float(rates[lowest])
