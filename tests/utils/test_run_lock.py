"""One process at a time trains a run."""

import json
import os
import platform
import time

import pytest

from utils import run_lock as module
from utils.errors import RunError
from utils.processes import start_mark
from utils.run_folder import RunFolder
from utils.run_lock import run_lock


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "checkpoints", "UNet", "Mine")


def write_lock(run, age=0.0, **holder):
    """Writes the lock of another process, whose last sign of life is `age` seconds ago."""
    run.lock.parent.mkdir(exist_ok=True)
    known = {"process": os.getppid(), "start": start_mark(os.getppid()), "host": platform.node()}
    run.lock.write_text(json.dumps({**known, "since": "2026-01-02 03:04", **holder}))
    os.utime(run.lock, (time.time() - age,) * 2)


def test_a_second_process_is_told_which_one_trains(run):
    with run_lock(run), pytest.raises(RunError) as error, run_lock(run):
        pass
    text = str(error.value)
    assert text.startswith(f"run UNet_Mine is training, process {os.getpid()} on host {platform.node()}, since 20")
    assert "--name" in text and len(text) < 300
    assert not run.lock.parent.exists(), "nothing is left of a run that wrote nothing"


def test_runs_of_other_names_train_beside_it(run):
    with run_lock(run), run_lock(RunFolder(run.latest.parent, "UNet", "Mine", "wide")):
        run.latest.write_text("weights")
    assert os.listdir(run.latest.parent) == [run.latest.name]


def test_the_lock_is_removed_after_an_error(run):
    run.lock.parent.mkdir()
    with pytest.raises(KeyboardInterrupt), run_lock(run):
        assert run.lock.exists()
        raise KeyboardInterrupt
    assert os.listdir(run.lock.parent) == []


@pytest.mark.parametrize(
    "holder, age, words",
    [
        ({"process": 2**22 + 7}, 0, "has ended"),
        ({"start": "1"}, 0, "has ended"),
        ({"host": "elsewhere"}, 700, "has given no sign of life for 12 minutes"),
        ({"start": None}, 700, "has given no sign of life"),
    ],
)
def test_the_lock_of_a_process_that_has_ended_is_removed(run, capsys, holder, age, words):
    if holder.get("start") == "1" and start_mark(os.getpid()) is None:
        pytest.skip("the system does not tell when a process started")
    write_lock(run, age, **holder)
    with run_lock(run):
        assert json.loads(run.lock.read_text())["process"] == os.getpid()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("The lock of run UNet_Mine is removed: process ") and words in line and len(line) < 300
    assert os.listdir(run.lock.parent) == []


@pytest.mark.parametrize("holder, age", [({}, 0), ({}, 700), ({"host": "elsewhere"}, 60)])
def test_the_lock_of_a_process_that_runs_holds(run, holder, age):
    if age == 700 and start_mark(os.getpid()) is None:
        pytest.skip("the system does not tell when a process started")
    write_lock(run, age, **holder)
    before = run.lock.read_bytes()
    with pytest.raises(RunError, match="is training"), run_lock(run):
        pass
    assert run.lock.read_bytes() == before and os.listdir(run.lock.parent) == [run.lock.name]


@pytest.mark.parametrize("text", ["", "[1]", '{"process": "x", "host": 3}', "\x00"])
def test_a_lock_without_content_holds_until_it_is_old(run, text):
    run.lock.parent.mkdir()
    run.lock.write_text(text)
    with pytest.raises(RunError, match="is training"), run_lock(run):
        pass
    os.utime(run.lock, (0, 0))
    with run_lock(run):
        pass


def test_of_two_processes_that_remove_a_stale_lock_one_gets_it(run, monkeypatch):
    """The other one replaces the stale lock in the moment before it is renamed."""
    write_lock(run, process=2**22 + 7)
    rename = type(run.lock).rename

    def late(path, target):
        write_lock(run)
        return rename(path, target)

    monkeypatch.setattr("pathlib.Path.rename", late)
    with pytest.raises(RunError, match=f"process {os.getppid()}"), run_lock(run):
        pass
    assert json.loads(run.lock.read_text())["process"] == os.getppid()


def test_signs_of_life(run, monkeypatch):
    beats, seen = [], []

    class Ended:
        def wait(self, seconds):
            beats.append(seconds)
            return len(beats) > 2

    run.lock.parent.mkdir()
    run.lock.write_text("")
    monkeypatch.setattr(os, "utime", seen.append)
    module._beat(run.lock, Ended())
    assert seen == [run.lock] * 2 and beats == [module.BEAT_SECONDS] * 3


def test_a_folder_that_cannot_be_written_is_named(run, monkeypatch):
    def refuse(*args):
        raise OSError(30, "Read-only file system")

    run.lock.parent.mkdir()
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(RunError, match="cannot write to .*checkpoints: Read-only"), run_lock(run):
        pass
