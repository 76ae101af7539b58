"""Log and curves of a run, and files that are worth less than the training."""

import os

import pytest

from utils.class_dict import ClassDict
from utils.errors import RunError, UsageError
from utils.run_folder import RunFolder
from utils.training.run_log import is_current, optional_write, refresh_log, write_log

CLASSES = ClassDict(["a", "b"], [[0, 0, 0], [255, 0, 0]])
LOG = [{"epoch": 0, "loss": 1.5, "mean_iou": 0.2, "val_mean_iou": 0.3, "val_iou_a": 0.3}, {"epoch": 1, "loss": 1.25}]


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path, "tiny", "Streets")
    folder.make()
    return folder


def test_a_log_behind_or_ahead_of_the_checkpoint_is_written_again(run):
    refresh_log(run, [], CLASSES)
    assert not run.log.exists()
    refresh_log(run, LOG, CLASSES)
    names = {"log.csv", *(f"{what}_vs_epochs.png" for what in ("loss", "accuracy", "iou", "class_iou"))}
    assert {path.name for path in run.folder.iterdir()} == names and is_current(run, LOG)
    before = run.log.stat().st_mtime_ns
    refresh_log(run, LOG, CLASSES)
    assert run.log.stat().st_mtime_ns == before, "nothing to do"
    for log in (LOG[:1], LOG):
        assert not is_current(run, log)
        refresh_log(run, log, CLASSES)
        assert is_current(run, log)


@pytest.mark.parametrize("name", ["iou_vs_epochs.png", "class_iou_vs_epochs.png"])
def test_curves_that_a_killed_process_did_not_draw_are_drawn(run, name):
    write_log(run, LOG, CLASSES)
    os.utime(run.folder / name, ns=(0, run.log.stat().st_mtime_ns - 1))
    assert not is_current(run, LOG)
    (run.folder / name).unlink()
    assert not is_current(run, LOG)
    refresh_log(run, LOG, CLASSES)
    assert is_current(run, LOG)


@pytest.mark.parametrize(
    "error, words",
    [
        (RunError("cannot write a.png: No space left on device"), ["cannot write a.png: No space", "make room"]),
        (OSError(30, "Read-only file system"), ["cannot write folder/b.png: Read-only file system", "check the disk"]),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"), ["folder/b.png", "rename files"]),
        (MemoryError(), ["folder/b.png: MemoryError"]),
    ],
)
def test_what_cannot_be_written_is_a_line(capsys, error, words):
    with optional_write("folder/b.png"):
        raise error
    output, line = capsys.readouterr()
    assert not output and line.startswith("warning: ") and len(line.splitlines()) == 1
    assert all(word in line for word in words), line


def test_other_errors_are_not_hidden():
    with pytest.raises(UsageError), optional_write("a.png"):
        raise UsageError("a damaged label")
