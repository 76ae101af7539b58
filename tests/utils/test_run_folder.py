"""Paths of a run, its temporary files, and earlier runs."""

import os
import time

import pytest

from utils.errors import RunError, UsageError
from utils.run_folder import RunFolder, find_checkpoint, set_aside, time_set_aside


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "checkpoints", "UNet", "CamVid")


def test_names_are_those_of_the_original_suite(run, tmp_path):
    folder = tmp_path / "checkpoints"
    assert run.latest == folder / "latest_model_UNet_CamVid.keras"
    assert run.folder == folder / "UNet_CamVid" and {run.best.parent, run.settings.parent, run.log.parent} == {
        run.folder
    }
    assert run.epoch(7) == folder / "UNet_CamVid" / "0007" and run.epoch(7).is_dir()


def test_temporary_files_of_a_killed_run_are_removed_and_nothing_else(run):
    run.make()
    left_over = [
        run.epoch(3) / ".a_pred.tmp12.png",
        run.folder / ".best_model.tmp12.keras",
        run.folder.parent / ".latest_model_UNet_CamVid.tmp12.keras",
    ]
    other = [
        run.folder / "notes.tmp",
        run.folder.parent / ".latest_model_UNet_Streets.tmp12.keras",
        run.folder.parent / ".latest_model_UNet_CamVid2.tmp12.keras",
        run.latest,
        run.best,
    ]
    for path in left_over + other:
        path.write_text("x")
    run.make()
    assert not any(path.exists() for path in left_over) and all(path.exists() for path in other)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "checkpoints").write_text("a file")
    with pytest.raises(RunError, match="cannot write to .*UNet_CamVid"):
        RunFolder(tmp_path / "checkpoints", "UNet", "CamVid").make()


def test_an_earlier_run_is_set_aside_whole(run):
    assert run.set_aside() is None
    run.make()
    assert run.set_aside() is None, "an empty folder is no run"
    run.log.write_text("epoch")
    run.latest.write_text("weights")
    aside = run.set_aside()
    assert aside.name.startswith("UNet_CamVid_until_") and not run.folder.exists() and not run.latest.exists()
    assert sorted(os.listdir(aside)) == ["latest_model_UNet_CamVid.keras", "log.csv"]
    assert (aside / run.latest.name).read_text() == "weights"


@pytest.mark.parametrize("renames", [0, 1])
def test_a_kill_while_a_run_is_set_aside_leaves_it_whole(run, monkeypatch, renames):
    """A kill before the first or the second of the two renames."""
    run.make()
    run.log.write_text("epoch")
    run.latest.write_text("weights")
    done, rename = [], os.rename

    def kill(*args):
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(rename(*args))

    with monkeypatch.context() as context:
        context.setattr(os, "rename", kill)
        context.setattr("pathlib.Path.rename", lambda *args: kill(*args))
        with pytest.raises(KeyboardInterrupt):
            run.set_aside()
    assert find_checkpoint(None, run.latest.parent, "UNet", "CamVid").read_text() == "weights"
    assert run.recover() == bool(renames) and not run.recover()
    assert sorted(os.listdir(run.folder)) == ["log.csv"] and run.latest.read_text() == "weights"


def test_a_run_that_was_half_set_aside_is_set_aside_whole(run):
    run.make()
    run.inner_latest.write_text("weights")
    assert (run.set_aside() / run.latest.name).read_text() == "weights"


def test_a_checkpoint_that_cannot_be_moved_is_named(run, monkeypatch):
    run.make()
    run.latest.write_text("weights")

    def fail(*args):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("shutil.move", fail)
    with pytest.raises(RunError, match="cannot move .*latest_model_UNet_CamVid.keras to .*: Read-only"):
        run.set_aside()
    run.latest.rename(run.inner_latest)
    with pytest.raises(RunError, match="cannot move .*Read-only"):
        run.recover()


def test_two_processes_that_set_aside_in_one_second(tmp_path, monkeypatch):
    """The name was free when the process looked, and is not when it renames."""
    monkeypatch.setattr(time, "strftime", lambda form: "20260102_030405")
    (tmp_path / "run").mkdir()
    taken, rename = tmp_path / "run_until_20260102_030405", type(tmp_path).rename

    def late(path, target):
        if not taken.exists():
            taken.mkdir()
            (taken / "log.csv").write_text("of the other")
        return rename(path, target)

    monkeypatch.setattr("pathlib.Path.rename", late)
    assert set_aside(tmp_path / "run").name == "run_until_20260102_030405_2"
    assert (taken / "log.csv").read_text() == "of the other"


def test_a_checkpoint_without_its_folder_is_set_aside(run):
    run.latest.parent.mkdir()
    run.latest.write_text("weights")
    assert os.listdir(run.set_aside()) == [run.latest.name] and not run.latest.exists()


def test_folders_set_aside_within_a_second_keep_their_names_apart(tmp_path, monkeypatch):
    now = time.time()
    text = time.strftime("%Y%m%d_%H%M%S", time.localtime(now))
    asides = []
    for number in range(3):
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / f"{number}.txt").write_text("")
        with monkeypatch.context() as context:
            context.setattr(time, "strftime", lambda form: text)
            asides.append(set_aside(tmp_path / "run"))
    assert [os.listdir(aside) for aside in asides] == [["0.txt"], ["1.txt"], ["2.txt"]]
    assert [time_set_aside(aside) for aside in asides] == [int(now)] * 3
    assert time_set_aside(tmp_path / "run") is None and time_set_aside(tmp_path / "run_until_tomorrow") is None


def test_a_folder_that_cannot_be_set_aside_is_named(tmp_path):
    with pytest.raises(RunError, match="cannot rename .*run"):
        set_aside(tmp_path / "run")


def test_which_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    latest = RunFolder("out", "UNet", "CamVid").latest
    assert find_checkpoint(None, "out", "UNet", "CamVid") == latest
    assert find_checkpoint(None, "out", "UNet", "datasets/CamVid/") == latest
    (tmp_path / "CamVid").mkdir()
    monkeypatch.chdir(tmp_path / "CamVid")
    assert find_checkpoint(None, "out", "UNet", ".") == latest, "the name of a dataset is that of its folder"
    assert str(find_checkpoint("a.keras", "out", "UNet", "CamVid")) == "a.keras"


def test_runs_with_a_name(tmp_path):
    folder = tmp_path / "out"
    run = RunFolder(folder, "UNet", "CamVid", "wide")
    assert run.latest == folder / "latest_model_UNet_CamVid_wide.keras" and run.folder == folder / "UNet_CamVid_wide"
    assert find_checkpoint(None, folder, "UNet", "CamVid", name="wide") == run.latest
    run.make()
    run.latest.write_text("")
    with pytest.raises(UsageError, match="no checkpoint .*UNet_CamVid.keras; choose the run: --name wide"):
        find_checkpoint(None, folder, "UNet", "CamVid")
    plain = RunFolder(folder, "UNet", "CamVid")
    plain.latest.write_text("")
    assert find_checkpoint(None, folder, "UNet", "CamVid") == plain.latest
    plain.make()
    plain.set_aside()
    assert run.latest.exists() and run.folder.exists(), "a run sets aside itself alone"
    with pytest.raises(UsageError, match="leave it out"):
        find_checkpoint("a.keras", folder, None, None, name="wide")
    with pytest.raises(UsageError, match="which checkpoint"):
        find_checkpoint(None, folder, None, None, default=run.latest, name="wide")


@pytest.mark.parametrize("model, dataset", [(None, None), ("UNet", None), (None, "CamVid")])
def test_flags_that_select_no_checkpoint_are_refused(model, dataset):
    with pytest.raises(UsageError, match="--checkpoint_path FILE.keras, or --model and --dataset"):
        find_checkpoint(None, "checkpoints", model, dataset)
