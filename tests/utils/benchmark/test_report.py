"""Statistics by hand, the fresh process, and how numbers are told."""

import cv2
import numpy as np
import pytest

from utils.benchmark import report as benchmark
from utils.errors import RunError, UsageError

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
    "values, share, expected",
    [
        ([3], 0.5, 3),
        ([3], 0.95, 3),
        ([5, 1, 3], 0.5, 3),
        ([4, 1, 3, 2], 0.5, 2.5),
        (range(101), 0.95, 95),
        (range(21), 0.95, 19),
        ([0, 10], 0.95, 9.5),
        ([2, 1], 1, 2),
        ([2, 1], 0, 1),
    ],
)
def test_median_and_percentiles(values, share, expected):
    assert benchmark.quantile(values, share) == pytest.approx(expected)


@pytest.mark.parametrize(
    "value, text",
    [(None, "-"), (0.0, "0"), (0.012345, "0.0123"), (9.876, "9.88"), (99.5, "99.5"), (99.96, "100"), (1234.6, "1235")],
)
def test_numbers(value, text):
    assert benchmark.number(value) == text


def test_steps_fill_a_round():
    from utils.benchmark.measure import ROUND_SECONDS, steps_of_round

    assert steps_of_round(ROUND_SECONDS / 40) == 40
    assert steps_of_round(10 * ROUND_SECONDS) == 1
    assert steps_of_round(0.001, 7) == 7


def test_share_of_the_peak():
    from utils.benchmark.measure import achieved

    expected = {"training_gflops_per_second": 3 * 123.4 * 0.5, "training_share_of_peak": 185.1 / 400}
    assert achieved(RESULT, "training", 3) == pytest.approx(expected)
    assert set(achieved({**RESULT, "gflops_per_image": None}, "inference", 1).values()) == {None}


def test_only_complaints_about_memory_are_reworded():
    from utils.errors import memory_errors

    with pytest.raises(RunError, match="--batch_size"), memory_errors():
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes")
    with pytest.raises(RuntimeError, match="other"), memory_errors():
        raise RuntimeError("other")


def test_summary():
    lines = {line[:15].strip(): line[15:] for line in benchmark.summary(RESULT).splitlines()}
    assert lines["machine"] == "Keras 3 with jax 1 on CPU; 2 CPU cores; python 3.12"
    assert lines["network"] == "PSPNet on ResNet101, 512x384, 12 classes"
    assert lines["parameters"] == "43,210,000 trainable"
    assert lines["latency"].startswith("1000 ms median, 1100 ms")
    assert lines["achieved"] == "training 185 GFLOP/s (46.3 % of the peak), inference 247 GFLOP/s (61.7 %)"
    assert "input" not in lines
    read = {"workers": 2, "input_images_per_second": 10.0, "input_cached_images_per_second": 20.0}
    assert "10 images/s with 2 workers, 20 images/s with --cache" in benchmark.summary({**RESULT, **read})


def test_table():
    header, rule, row = benchmark.speed_table([RESULT]).splitlines()[2:]
    assert header.count("|") == rule.count("|") == row.count("|")
    assert row == "| `PSPNet` | 43.2 | 123 | 0.5 | 2 | 1000 | 1100 | 46.3 | 61.7 | 2048 | 12 |"
    uncounted = {"gflops_per_image": None, "training_share_of_peak": None, "inference_share_of_peak": None}
    assert "| 43.2 | - |" in benchmark.speed_table([{**RESULT, **uncounted}])


def test_picture_labels_every_point_apart(tmp_path, monkeypatch):
    seen = []
    label = benchmark.label_points

    def spy(axes, points, names):
        label(axes, points, names)
        texts = [text for text in axes.texts if text.get_text()]
        seen.extend((text.get_text(), text.get_window_extent()) for text in texts)

    monkeypatch.setattr(benchmark, "label_points", spy)
    results = [{**RESULT, "model": f"network-{i}", "parameters": 10**6 * (1 + i // 4)} for i in range(8)]
    benchmark.plot_speed(tmp_path / "speed.png", results)
    assert np.ptp(cv2.imread(str(tmp_path / "speed.png"))) > 100
    assert [name for name, _ in seen] == [result["model"] for result in results]
    boxes = [box for _, box in seen]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_long_names_stay_within_the_axes():
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4))
    FigureCanvasAgg(figure)
    axes, points = figure.subplots(), [(1, 1), (9, 5), (10, 9)]
    axes.scatter(*zip(*points))
    figure.draw_without_rendering()
    benchmark.label_points(axes, points, ["a network with a long name"] * 3)
    frame, texts = axes.get_window_extent(), [text for text in axes.texts if text.get_text()]
    assert len(texts) == 3
    assert all(frame.x0 < box.x0 < box.x1 < frame.x1 for box in (text.get_window_extent() for text in texts))


def run(code):
    return benchmark.in_fresh_process(("-c", code), {"a": 1})


def test_a_fresh_process_gives_its_last_line():
    code = "import sys, json, utils.errors; print('hello'); print(json.dumps({**json.load(sys.stdin), 'b': 2}))"
    assert run(code) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "code, error, message",
    [
        ("import sys; print('error: wrong', file=sys.stderr); sys.exit(2)", UsageError, "^wrong$"),
        ("raise ValueError('five')", RunError, "^ValueError: five$"),
        ("import sys; sys.exit(3)", RunError, "no message"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", RunError, "signal 9"),
    ],
)
def test_a_fresh_process_that_fails(code, error, message):
    with pytest.raises(error, match=message):
        run(code)


def test_the_machine():
    assert benchmark.cpu_cores() >= 1
    assert 10 < benchmark.process_memory() < 10**6
