"""Comparison of runs: times and flags of speed may differ, a single bit may not."""

import io
import json
import shutil
import zipfile

import h5py
import numpy as np
import pytest

from tools.soak.compare import damaged_files, differences

STATE = {"epoch": 2, "best_mean_iou": 0.25, "log": [{"epoch": 0, "loss": 1.5, "seconds": 3.0}]}


def write_run(folder, weight=1.0, state=STATE, settings=None, log="epoch,loss,seconds\n0,1.5,3.0\n"):
    (folder / "run").mkdir(parents=True)
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        file["layers/conv/vars/0"] = np.array([0.1, weight], np.float32)
    with zipfile.ZipFile(folder / "latest.keras", "w") as archive:
        archive.writestr("model.weights.h5", data.getvalue())
        archive.writestr("metadata.json", json.dumps({"date_saved": str(folder)}))
        archive.writestr("suite.json", json.dumps({"settings": settings or {"workers": 1}, "state": state}))
    (folder / "run" / "log.csv").write_text(log)
    (folder / "run" / "tensorboard").mkdir()
    (folder / "run" / "tensorboard" / f"events.{folder.name}").write_text("")
    return folder


def test_times_workers_and_events_may_differ(tmp_path):
    first = write_run(tmp_path / "a")
    log = [{"epoch": 0, "loss": 1.5, "seconds": 9.0}]
    second = write_run(tmp_path / "b", 1.0, {**STATE, "log": log}, {"workers": 4}, "epoch,loss,seconds\n0,1.5,9.0\n")
    assert differences(first, second) == []


@pytest.mark.parametrize(
    "change, message",
    [
        ({"weight": np.nextafter(np.float32(1), np.float32(2))}, "array layers/conv/vars/0 differs by up to 1.19e-07"),
        ({"weight": float("nan")}, "array layers/conv/vars/0 differs"),
        ({"state": {**STATE, "best_mean_iou": 0.26}}, "suite.json: /state/best_mean_iou: 0.25 and 0.26"),
        ({"settings": {"batch_size": 3}}, "suite.json: /settings/batch_size: None and 3"),
        ({"log": "epoch,loss,seconds\n0,1.6,3.0\n"}, "run/log.csv differs: /0/loss: '1.5' and '1.6'"),
    ],
)
def test_what_differs_is_told(tmp_path, change, message):
    first, second = write_run(tmp_path / "a"), write_run(tmp_path / "b", **change)
    (line,) = differences(first, second)
    assert message in line


def test_missing_files_are_told(tmp_path):
    first, second = write_run(tmp_path / "a"), write_run(tmp_path / "b")
    (first / "run" / "samples.png").write_bytes(b"")
    assert differences(first, second) == [f"only in {first}: run/samples.png"]
    assert differences(second, first) == [f"only in {first}: run/samples.png"]


def test_damaged_files(tmp_path):
    folder = write_run(tmp_path / "a")
    (folder / ".latest.tmp1_a.keras").write_bytes(b"half")
    assert damaged_files(folder) == []
    shutil.copy(folder / "latest.keras", folder / "cut.keras")
    (folder / "cut.keras").write_bytes((folder / "latest.keras").read_bytes()[:-30])
    (folder / "cut.json").write_text('{"a": ')
    (folder / "cut.csv").write_text("epoch,lo")
    (folder / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    names = [line.split()[0] for line in damaged_files(folder)]
    assert names == ["cut.csv", "cut.json", "cut.keras", "cut.png"]


@pytest.mark.parametrize("step, is_told", [(1, False), (0, True)])
def test_the_previous_checkpoint_may_be_of_another_step_of_an_epoch(tmp_path, step, is_told):
    first, second = write_run(tmp_path / "a"), write_run(tmp_path / "b")
    write_run(tmp_path / "c", 2.0, {**STATE, "epoch": 1, "step": step})
    for folder, source in ((first, "b"), (second, "c")):
        shutil.copy(tmp_path / source / "latest.keras", folder / "previous_model.keras")
    assert bool(differences(first, second)) == is_told
