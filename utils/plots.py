"""The pictures of a run: curves over epochs and the confusion matrix."""

import numpy as np
from matplotlib.figure import Figure

from utils.files import replacing

CURVES = {
    "loss_vs_epochs.png": ("Average loss vs epochs", "Current loss", ("loss",)),
    "accuracy_vs_epochs.png": (
        "Average validation accuracy vs epochs", "Avg. val. accuracy", ("val_global_accuracy",)
    ),
    "iou_vs_epochs.png": ("Average IoU vs epochs", "Current IoU", ("val_mean_iou", "mean_iou")),
}
LABELS = {"loss": "training", "mean_iou": "training", "val_global_accuracy": "validation", "val_mean_iou": "validation"}


def plot_log(folder, log):
    """Draws the three curves of the original suite.

    Args:
        folder: `pathlib.Path` to write to.
        log: list of dicts, a row per epoch, with `epoch`, `loss` and, for validated epochs, `val_...` scores.
    """
    for name, (title, axis_label, columns) in CURVES.items():
        figure = Figure(figsize=(11, 8))
        axes = figure.subplots()
        for column in columns:
            points = [(row["epoch"], row[column]) for row in log if row.get(column) is not None]
            if points:
                # A marker shows what a line through one point cannot.
                axes.plot(*zip(*points), marker="o" if len(points) < 20 else None, label=LABELS[column])
        axes.set(title=title, xlabel="Epoch", ylabel=axis_label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        if axes.lines:
            axes.legend()
        axes.grid(alpha=0.3)
        _save(figure, folder / name)


def plot_confusion(path, matrix, class_names):
    """Draws a confusion matrix, each row (true class) in percent of its pixels.

    Args:
        path: of the PNG.
        matrix: integer array `(C, C)`, rows = truth.
        class_names: list of C str.
    """
    count = len(class_names)
    percent = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = max(6, 2.5 + 0.55 * count)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    axes.set(xlabel="predicted class", ylabel="true class", title="Confusion matrix, % of the true class's pixels")
    axes.set_xticks(range(count), class_names, rotation=60, ha="right")
    axes.set_yticks(range(count), class_names)
    if count <= 32:  # more numbers would not be readable
        for row, column in np.ndindex(percent.shape):
            if percent[row, column] >= 0.5:
                color = "white" if percent[row, column] > 50 else "black"
                axes.text(column, row, f"{percent[row, column]:.0f}", ha="center", va="center", color=color, fontsize=8)
    figure.colorbar(image, ax=axes, shrink=0.8)
    _save(figure, path)


def _save(figure, path):
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
