"""Search for a learning rate: a range test, then short trainings with the rates near its lowest loss."""

import pathlib
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
from matplotlib.figure import Figure

from utils.data.dataset import SegmentationDataset
from utils.evaluation.plots import DPI, save
from utils.files import make_folder, write_rows
from utils.progress import Console
from utils.run_folder import RunFolder
from utils.training.build import prepare_model
from utils.training.freezing import set_frozen
from utils.training.learning_rate_range import (
    HIGHEST,
    LOWEST,
    PLAIN,
    measure_losses,
    range_rates,
    rate_of_lowest_loss,
    smooth,
)
from utils.training.learning_rate_trials import UPDATES, choose_rate, final_loss, measure_trials, state_variables


class Search(NamedTuple):
    """Result of a search.

    Attributes:
        rates, losses: of the updates of the range test, `(N,)`.
        trials: dict from the rates that were tried, rising, to the losses of their updates.
        suggestion: learning rate.
    """

    rates: np.ndarray
    losses: np.ndarray
    trials: dict[float, np.ndarray]
    suggestion: float


def search_rate(
    model: keras.Model,
    data: SegmentationDataset,
    settings: dict,
    say: Callable[[str], None] = lambda text: None,
    report: Callable[[Search], None] = lambda search: None,
) -> Search:
    """Searches the learning rate of a network.

    Args:
        model: compiled under the settings `PLAIN`; its weights change.
        data: training batches.
        settings: flags of train.py: "schedule", "num_epochs", "warm_up", "accumulate".
        say: function that takes lines on the progress.
        report: function that takes the range test, as a search without trials, before they begin.
    """
    start = [variable.numpy() for variable in state_variables(model)]
    rates = range_rates()
    steps = len(rates) * settings["accumulate"]
    say(f"Learning rate range test: {steps} steps, from {LOWEST:g} to {HIGHEST:g} ...")
    losses = measure_losses(model, data, rates, settings["accumulate"])
    rates = rates[: len(losses)]
    report(Search(rates, losses, {}, np.nan))
    lowest = rate_of_lowest_loss(rates, losses)
    steps = UPDATES * settings["accumulate"]
    say(f"Lowest loss at {lowest:.2g}. Trainings of {steps} steps with the whole schedule {settings['schedule']} ...")
    trials = measure_trials(model, data, lowest, start, settings, say)
    return Search(rates, losses, trials, choose_rate(trials))


def find_learning_rate(
    settings: dict, class_weights: list[float] | None, data: SegmentationDataset, run: RunFolder
) -> float:
    """Runs train.py's `--find_learning_rate`: writes the curve and the trials, and prints the suggestion.

    Args:
        settings: flags of train.py, and "num_classes".
        class_weights: as in `build_training_model`.
        data: training batches.
        run: the run's files; only `learning_rate.png` and `learning_rate.csv` are written.

    Returns:
        The suggested learning rate.
    """
    model = prepare_model({**settings, **PLAIN}, class_weights, data.steps, run, None)
    if settings["freeze_frontend"] >= settings["num_epochs"]:
        set_frozen(model, True)
    make_folder(run.folder)
    table = run.folder / "learning_rate.csv"
    found = search_rate(
        model, data, settings, Console(settings["progress"]).say, lambda search: write_rows(table, search_rows(search))
    )
    write_rows(table, search_rows(found))
    plot_search(run.folder / "learning_rate.png", found)
    given = "" if settings["schedule"] == "constant" else f" --schedule {settings['schedule']}"
    print(f"Curve: {run.folder / 'learning_rate.png'} and learning_rate.csv")
    print(
        f"Suggested for {settings['optimizer']}: --learning_rate {found.suggestion:.2g}. Train with the same command, "
        f"that flag instead of --find_learning_rate{given and ', and the same' + given}"
    )
    return found.suggestion


def search_rows(found: Search) -> list[dict]:
    """Lists the updates of a search as rows of a CSV file, trials after the range test."""
    trials = [("trial", [rate] * len(losses), losses) for rate, losses in found.trials.items()]
    return [
        {"training": training, "update": number, "learning_rate": rate, "loss": loss, "smoothed_loss": smoothed}
        for training, rates, losses in [("range test", found.rates, found.losses), *trials]
        for number, (rate, loss, smoothed) in enumerate(zip(rates, losses, smooth(losses)), 1)
    ]


def plot_search(path: pathlib.Path, found: Search) -> None:
    """Draws loss against learning rate, in the range test and at the end of the trials, and the suggestion, as PNG."""
    curve = smooth(found.losses)
    finals = {rate: final_loss(losses) for rate, losses in found.trials.items()}
    finals = {rate: loss for rate, loss in finals.items() if np.isfinite(loss)}
    figure = Figure(figsize=(7, 4.5), dpi=DPI)
    axes = figure.subplots()
    axes.plot(found.rates, found.losses, color="#7f7f7f", alpha=0.45, linewidth=0.8, label="range test, an update")
    axes.plot(found.rates, curve, color="#1f77b4", label="range test, smoothed")
    axes.plot(list(finals), list(finals.values()), "o-", color="#2ca02c", label="trials, at the end")
    axes.axvline(found.suggestion, color="#d62728", linestyle="--", label=f"suggestion: {found.suggestion:.2g}")
    axes.set(xscale="log", xlabel="Learning rate", ylabel="Loss", title="Search for a learning rate")
    axes.xaxis.set_major_formatter(lambda rate, _: f"{rate:g}")  # the default needs mathematical text
    axes.minorticks_off()
    low, high = min(curve.min(), *finals.values()), max(curve[: max(3, len(curve) // 10)])
    axes.set_ylim(low - 0.2 * (high - low), high + 0.5 * (high - low))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    save(figure, path)
