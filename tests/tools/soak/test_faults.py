"""Faults: what a good answer to one is, and how files are damaged."""

import random
import stat
import zipfile

import pytest

from tools.soak.child import Ended
from tools.soak.faults import check, new_folder, spoil

ERROR = "error: cannot write out/log.csv: No space left on device\n"


@pytest.mark.parametrize(
    "code, text, may_go_on, problem",
    [
        (1, ERROR, False, None),
        (2, ERROR, True, None),
        (0, "warning: samples.png: No space left on device\n", True, None),
        (0, "", True, "without a warning"),
        (0, "warning: Pole has no pixel\n", True, "without a warning"),
        (0, "warning: log.csv", False, "in spite of the failure"),
        (1, "Traceback (most recent call last):\nOSError: no space\n", False, "traceback: OSError: no space"),
        (3, ERROR, False, "exit code 3"),
        (1, "failed\n", False, "exit code 1: failed"),
    ],
)
def test_good_and_bad_answers(code, text, may_go_on, problem, tmp_path):
    (tmp_path / "output.txt").write_text("warning: Pole has no pixel\n")
    problems = check(Ended(code, text, 1.0), may_go_on, tmp_path)
    assert (problem in problems[0]) if problem else problems == []


def test_a_training_that_hangs(tmp_path):
    assert check(Ended(-9, "", 120.0, is_late=True), True, tmp_path) == ["hangs"]


@pytest.mark.parametrize("kind, changed", [("truncated", 20), ("empty", 0), ("bit flipped", 40), ("vanished", None)])
def test_damages(tmp_path, kind, changed):
    path, data = tmp_path / "file", b"0123456789suite.json01234567890123456789"
    path.write_bytes(data)
    spoil(path, kind, random.Random(1))
    assert (len(path.read_bytes()) if path.exists() else None) == changed
    if changed == 40:
        assert path.read_bytes() != data


def test_a_checkpoint_without_settings(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("config.json", "suite.json"):
            archive.writestr(name, "{}")
    spoil(path, "without settings")
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["config.json"]


def test_a_pipe_in_place_of_an_image(tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(b"")
    spoil(path, "a pipe")
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_folders_are_named_after_faults(tmp_path):
    assert new_folder(tmp_path, "image truncated, --on_bad_sample skip").name == "image_truncated_on_bad_sample_skip"
