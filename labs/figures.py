"""Figures of the labs: shown in a notebook, written as PNG files by a script."""

import io
import pathlib
import sys
from collections.abc import Sequence

import numpy as np

OUTPUT = pathlib.Path("labs_output")


def show(content, name: str = "figure", class_dict=None) -> None:
    """Shows a figure, or samples as image, truth, prediction and errors.

    In a notebook it appears below the cell. A script writes `labs_output/<script>_<name>.png` and prints the path.

    Args:
        content: `matplotlib.figure.Figure`, or a list of `utils.evaluation.evaluate.Sample` from `sample`.
        name: of the file.
        class_dict: `ClassDict` of the samples; default: that of the lab's dataset.
    """
    figure = content
    if isinstance(content, Sequence):
        from labs.course import class_dict as read_class_dict
        from utils.evaluation.samples import samples_figure

        figure = samples_figure(content, class_dict or read_class_dict())
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=100, bbox_inches="tight")  # constrained layout cuts titles of two lines
    if _in_notebook():
        from IPython.display import Image, display

        display(Image(data.getvalue()))
        return
    OUTPUT.mkdir(exist_ok=True)
    path = OUTPUT / f"{pathlib.Path(sys.argv[0]).stem or 'lab'}_{name}.png"
    path.write_bytes(data.getvalue())
    print(f"Figure: {path}")


def sample(name: str, image: np.ndarray, label: np.ndarray, prediction: np.ndarray):
    """Builds a row of the sample grid.

    Args:
        name: caption.
        image: uint8 RGB `(H, W, 3)`.
        label, prediction: uint8 class indices `(H, W)`; 255 in the label = ignored.
    """
    from labs.course import class_dict
    from utils.evaluation.evaluate import Sample
    from utils.metrics import confusion_matrix, image_scores

    scores = image_scores(confusion_matrix(label, prediction, class_dict().num_classes))
    return Sample(name, scores, image, label, prediction)


def figure_with_axes(columns: int = 1, rows: int = 1, width: float = 5, height: float = 3.6):
    """Creates a figure.

    Args:
        columns, rows: of axes.
        width, height: inches of each of them.

    Returns:
        `(figure, axes)`: `matplotlib.figure.Figure`, and its axes, an array `(rows, columns)`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def bars(values: dict, label: str, errors: dict | None = None):
    """Draws horizontal bars.

    Args:
        values: dict from name to number, or None for a bar that is missing.
        label: of the axis.
        errors: dict from name to the half length of an error bar.
    """
    figure, ((axes,),) = figure_with_axes(width=7, height=0.6 + 0.32 * len(values))
    names = list(values)[::-1]
    lengths = [values[name] or 0 for name in names]
    axes.barh(names, lengths, xerr=[errors[name] for name in names] if errors else None, color="#4477aa", ecolor="k")
    for row, name in enumerate(names):
        text = " absent" if values[name] is None else f" {values[name]:.3f}"
        axes.text(max(0, lengths[row]) + (errors[name] if errors else 0), row, text, va="center", fontsize=9)
    axes.set_xlabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    return figure


def curves(lines: dict, x_label: str, y_label: str):
    """Draws curves; `lines` maps each name to a list of numbers, or to `(x, y)`."""
    figure, ((axes,),) = figure_with_axes(width=7)
    for name, values in lines.items():
        x, y = values if isinstance(values, tuple) else (range(1, len(values) + 1), values)
        axes.plot(x, y, marker="o" if len(y) < 30 else None, markersize=4, label=name)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))  # beside the curves
    return figure


def log_axis(*chosen) -> None:
    """Gives axes of a plot, such as `axes.xaxis`, a logarithmic scale whose ticks are plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter

    for axis in chosen:
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
        axis.set_major_locator(LogLocator(subs=(1, 3)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())


def _in_notebook():
    """Returns whether the code runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
