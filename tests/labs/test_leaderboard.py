"""The leaderboard: submissions scored in processes of their own, limits, one page."""

import pathlib
import subprocess
import sys

import pytest

from labs import leaderboard
from labs.leaderboard import main, rank, render, wait

GOOD = """
from models.blocks import classifier, conv_bn_relu


def build_network(end_points, num_classes):
    return classifier(conv_bn_relu(end_points["pool3"], 8, 1), num_classes)
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of four submissions, scored on six secret scenes after no more than a step."""
    folder = tmp_path_factory.mktemp("submissions")
    (folder / "anna.py").write_text(GOOD)
    (folder / "ben.py").write_text(GOOD.replace('"pool3"], 8', '"pool5"], 9999'))
    (folder / "carla<b>.py").write_text("x = 1\n")
    (folder / "dan.keras").write_bytes(b"PK not a network")
    output = folder / "page.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABS_SIZE", "smoke")
        patch.setattr(leaderboard, "draw_scenes", small_scenes)
        patch.setenv("LABS_DATASET", str(small_scenes(folder / "train", 1, 0)))
        assert main([str(folder), "--seed", "5", "--epochs", "1", "--output", str(output), "--images", "2"]) == 0
    return output.read_text()


def small_scenes(folder, images, seed):
    from tools.make_streets import make_streets

    return make_streets(pathlib.Path(folder), train=4, val=1, test=images, height=64, width=96, seed=seed)


def test_each_submission_has_a_row(page):
    assert page.count("<tr") == 5
    rows = page.split("<tr")
    assert "anna" in rows[2] and " ms</td>" in rows[2] and " %</td>" in rows[2]
    assert "parameters, more than 5,000,000" in page
    assert "carla&lt;b&gt;" in page and "has no function build_network" in page
    assert "dan.keras cannot be loaded" in page
    assert "<b>" not in page


def test_rank_is_by_score_then_size_and_failures_are_last():
    results = [
        {"name": "d", "error": "x"},
        {"name": "c", "mean_iou": 0.5, "parameters": 2, "milliseconds": 1},
        {"name": "b", "mean_iou": 0.5, "parameters": 1, "milliseconds": 9},
        {"name": "a", "mean_iou": 0.6, "parameters": 9, "milliseconds": 9},
    ]
    assert [result["name"] for result in rank(results)] == ["a", "b", "c", "d"]
    assert "60.00 %" in render(rank(results), "about")


@pytest.mark.parametrize(
    ("code", "seconds", "memory", "error"),
    [
        ("import time; time.sleep(60)", 0.5, 1e12, "took longer"),
        ("x = bytearray(300_000_000); import time; time.sleep(60)", 30, 200e6, "of memory"),
        ("pass", 30, 1e12, None),
    ],
)
def test_limits(code, seconds, memory, error):
    process = subprocess.Popen([sys.executable, "-c", code])
    found = wait(process, seconds, memory)
    assert found is None if error is None else error in found
    assert process.poll() is not None


def test_a_folder_without_submissions_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path), "--seed", "1"])
    assert stop.value.code == 2
    assert "no submissions" in capsys.readouterr().err
