"""Numbers, summary, table and figure of measured networks."""

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from utils.benchmark.report import number, plot_numbered, plot_speed, speed_table, summary

RESULT = {
    "model": "PSPNet",
    "frontend": "ResNet101",
    "output_stride": None,
    "crop_height": 512,
    "crop_width": 384,
    "batch_size": 2,
    "num_classes": 12,
    "mixed_precision": "float32",
    "remat": False,
    "rounds": 5,
    "jit_compile": False,
    "device": "Keras 3 with jax 1 on CPU",
    "cpu_cores": 2,
    "versions": {"python": "3.12", "jax": "1"},
    "parameters": 43_210_000,
    "gflops_per_image": 123.4,
    "cold_start_seconds": 12.0,
    "import_seconds": 3.0,
    "build_seconds": 4.0,
    "first_step_seconds": 5.0,
    "training_steps": 1,
    "inference_steps": 3,
    "training_images_per_second": 0.5,
    "inference_images_per_second": 2.0,
    "latency_ms_median": 1000.0,
    "latency_ms_p95": 1100.4,
    "matmul_peak_gflops_per_second": 400.0,
    "training_gflops_per_second": 185.1,
    "training_share_of_peak": 0.46275,
    "inference_gflops_per_second": 246.8,
    "inference_share_of_peak": 0.617,
    "peak_memory_mib": 2048.0,
    "device_memory_mib": None,
    "scoring_ms_per_image": 1.5,
}


@pytest.mark.parametrize(
    "value, text",
    [(None, "-"), (0.0, "0"), (0.012345, "0.0123"), (9.876, "9.88"), (99.5, "99.5"), (99.96, "100"), (1234.6, "1235")],
)
def test_numbers(value, text):
    assert number(value) == text


def test_summary():
    lines = {line[:15].strip(): line[15:] for line in summary(RESULT).splitlines()}
    assert lines["machine"] == "Keras 3 with jax 1 on CPU; 2 CPU cores; python 3.12"
    assert lines["network"] == "PSPNet on ResNet101, 512x384, 12 classes"
    assert lines["parameters"] == "43,210,000 trainable"
    assert lines["latency"].startswith("1000 ms median, 1100 ms")
    assert lines["achieved"] == "training 185 GFLOP/s (46.3 % of the peak), inference 247 GFLOP/s (61.7 %)"
    assert "input" not in lines
    read = {"workers": 2, "input_images_per_second": 10.0, "input_cached_images_per_second": 20.0}
    assert "10 images/s with 2 workers, 20 images/s with --cache" in summary({**RESULT, **read})


def test_table():
    header, rule, row = speed_table([RESULT]).splitlines()[2:]
    assert header.count("|") == rule.count("|") == row.count("|")
    assert row == "| `PSPNet` | 43.2 | 123 | 0.5 | 2 | 1000 | 1100 | 46.3 | 61.7 | 2048 | 12 |"
    uncounted = {"gflops_per_image": None, "training_share_of_peak": None, "inference_share_of_peak": None}
    assert "| 43.2 | - |" in speed_table([{**RESULT, **uncounted}])


def test_figure(tmp_path):
    results = [{**RESULT, "model": f"network-{i}", "parameters": 10**6 * (1 + i)} for i in range(12)]
    plot_speed(tmp_path / "speed.png", results)
    figure = cv2.imread(str(tmp_path / "speed.png"))
    assert figure.shape[1] > 1000 and np.ptp(figure) > 100


def test_points_are_their_numbers():
    axes = Figure().subplots()
    plot_numbered(axes, [(1, 2), (3, 4)], ["small", "large"])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["small", "large"]
    assert [line.get_marker() for line in axes.lines] == ["$1$", "$2$"]
    assert [tuple(line.get_xydata()[0]) for line in axes.lines] == [(1, 2), (3, 4)]
