"""Lines of progress, with a clock that is turned by hand."""

import sys

import pytest

from utils import progress
from utils.progress import Console, clock, duration


@pytest.fixture
def now(monkeypatch):
    """A list with the time in seconds."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    monkeypatch.setenv("COLUMNS", "70")
    return now


def work(mode, now, rounds, seconds):
    """A loop of `rounds` that each take so many seconds."""
    with Console(mode).progress("Images", rounds, images=4) as line:
        for done in range(1, rounds + 1):
            now[0] += seconds
            line.count(done)


def test_plain_is_a_line_every_thirty_seconds_and_one_at_the_end(now, capsys):
    work("plain", now, 10, 8.0)
    # Four images in 8 seconds; after 32 seconds 6 rounds are left, after 64 two.
    assert capsys.readouterr().out.splitlines() == [
        "Images: 4/10, 0.5 images/s, 0:48 left",
        "Images: 8/10, 0.5 images/s, 0:16 left",
        "Images: 10/10, 0.5 images/s, in 1:20",
    ]


def test_a_short_loop_is_one_plain_line(now, capsys):
    work("plain", now, 1000, 0.01)
    assert capsys.readouterr().out.splitlines() == ["Images: 1000/1000, 400 images/s, in 0:10"]


def test_bar_keeps_one_line_and_draws_four_times_a_second_at_most(now, capsys):
    work("bar", now, 1000, 0.01)
    output = capsys.readouterr().out
    first, *lines = output.split("\r")
    assert first == "" and output.count("\n") == 1
    assert lines[0].endswith("Images: 0/1000") and 35 <= len(lines) <= 42
    assert all(len(line.rstrip("\n")) < 70 for line in lines)
    half = next(line for line in lines if "500/1000" in line)
    assert half.startswith("[") and half[1:].split("]")[0].count("=") == half[1:].split("]")[0].count("-")
    assert lines[-1].rstrip() == "Images: 1000/1000, 400 images/s, in 0:10"


def test_a_shorter_line_hides_the_longer_one(now, capsys):
    with Console("bar").progress("Images", 2) as line:
        line.note = "a long note"
        line.count(1)
        line.show()
        line.note = ""
    *_, long, short = capsys.readouterr().out.rstrip("\n").split("\r")
    assert "a long note" in long and len(short) >= len(long)


def test_quiet_says_nothing_and_nothing_is_due(now, capsys):
    work("quiet", now, 10, 100.0)
    Console("quiet").say("a line")
    assert capsys.readouterr().out == ""


def test_an_error_leaves_the_line_of_the_terminal(now, capsys):
    with pytest.raises(KeyError), Console("bar").progress("Images", 10):
        raise KeyError
    assert capsys.readouterr().out.endswith("\n")


def test_the_mode_depends_on_the_terminal(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert Console().mode == "bar" and Console("plain").mode == "plain"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert Console().mode == "plain"


@pytest.mark.parametrize("seconds, text", [(7.4, "0:07"), (187, "3:07"), (7387, "2:03:07"), (59.7, "1:00")])
def test_clock(seconds, text):
    assert clock(seconds) == text


@pytest.mark.parametrize(
    "seconds, text",
    [(59.6, "0 hours 1 minutes 0 seconds"), (3725, "1 hours 2 minutes 5 seconds"), (0, "0 hours 0 minutes 0 seconds")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize("mode", ["bar", "plain"])
def test_a_camera_has_no_known_end(now, capsys, mode):
    with Console(mode).progress("camera0", None) as progress:
        for done in range(1, 4):
            progress.count(done)
            progress.show()
    shown = capsys.readouterr().out
    assert "camera0: 3" in shown and "left" not in shown and "/" not in shown.replace("images/s", "")


@pytest.mark.parametrize("mode", ["bar", "plain", "quiet"])
def test_a_line_in_the_middle_of_a_loop_is_one_of_its_own(capsys, mode):
    with Console(mode).progress("Epoch", 4) as progress:
        progress.count(1)
        progress.interrupt("Estimate: 2 hours")
        progress.count(2)
    lines = capsys.readouterr().out.replace("\r", "\n").splitlines()
    assert lines.count("Estimate: 2 hours") == 1
