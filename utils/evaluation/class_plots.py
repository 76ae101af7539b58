"""The IoU of every class over the epochs, in one picture."""

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke

from utils.evaluation.plots import DPI, points, save

TITLE = "Validation IoU of each class over the epochs"
MOST_PANELS = 40  # classes with a curve each; of more, a map of epochs and classes is drawn
MAP_ROWS = 50  # classes below each other in the map
LARGE_PANEL, PANEL = (2.4, 1.8), (1.5, 1.15)  # width and height in inches of a panel and the space around it
PANEL_SHARE = np.array([0.8, 0.66])  # of them, the panel's


def plot_class_iou(path, log, class_dict):
    """Draws the validation IoU of each class over the epochs: a small panel per class, or a map of many classes.

    Args:
        path: of the PNG.
        log: list of dicts, a row per epoch, with `epoch` and, for validated epochs, `val_iou_<class>`.
        class_dict: `ClassDict`.
    """
    curves = {name: points(log, f"val_iou_{name}") for name in class_dict.class_names}
    epochs = np.concatenate([epochs for epochs, _ in curves.values()])
    if epochs.size:
        draw = _panels if class_dict.num_classes <= MOST_PANELS else _map
        draw(path, curves, class_dict, int(epochs.min()), int(epochs.max()))


def _panels(path, curves, class_dict, first, last):
    """All panels in one pair of axes, whose unit is a panel: many axes take seconds to draw."""
    count = len(curves)
    columns = 2 if count <= 4 else 4 if count <= 12 else 6
    rows = -(-count // columns)
    panels = np.multiply(LARGE_PANEL if count <= 4 else PANEL, [columns, rows])
    width, height = panels + [0.5, 0.7]
    figure = Figure(figsize=(width, height), dpi=DPI)
    figure.text(0.4 / width, 1 - 0.25 / height, TITLE, fontsize=11, weight="bold")
    axes = figure.add_axes([0.4 / width, 0.2 / height, *(panels / [width, height])])
    axes.set(xlim=(0, columns), ylim=(0, rows))
    axes.set_axis_off()
    grid = []
    for index, ((name, (epochs, values)), color) in enumerate(zip(curves.items(), class_dict.label_values / 255)):
        row, column = divmod(index, columns)
        corner = np.array([column, rows - 1 - row + 0.08])
        grid += [corner + PANEL_SHARE * np.array([[0, level], [1, level]]) for level in (0, 0.5, 1)]
        if len(epochs):
            x = (epochs - first) / (last - first) if last > first else np.full(1, 0.5)
            _labeled_curve(axes, corner + PANEL_SHARE * np.stack([x, values], axis=1), values, color)
        else:
            _axis_text(axes, corner + PANEL_SHARE * 0.5, "in no image", ha="center", va="bottom")
        letters = min(8, 8 * 20 / len(name))  # so many letters of 8 points fit
        axes.text(*(corner + PANEL_SHARE * [0, 1.06]), name, fontsize=letters, weight="bold")
        if column == 0:
            for level in (0, 50, 100):
                _axis_text(axes, corner + PANEL_SHARE * [-0.04, level / 100], f"{level} %", ha="right", va="center")
        if index + columns >= count:
            ends = {first: 0, last: 1} if last > first else {first: 0.5}
            for epoch, end in ends.items():
                _axis_text(axes, corner + PANEL_SHARE * [end, -0.07], epoch, ha="center", va="top")
    axes.add_collection(LineCollection(grid, colors="#d9d9d9", linewidths=0.6, zorder=0))
    save(figure, path)


def _labeled_curve(axes, line, values, color):
    """A line in the class's color, with its last value in percent at its end."""
    # Light colors need an outline on white.
    outline = [Stroke(linewidth=2.6, foreground="#555555"), Normal()] if color @ [0.3, 0.6, 0.1] > 0.6 else None
    style = {"marker": "o", "markersize": 4} if len(line) == 1 else {}
    axes.plot(*line.T, color=color, linewidth=1.6, path_effects=outline, clip_on=False, **style)
    axes.text(line[-1, 0] + 0.05, line[-1, 1], f"{100 * values[-1]:.0f}", fontsize=8, va="center")


def _axis_text(axes, position, text, **alignment):
    axes.text(*position, text, fontsize=6.5, color="#777777", **alignment)


def _map(path, curves, class_dict, first, last):
    """A row per class, a column per epoch, the color is the IoU; the number is the last one."""
    values = np.full((len(curves), last - first + 1), np.nan)
    for row, (epochs, iou) in enumerate(curves.values()):
        for start, value in zip(epochs - first, iou):
            values[row, start:] = 100 * value  # until the next validation
    names, parts = class_dict.class_names, -(-len(curves) // MAP_ROWS)
    labels, map_width, row_height = 0.2 + 0.058 * max(map(len, names)), 1.7, 0.14  # inches
    width, height = parts * (labels + map_width + 0.3) + 0.8, row_height * MAP_ROWS + 1.1
    figure = Figure(figsize=(width, height), dpi=DPI)
    figure.suptitle(f"{TITLE}, % (numbers: the last)", fontsize=11, weight="bold")
    for part in range(parts):
        shown = slice(part * MAP_ROWS, (part + 1) * MAP_ROWS)
        left = part * (labels + map_width + 0.3) + labels
        rows = len(names[shown])
        box = [left, 0.5 + row_height * (MAP_ROWS - rows), map_width, row_height * rows]
        axes = figure.add_axes(np.divide(box, [width, height, width, height]))
        extent = (first - 0.5, last + 0.5, rows - 0.5, -0.5)
        image = axes.imshow(values[shown], vmin=0, vmax=100, aspect="auto", extent=extent, interpolation="nearest")
        axes.set_yticks(range(rows), names[shown])
        axes.xaxis.get_major_locator().set_params(integer=True, nbins=4)
        axes.tick_params(length=0, labelsize=6.5)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("Epoch", fontsize=8)
        for row, value in enumerate(values[shown, -1]):
            number = "-" if np.isnan(value) else f"{value:.0f}"
            axes.text(1.02, row, number, transform=axes.get_yaxis_transform(), fontsize=6.5, va="center")
    figure.colorbar(image, cax=figure.add_axes([1 - 0.65 / width, 0.3, 0.15 / width, 0.4]))
    save(figure, path)
