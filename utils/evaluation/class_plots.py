"""Plot of per-class IoU over the epochs."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke

from utils.class_dict import ClassDict
from utils.evaluation.plots import DPI, points, save
from utils.text import display_width

TITLE = "Validation IoU of each class over the epochs, %"
MAX_PANELS = 32  # classes with a curve each; more classes are drawn as a map
MAP_ROWS = 50  # classes below each other in the map


def plot_class_iou(path, log: list[dict], class_dict: ClassDict):
    """Draws the validation IoU of each class over the epochs: a panel per class, or a map of many classes.

    Args:
        path: of the PNG.
        log: a dict per epoch, with `epoch` and, for validated epochs, `val_iou_<class>`.
        class_dict: `ClassDict`.
    """
    curves = {name: points(log, f"val_iou_{name}") for name in class_dict.class_names}
    epochs = np.concatenate([epochs for epochs, _ in curves.values()])
    if epochs.size:
        draw = _panels if class_dict.num_classes <= MAX_PANELS else _map
        save(draw(curves, class_dict, int(epochs.min()), int(epochs.max())), path)


def _panels(curves, class_dict, first, last):
    """Draws a panel per class, with the last IoU in percent at the end of each curve."""
    columns = 2 if len(curves) <= 4 else 4 if len(curves) <= 12 else 6
    rows = -(-len(curves) // columns)
    width, height = 1.5 * columns + 0.8, 1.2 * rows + 0.7
    figure = Figure(figsize=(width, height), dpi=DPI)
    figure.suptitle(TITLE, y=1 - 0.15 / height, fontsize=11, weight="bold")
    # Margins in inches: a layout engine would draw everything twice.
    margins = {"left": 0.5 / width, "right": 1 - 0.4 / width, "bottom": 0.3 / height, "top": 1 - 0.7 / height}
    spaces = {"wspace": 0.35, "hspace": 0.45}
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False, gridspec_kw=margins | spaces)
    grid[0, 0].set(xlim=(first - 0.5, last + 0.5) if first == last else (first, last), ylim=(0, 100))
    grid[0, 0].set(xticks=sorted({first, last}), yticks=(0, 50, 100))
    for axes in grid.flat[len(curves) :]:
        axes.set_axis_off()
    for index, (name, (epochs, values)) in enumerate(curves.items()):
        axes, color = grid.flat[index], class_dict.label_values[index] / 255
        axes.set_title(name, fontsize=min(8, 160 / max(display_width(name), 1)), weight="bold", loc="left", pad=3)
        axes.spines[:].set_visible(False)
        is_lowest = index + columns >= len(curves)
        axes.tick_params(length=0, labelsize=6.5, labelcolor="#777777", labelbottom=is_lowest)
        axes.grid(axis="y", color="#d9d9d9", linewidth=0.6, clip_on=False)
        if not len(epochs):
            axes.text(0.5, 0.5, "in no image", transform=axes.transAxes, ha="center", fontsize=6.5, color="#777777")
            continue
        # Light colors need an outline on white.
        outline = [Stroke(linewidth=2.6, foreground="#555555"), Normal()] if color @ [0.3, 0.6, 0.1] > 0.6 else None
        style = {"marker": "o", "markersize": 4} if len(epochs) == 1 else {"linewidth": 1.6}
        axes.plot(epochs, 100 * values, color=color, path_effects=outline, clip_on=False, **style)
        end = epochs[-1], 100 * values[-1]
        axes.annotate(f"{end[1]:.0f}", end, (5, 0), textcoords="offset points", fontsize=8, va="center")
    return figure


def _map(curves, class_dict, first, last):
    """Draws a row per class and a column per epoch; the color is the IoU, the number is the last one."""
    values = np.full((len(curves), last - first + 1), np.nan)
    for row, (epochs, iou) in enumerate(curves.values()):
        for start, value in zip(epochs - first, iou):
            values[row, start:] = 100 * value  # until the next validation
    parts = -(-len(curves) // MAP_ROWS)
    figure = Figure(figsize=(3.2 * parts + 0.8, 0.14 * MAP_ROWS + 1.1), dpi=DPI, layout="constrained")
    figure.suptitle(f"{TITLE} (numbers: the last)", fontsize=11, weight="bold")
    extent = (first - 0.5, last + 0.5)
    for part, axes in enumerate(figure.subplots(1, parts, squeeze=False)[0]):
        shown = slice(part * MAP_ROWS, (part + 1) * MAP_ROWS)
        names = class_dict.class_names[shown]
        image = axes.imshow(
            values[shown],
            vmin=0,
            vmax=100,
            aspect="auto",
            extent=(*extent, len(names) - 0.5, -0.5),
            interpolation="nearest",
        )
        axes.set(yticks=range(len(names)), yticklabels=names, ylim=(MAP_ROWS - 0.5, -0.5))
        axes.xaxis.get_major_locator().set_params(integer=True, nbins=4)
        axes.tick_params(length=0, labelsize=6.5)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("Epoch", fontsize=8)
        for row, value in enumerate(values[shown, -1]):
            number = "-" if np.isnan(value) else f"{value:.0f}"
            axes.text(1.02, row, number, transform=axes.get_yaxis_transform(), fontsize=6.5, va="center")
    figure.colorbar(image, ax=figure.axes, shrink=0.4)
    return figure
