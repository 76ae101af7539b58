"""The pictures of a run: curves over epochs and confusion matrices."""

import numpy as np
from matplotlib.figure import Figure

from utils.files import atomic_write

CURVES = {
    "loss_vs_epochs.png": ("Average loss vs epochs", "Loss", ("loss",)),
    "accuracy_vs_epochs.png": ("Average validation accuracy vs epochs", "Global accuracy, %", ("val_global_accuracy",)),
    "iou_vs_epochs.png": ("Average IoU vs epochs", "Mean IoU, %", ("val_mean_iou", "mean_iou")),
}
LABELS = {"loss": "training", "mean_iou": "training", "val_global_accuracy": "validation", "val_mean_iou": "validation"}
COLORS = {"training": "#7f7f7f", "validation": "#1f77b4"}
DPI = 130
MOST_WITH_MARKERS = 20  # points of a curve; a marker shows what a line through one point cannot
CELLS = (16, 0.4, 8), (32, 0.29, 7.5), (256, 0.11, 5)  # of a confusion matrix: most classes, inches, points of letters
MOST_WITH_NUMBERS = 32  # classes of a confusion matrix whose numbers are legible


def plot_log(folder, log):
    """Draws the three curves of the original suite.

    Args:
        folder: `pathlib.Path` to write to.
        log: list of dicts, a row per epoch, with `epoch`, `loss` and, for validated epochs, `val_...` scores.
    """
    for name, (title, axis_label, columns) in CURVES.items():
        figure = Figure(figsize=(7, 4.5), dpi=DPI)
        axes = figure.subplots()
        for column in columns:
            _curve(axes, *points(log, column), LABELS[column], 1 if column == "loss" else 100)
        axes.set(title=title, xlabel="Epoch", ylabel=axis_label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.margins(x=0.03)
        axes.spines[["top", "right"]].set_visible(False)
        if len(axes.lines) > 1:
            axes.legend(frameon=False)
        axes.grid(alpha=0.3)
        save(figure, folder / name)


def points(log, column):
    """`(epochs, values)` of a column of the log, without the epochs that lack it."""
    rows = [row for row in log if row.get(column) is not None]
    return np.array([row["epoch"] for row in rows], int), np.array([row[column] for row in rows])


def plot_confusion(path, matrix, class_names, title="Confusion matrix"):
    """Draws a confusion matrix, each row (true class) in percent of its pixels.

    Args:
        path: of the PNG.
        matrix: integer array `(C, C)`, rows = truth.
        class_names: list of C str.
        title: str.
    """
    count = len(class_names)
    percent = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    cell, letters = next(size for most, *size in CELLS if count <= most)
    names = 0.5 + 0.0095 * letters * max(map(len, class_names))  # inches that the longest name and the axis label take
    side = max(cell * count, 2.5)
    width, height = side + names + 1.1, side + names + 0.7
    figure = Figure(figsize=(width, height), dpi=DPI)  # laid out by hand: to measure every number takes seconds
    axes = figure.add_axes([names / width, names / height, side / width, side / height])
    image = axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    axes.set(xlabel="Predicted class", ylabel="True class", title=f"{title}\n% of the true class's pixels")
    axes.set_xticks(range(count), class_names, rotation=90, fontsize=letters)
    axes.set_yticks(range(count), class_names, fontsize=letters)
    if count <= MOST_WITH_NUMBERS:
        for row, column in zip(*np.nonzero(percent >= 0.5)):
            color = "white" if percent[row, column] > 50 else "black"
            text = f"{percent[row, column]:.0f}"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=letters)
    bar = [(names + side + 0.2) / width, names / height, 0.2 / width, min(side, 4) / height]
    figure.colorbar(image, cax=figure.add_axes(bar))
    save(figure, path)


def save(figure, path):
    """Writes a matplotlib figure as PNG, at once or not at all."""
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png")


def _curve(axes, epochs, values, label, scale):
    """A line whose best value of the validation is marked and told."""
    if not len(epochs):
        return
    values = scale * values
    marker = "o" if len(epochs) < MOST_WITH_MARKERS else None
    axes.plot(epochs, values, marker=marker, markersize=4, color=COLORS[label], label=label)
    if label == "validation":
        best = int(np.argmax(values))
        told = f"best: {values[best]:.1f}, epoch {epochs[best]}"
        axes.plot(epochs[best], values[best], "o", color="#d62728", label=told)
