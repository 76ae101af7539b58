"""Plot of scores over latency."""

import cv2

from tools.speed.latency_plot import pareto_front, plot_latencies


def test_pareto_front():
    points = [(30, 60), (10, 40), (20, 70), (20, 50), (15, 39)]
    assert pareto_front(points) == [(10, 40), (20, 70)]


def test_figure_is_written(tmp_path):
    plot_latencies(tmp_path / "plot.png", {"fast": (10.0, 40.0), "good": (20.0, 70.0)}, "48x36", "Title")
    assert cv2.imread(str(tmp_path / "plot.png")).shape[0] > 200
