"""Plots of training curves and confusion matrices."""

import pathlib
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from utils.files import atomic_write
from utils.fonts import save_png
from utils.text import display_width

CURVES = {
    "loss_vs_epochs.png": ("Average loss vs epochs", "Loss", ("loss", "logits_loss", "val_loss")),
    "accuracy_vs_epochs.png": ("Average validation accuracy vs epochs", "Global accuracy, %", ("val_global_accuracy",)),
    "iou_vs_epochs.png": ("Average IoU vs epochs", "Mean IoU, %", ("val_mean_iou", "mean_iou")),
}
TRAINING, WITH_HEADS, VALIDATION = "training", "training, with auxiliary heads", "validation"
LABELS = {
    **{"loss": TRAINING, "logits_loss": TRAINING, "val_loss": VALIDATION},
    **{"mean_iou": TRAINING, "val_global_accuracy": VALIDATION, "val_mean_iou": VALIDATION},
}
COLORS = {TRAINING: "#7f7f7f", WITH_HEADS: "#c7c7c7", VALIDATION: "#1f77b4"}
DPI = 130
MAX_MARKERS = 20  # points of a curve that are marked; a single point has no line
CELLS = (16, 0.4, 8), (32, 0.29, 7.5), (256, 0.11, 5)  # confusion matrix: max. classes, inches per cell, font size
MAX_NUMBERED = 32  # classes of a confusion matrix whose numbers are legible


def plot_log(folder: pathlib.Path, log: Sequence[dict]):
    """Draws the three curves of the original suite.

    Args:
        folder: `pathlib.Path` to write to.
        log: a dict per epoch, with `epoch`, `loss`, with auxiliary heads also `logits_loss`, the part that is compared
            with the validation, and, for validated epochs, `val_loss` and `val_...` scores.
    """
    labels = {**LABELS, **({"loss": WITH_HEADS} if any("logits_loss" in row for row in log) else {})}
    for name, (title, axis_label, columns) in CURVES.items():
        figure = Figure(figsize=(7, 4.5), dpi=DPI)
        axes = figure.subplots()
        for column in columns:
            _curve(axes, *points(log, column), labels[column], is_loss=column.endswith("loss"))
        axes.set(title=title, xlabel="Epoch", ylabel=axis_label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.margins(x=0.03)
        axes.spines[["top", "right"]].set_visible(False)
        if len(axes.lines) > 1:
            axes.legend(frameon=False)
        axes.grid(alpha=0.3)
        save(figure, folder / name)


def points(log: Sequence[dict], column: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns `(epochs, values)` of a column of the log, without the epochs that lack it."""
    rows = [row for row in log if row.get(column) is not None]
    return np.array([row["epoch"] for row in rows], int), np.array([row[column] for row in rows])


def plot_confusion(path, matrix: np.ndarray, class_names: Sequence[str], title: str = "Confusion matrix"):
    """Writes `confusion_figure` to the PNG `path`."""
    save(confusion_figure(matrix, class_names, title), path)


def confusion_figure(matrix: np.ndarray, class_names: Sequence[str], title: str = "Confusion matrix") -> Figure:
    """Draws a confusion matrix; each row, a true class, is in percent of its pixels.

    Args:
        matrix: integer array `(C, C)`, rows = truth.
        class_names: C names.
        title: above the matrix.
    """
    count = len(class_names)
    percent = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    cell, font_size = next(size for max_classes, *size in CELLS if count <= max_classes)
    names = 0.5 + 0.0095 * font_size * max(
        map(display_width, class_names)
    )  # inches of the longest name and the axis label
    side = max(cell * count, 2.5)
    width, height = side + names + 1.1, side + names + 0.7
    figure = Figure(figsize=(width, height), dpi=DPI)  # without a layout engine, which takes seconds for all numbers
    axes = figure.add_axes([names / width, names / height, side / width, side / height])
    image = axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    axes.set(xlabel="Predicted class", ylabel="True class", title=f"{title}\n% of the true class's pixels")
    axes.set_xticks(range(count), class_names, rotation=90, fontsize=font_size)
    axes.set_yticks(range(count), class_names, fontsize=font_size)
    if count <= MAX_NUMBERED:
        for row, column in zip(*np.nonzero(percent >= 0.5)):
            color = "white" if percent[row, column] > 50 else "black"
            text = f"{percent[row, column]:.0f}"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=font_size)
    bar = [(names + side + 0.2) / width, names / height, 0.2 / width, min(side, 4) / height]
    figure.colorbar(image, cax=figure.add_axes(bar))
    return figure


def class_patch(name: str, color: np.ndarray) -> Patch:
    """Returns the entry of a class in a legend; `color` is RGB, 0..255."""
    return Patch(facecolor=color / 255, edgecolor="#888888", linewidth=0.5, label=name)


def legend_columns(legend: Sequence[Patch], width: float) -> int:
    """Returns the number of columns of a legend that fit into `width` pixels, at least 1."""
    longest = max(display_width(patch.get_label()) for patch in legend)
    return max(1, int(min(len(legend), width // (9 * longest + 60))))


def save(figure: Figure, path):
    """Writes a figure as PNG atomically."""
    with atomic_write(path) as temporary:
        save_png(figure, temporary)


def _curve(axes, epochs, values, label, is_loss):
    """Draws a line, of scores in percent; the best value of a validation is marked and named in the legend."""
    if not len(epochs):
        return
    values = values if is_loss else 100 * values
    marker = "o" if len(epochs) < MAX_MARKERS else None
    axes.plot(epochs, values, marker=marker, markersize=4, color=COLORS[label], label=label)
    if label == VALIDATION:
        best = int(np.argmin(values) if is_loss else np.argmax(values))
        text = f"best: {values[best]:{'.4g' if is_loss else '.1f'}}, epoch {epochs[best]}"
        axes.plot(epochs[best], values[best], "o", color="#d62728", label=text)
