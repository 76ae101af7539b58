"""Runs read from their folders: whole, damaged, moved, tested."""

import json
import pathlib
import zipfile

import pytest

from utils.files import make_folder, write_json, write_rows
from utils.run_folder import RunFolder
from utils.runs.reading import Run, find_runs, read_log, read_run, read_runs

SETTINGS = {
    "model": "UNet",
    "dataset": "datasets/Mine",
    "seed": 3,
    "scale_range": [0.5, 2.0],
    "num_epochs": 5,
    "output_dir": "checkpoints",
    "class_names": ["a", "b"],
    "dataset_path": "C:\\data\\Mine",
    "versions": {"keras": "3"},
}
LOG = [
    {"epoch": 0, "loss": 2.0, "val_loss": 2.5, "val_mean_iou": 0.25, "val_iou_a": 0.5, "seconds": 60.0},
    {"epoch": 1, "loss": 1.0, "val_loss": None, "val_mean_iou": None, "val_iou_a": None, "seconds": 30.0},
    {"epoch": 2, "loss": 0.5, "val_loss": 0.625, "val_mean_iou": 0.75, "val_iou_a": None, "seconds": 30.0},
    {"epoch": 3, "loss": 0.4, "val_loss": 0.5, "val_mean_iou": 0.5, "val_iou_a": 0.5, "seconds": 30.0},
]


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes the files of a run and returns its folder."""
    monkeypatch.chdir(tmp_path)

    def make(model="UNet", output="checkpoints", settings=None, log=LOG, checkpoint=False):
        run = RunFolder(output, model, "Mine")
        run.make()
        settings = {**SETTINGS, "model": model, **(settings or {})}
        write_json(run.settings, settings)
        write_rows(run.log, log)
        if checkpoint:
            with zipfile.ZipFile(run.latest, "w") as archive:
                archive.writestr("suite.json", json.dumps({"settings": settings, "state": {"log": log}}))
        return run.folder

    return make


def test_a_run_is_summarized(make):
    folder = make()
    runs, problems = read_runs([folder])
    record = runs[0].record()
    assert not problems and not runs[0].problems and len(runs) == 1
    flags = {"model": "UNet", "dataset": "Mine", "seed": 3, "scale_range": [0.5, 2.0], "num_epochs": 5}
    assert record == {
        **{"folder": str(folder), "flags": flags, "epochs": 4, "num_epochs": 5, "minutes": 2.5},
        **{"best_mean_iou": 0.75, "best_epoch": 2, "val_loss": 0.625, "last_mean_iou": 0.5},
        **dict.fromkeys(["test_mean_iou", "test_global_accuracy", "images_per_second", "test_file"]),
        "test_flags": {},
    }
    json.dumps(record)


@pytest.mark.parametrize(
    "settings, name",
    [
        ({"dataset": "datasets/Mine", "dataset_path": "/data/datasets/Mine"}, "Mine"),
        ({"dataset": ".", "dataset_path": "C:\\data\\Mine"}, "Mine"),
        ({"dataset": ["Mine"], "dataset_path": "/data/Mine"}, "Mine"),
        ({"dataset": ["Mine", "data\\Other"], "dataset_path": "/data/Mine"}, "Mine+Other"),
        ({"dataset": "Mine"}, "Mine"),
        ({"model": "UNet"}, None),
    ],
)
def test_names_of_datasets(settings, name):
    assert Run(pathlib.Path("x"), settings).dataset == name


def test_runs_are_found_once(make, tmp_path):
    first, second = make("UNet"), make("PSPNet", checkpoint=True)
    third = make("GCN", "elsewhere/deep")
    make("FRRN-A", "elsewhere/.hidden")
    make_folder(first / "0000" / "inner").joinpath("log.csv").write_text("not of a run")
    paths = ["checkpoints", first, second / "log.csv", "checkpoints/latest_model_PSPNet_Mine.keras", "elsewhere"]
    runs, problems = read_runs(paths)
    assert [run.folder.resolve() for run in runs] == [tmp_path / folder for folder in (second, first, third)]
    assert not problems
    make_folder(second / "0002").joinpath("model.keras").write_text("x")
    assert find_runs(second / "0002" / "model.keras") == [second]


def test_a_run_that_was_set_aside(make):
    make(checkpoint=True)
    aside = RunFolder("checkpoints", "UNet", "Mine").set_aside()
    assert aside.name.startswith("UNet_Mine_until_")
    (run,), _ = read_runs(["checkpoints"])
    assert run.folder == aside and run.latest == aside / "latest_model_UNet_Mine.keras" and run.latest.is_file()


def test_paths_without_runs_are_named(make):
    make_folder("empty")
    make_folder("other").joinpath("settings.json").write_text('{"editor": 1}')
    runs, problems = read_runs([make(), "empty", "gone", "other"])
    assert len(runs) == 1 and len(problems) == 3
    assert problems[0] == "empty has no run of train.py" and problems[1] == "gone is not there"
    assert "other/settings.json was not written by train.py" in problems[2] and "other/log.csv" in problems[2]


@pytest.mark.parametrize("with_checkpoint", [True, False])
@pytest.mark.parametrize(
    "name, content, words",
    [
        ("settings.json", b"{", "is not JSON"),
        ("settings.json", b"[1]", "must hold an object"),
        ("settings.json", b"{}", "was not written by train.py"),
        ("settings.json", None, "cannot be read: No such file"),
        ("log.csv", b"", "is empty: no epoch is complete"),
        ("log.csv", b"epoch,loss\n", "is empty"),
        ("log.csv", b"epoch,loss,val_mean_iou,seconds\n0,2,0.25,60\n1,x,,\n", "is damaged in line 3"),
        ("log.csv", b"epoch,loss,val_mean_iou,seconds\n0,2,0.25,60,9\n", "is damaged in line 2"),
        ("log.csv", b"epoch,loss,val_mean_iou,seconds\n0,2,0.25,60\n,1,,\n", "is damaged in line 3"),
        ("log.csv", b"time,loss\n0,1\n", "is damaged in line 2"),
        ("log.csv", b"epoch,loss\n0,\xff\xfe\n", "is damaged: it is not CSV"),
        ("log.csv", None, "cannot be read: No such file"),
    ],
)
def test_damaged_files_are_named_and_replaced_by_the_checkpoint(make, with_checkpoint, name, content, words):
    folder = make(checkpoint=with_checkpoint)
    (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
    run = read_run(folder)
    assert len(run.problems) == 1 and str(folder / name) in run.problems[0] and words in run.problems[0]
    record = run.record()
    assert ("latest_model_UNet_Mine.keras was read instead" in run.problems[0]) is with_checkpoint
    if with_checkpoint or name == "settings.json":
        assert record["best_mean_iou"] == 0.75 and record["epochs"] == 4
    if with_checkpoint or name == "log.csv":
        assert record["flags"]["seed"] == 3 and record["num_epochs"] == 5
    else:
        assert record["flags"] == {} and record["num_epochs"] is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b'{"state": {}}'])
def test_a_damaged_checkpoint_does_not_hide_the_log(make, content):
    folder = make()
    (folder / "settings.json").unlink()
    (folder / "best_model.keras").write_bytes(content)
    with zipfile.ZipFile(folder.parent / "latest_model_UNet_Mine.keras", "w") as archive:
        archive.writestr("suite.json", '{"settings": {}}')
    assert read_run(folder).record()["epochs"] == 4


def test_a_log_is_read_up_to_its_damage(make):
    path = make() / "log.csv"
    assert read_log(path) == (LOG, None)
    path.write_text(path.read_text()[:-12])
    rows, damage = read_log(path)
    assert rows == LOG[:3] and damage == f"{path} is damaged in line 5"
