"""Learning rate range test: the loss while the learning rate rises, and the rate that it suggests (Smith 2017).

A new network is trained for some updates, each at a higher learning rate than the one before (1506.01186). Rates at
which the loss falls are useful; the one at which it rises again is too high.
"""

import pathlib

import keras
import numpy as np
from matplotlib.figure import Figure

from utils.data.dataset import SegmentationDataset
from utils.errors import RunError, memory_errors
from utils.evaluation.plots import DPI, save
from utils.files import make_folder, write_rows
from utils.progress import Console
from utils.run_folder import RunFolder
from utils.training.build import prepare_model
from utils.training.freezing import set_frozen

LOWEST, HIGHEST, UPDATES = 1e-7, 1.0, 100
SMOOTHING = 3.0  # updates, standard deviation of the Gaussian window
DIVISORS = {"poly": 10.0, "cosine": 10.0}  # between the rate of the lowest loss and the suggestion
DIVERGED = 2.0  # times the first loss
# Settings under which only the optimizer acts on the loss.
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


def measure_losses(model: keras.Model, data: SegmentationDataset, rates: np.ndarray, accumulate: int = 1) -> np.ndarray:
    """Trains a network with rising learning rates.

    Args:
        model: compiled, with a constant learning rate; its weights change.
        data: training batches; `steps` is set to the number that is needed.
        rates: learning rate of each update, `(N,)`.
        accumulate: training steps of an update.

    Returns:
        Losses `(M,)` of the first M <= N updates, until it diverges; all are finite.
    """
    data.steps = len(rates) * accumulate
    data.set_epoch(0)
    stepped = SteppedRates(rates, accumulate)
    with memory_errors():
        model.fit(data, shuffle=False, verbose=0, callbacks=[stepped])
    losses = np.array(stepped.losses)
    return losses[: np.argmin(np.isfinite(losses))] if not np.isfinite(losses).all() else losses


def smooth(losses: np.ndarray, deviation: float = SMOOTHING) -> np.ndarray:
    """Averages a curve with a Gaussian window of this standard deviation, normalized at the borders."""
    positions = np.arange(len(losses))
    weights = np.exp(-0.5 * ((positions[:, None] - positions) / deviation) ** 2)
    return weights @ losses / weights.sum(axis=1)


def suggest_rate(rates: np.ndarray, losses: np.ndarray, schedule: str) -> float:
    """Suggests a learning rate: a tenth of the rate with the lowest smoothed loss, with a constant rate a thirtieth.

    Args:
        rates, losses: of the updates of a range test, `(N,)`.
        schedule: a schedule that ends near 0 may begin higher.

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
    return float(rates[lowest]) / DIVISORS.get(schedule, 30.0)


def find_learning_rate(
    settings: dict, class_weights: list[float] | None, data: SegmentationDataset, run: RunFolder
) -> float:
    """Runs the range test of train.py's `--find_learning_rate`, writes its curve, and prints the suggestion.

    Args:
        settings: flags of train.py, and "num_classes".
        class_weights: as in `build_training_model`.
        data: training batches.
        run: the run's files; only `learning_rate.png` and `learning_rate.csv` are written.

    Returns:
        The suggested learning rate.
    """
    console, accumulate = Console(settings["progress"]), settings["accumulate"]
    model = prepare_model({**settings, **PLAIN}, class_weights, data.steps, run, None)
    if settings["freeze_frontend"] >= settings["num_epochs"]:
        set_frozen(model, True)
    rates = range_rates()
    console.say(f"Learning rate range test: {len(rates) * accumulate} steps, from {LOWEST:g} to {HIGHEST:g} ...")
    losses = measure_losses(model, data, rates, accumulate)
    rates = rates[: len(losses)]
    make_folder(run.folder)
    rows = zip(rates, losses, smooth(losses))
    rows = [{"learning_rate": rate, "loss": loss, "smoothed_loss": curve} for rate, loss, curve in rows]
    write_rows(run.folder / "learning_rate.csv", rows)
    suggestion = suggest_rate(rates, losses, settings["schedule"])
    plot_range_test(run.folder / "learning_rate.png", rates, losses, suggestion)
    given = "" if settings["schedule"] == "constant" else f" --schedule {settings['schedule']}"
    print(f"Curve: {run.folder / 'learning_rate.png'} and learning_rate.csv")
    print(
        f"Suggested for {settings['optimizer']}: --learning_rate {suggestion:.2g}. Train with the same command, that "
        f"flag instead of --find_learning_rate{given and ', and the same' + given}"
    )
    return suggestion


def plot_range_test(path: pathlib.Path, rates: np.ndarray, losses: np.ndarray, suggestion: float) -> None:
    """Draws loss against learning rate, and the suggestion, as PNG.

    Args:
        path: of the PNG.
        rates, losses: of the updates, `(N,)`.
        suggestion: learning rate.
    """
    curve = smooth(losses)
    figure = Figure(figsize=(7, 4.5), dpi=DPI)
    axes = figure.subplots()
    axes.plot(rates, losses, color="#7f7f7f", alpha=0.45, linewidth=0.8, label="loss of an update")
    axes.plot(rates, curve, color="#1f77b4", label="smoothed")
    axes.axvline(suggestion, color="#d62728", linestyle="--", label=f"suggestion: {suggestion:.2g}")
    axes.set(xscale="log", xlabel="Learning rate", ylabel="Loss", title="Learning rate range test")
    axes.xaxis.set_major_formatter(lambda rate, _: f"{rate:g}")  # the default needs mathematical text
    axes.minorticks_off()
    low, high = curve.min(), max(curve[: max(3, len(curve) // 10)])
    axes.set_ylim(low - 0.2 * (high - low), high + 0.5 * (high - low))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    save(figure, path)
