"""Plot of scores over latency, with the Pareto front."""

import os
from collections.abc import Sequence

from utils.benchmark.report import plot_numbered
from utils.files import atomic_write


def plot_latencies(path: str | os.PathLike, points: dict[str, tuple[float, float]], size: str, title: str):
    """Plots mean IoU over latency, with a point for each network or file and the Pareto front.

    Args:
        path: of the PNG.
        points: from names to `(latency, score)`, in milliseconds and percent.
        size: of the image, "480x360".
        title: of the figure.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure(figsize=(12, 6), layout="constrained")
    axes = figure.subplots()
    axes.plot(*zip(*pareto_front(points.values())), color="tab:orange", linewidth=1, zorder=1)
    plot_numbered(axes, list(points.values()), list(points))
    axes.set(
        xscale="log",
        xlabel=f"Latency of one {size} image, ms",
        ylabel="Mean IoU, CamVid test split, %",
        title=title,
    )
    axes.margins(0.1)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3, which="both")
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Returns the points `(latency, score)` that no other point beats in both, sorted by latency."""
    best = []
    for point in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or point[1] > best[-1][1]:
            best.append(point)
    return best
