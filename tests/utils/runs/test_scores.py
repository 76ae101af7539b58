"""Scores of test.py: of which run they are."""

import os
import pathlib
import time
import zipfile

import pytest

from utils.files import make_folder, write_json, write_rows
from utils.run_folder import RunFolder
from utils.runs.reading import read_runs
from utils.runs.scores import read_test
from utils.settings import checkpoint_identity


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes the files of a run and returns its folder."""
    monkeypatch.chdir(tmp_path)

    def make(model="UNet", checkpoint=False, weights=None):
        run = RunFolder("checkpoints", model, "Mine")
        run.make()
        write_json(run.settings, {"model": model, "dataset": "datasets/Mine"})
        write_rows(run.log, [{"epoch": 0, "val_mean_iou": 0.5}])
        if checkpoint:
            run.latest.write_bytes(b"not read")
        if weights:
            write_checkpoint(run.latest, weights)
        return run.folder

    return make


def write_checkpoint(path, weights):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", weights)
        archive.writestr("suite.json", '{"settings": {}, "state": {}}')


def make_test(folder, checkpoint, mean_iou, /, age=0, **settings):
    """Writes a scores.json as test.py does, `age` seconds ago."""
    path = make_folder(folder) / "scores.json"
    flags = {"checkpoint_path": str(checkpoint), "output_dir": str(folder), "split": "test", "scales": [1.0]}
    scores = {"mean_iou": mean_iou, "global_accuracy": 0.9, "images_per_second": 12.5}
    write_json(path, {**scores, "settings": {**flags, **settings}})
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_tests_belong_to_the_run_of_their_checkpoint(make, tmp_path):
    first, second = make("UNet"), make("PSPNet")
    make_test("Test/a", "checkpoints/latest_model_UNet_Mine.keras", 0.1, age=50, scales=[1.0, 2.0])
    make_test(tmp_path / "results", tmp_path / second / "best_model.keras", 0.2, dataset="datasets/Other")
    make_test("Test/b", "checkpoints/UNet_Mine/best_model.keras", 0.3, age=10, dataset="Mine")
    make_test("Test/c", "checkpoints/latest_model_GCN_Mine.keras", 0.4)
    make_folder("Test/d").joinpath("scores.json").write_text("{")
    make_folder("Test/e").joinpath("scores.json").write_text('{"mean_iou": 1}')
    runs, _ = read_runs([first, second], ["Test", "results/scores.json"])
    assert [[test.scores["mean_iou"] for test in run.tests] for run in runs] == [[0.3, 0.1], [0.2]]
    record = runs[0].record()
    assert (record["test_mean_iou"], record["images_per_second"]) == (0.3, 12.5)
    assert record["test_file"] == "Test/b/scores.json"
    assert record["test_flags"]["checkpoint"] == "best_model.keras" and "dataset" not in record["test_flags"]
    assert runs[0].tests[1].flags["scales"] == [1.0, 2.0] and runs[0].tests[1].flags["checkpoint"] == "latest"
    assert runs[1].record()["test_flags"]["dataset"] == "Other"
    assert [len(run.tests) for run in read_runs([first, second])[0]] == [2, 0]


def test_a_test_of_another_folder_with_the_same_names(make, tmp_path, monkeypatch):
    """Each experiment has its own checkpoints/ and Test/; paths in scores.json are relative to its folder."""
    for name, score in (("one", 0.1), ("two", 0.2)):
        make_folder(name)
        with monkeypatch.context() as context:
            context.chdir(tmp_path / name)
            make()
            make_test("Test", "checkpoints/latest_model_UNet_Mine.keras", score)
    make()
    make_test("one/more", "checkpoints/latest_model_UNet_Mine.keras", 0.3)
    runs, _ = read_runs(["one", "two", "checkpoints"])
    assert [[test.scores["mean_iou"] for test in run.tests] for run in runs] == [[0.1], [0.2], [0.3]]


def test_a_test_before_further_training_is_named(make):
    folder = make(checkpoint=True)
    path = make_test("Test", "checkpoints/latest_model_UNet_Mine.keras", 0.1, age=1000)
    (run,), _ = read_runs([folder])
    assert not run.tests and run.problems == [
        f"{path} is left out: latest_model_UNet_Mine.keras was trained further after it; test it again"
    ]
    make_test("Test", "checkpoints/latest_model_UNet_Mine.keras", 0.1)
    (run,), _ = read_runs([folder])
    assert len(run.tests) == 1 and not run.problems


@pytest.mark.parametrize(
    "name, kind", [("latest_model_UNet_Mine.keras", "latest"), ("UNet_Mine/best_model.keras", "best_model.keras")]
)
def test_a_test_of_a_run_that_was_set_aside_since(make, name, kind):
    """The path in scores.json is now that of another run."""
    make(checkpoint=True)
    make_test("Test/first", f"checkpoints/{name}", 0.1, age=5000)
    aside = RunFolder("checkpoints", "UNet", "Mine").set_aside()
    old = time.strftime("%Y%m%d_%H%M%S", time.localtime(time.time() - 4000))
    aside.rename(aside.with_name(f"UNet_Mine_until_{old}"))
    folder = make(checkpoint=True)
    os.utime("checkpoints/latest_model_UNet_Mine.keras", (time.time() - 100,) * 2)
    make_test("Test/second", f"checkpoints/{name}", 0.2, age=50)
    runs, _ = read_runs(["checkpoints"])
    tests = {
        run.folder.name: [(test.scores["mean_iou"], test.flags["checkpoint"]) for test in run.tests] for run in runs
    }
    assert tests == {"UNet_Mine": [(0.2, kind)], f"UNet_Mine_until_{old}": [(0.1, kind)]}
    (run,), _ = read_runs([folder])
    assert [test.scores["mean_iou"] for test in run.tests] == [0.2]
    pathlib.Path(f"checkpoints/UNet_Mine_until_{old}").rename("checkpoints/UNet_Mine_until_I_moved_it")
    (run,), _ = read_runs([folder])
    assert [test.scores["mean_iou"] for test in run.tests] == ([0.2] if kind == "latest" else [0.2, 0.1])


def test_a_test_is_of_the_weights_wherever_they_are(make):
    """Both runs have the path of the test; only one has its weights."""
    make(weights="1")
    latest = pathlib.Path("checkpoints/latest_model_UNet_Mine.keras")
    path = make_test("Test/UNet_Mine", latest, 0.1, age=1000, checkpoint=checkpoint_identity(latest))
    aside = RunFolder("checkpoints", "UNet", "Mine").set_aside()
    os.utime(aside / latest.name)
    aside = aside.rename("checkpoints/renamed")
    make(weights="2")
    runs, _ = read_runs(["checkpoints"])
    assert {run.folder.name: len(run.tests) for run in runs} == {"UNet_Mine": 0, "renamed": 1}
    (run,) = [run for run in runs if run.tests]
    assert run.tests[0].flags["checkpoint"] == "latest" and not run.problems
    write_checkpoint(aside / latest.name, "3")
    runs, _ = read_runs(["checkpoints"])
    assert not any(run.tests for run in runs)
    assert [run.problems for run in runs if run.folder.name == "UNet_Mine"] == [
        [f"{path} is left out: {latest.name} was trained further after it; test it again"]
    ]


def test_a_result_that_was_set_aside_is_still_of_its_folder(make, tmp_path, monkeypatch):
    for name in ("one", "two"):
        make_folder(name)
        with monkeypatch.context() as context:
            context.chdir(tmp_path / name)
            make()
            path = make_test("Test/UNet_Mine", "checkpoints/latest_model_UNet_Mine.keras", 0.1)
            path.parent.rename("Test/UNet_Mine_until_20260102_030405")
    runs, _ = read_runs(["one", "two"])
    assert [str(run.tests[0].path.parts[0]) for run in runs] == ["one", "two"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"settings": {"checkpoint_path": "a\\u0000b", "output_dir": "c"}, "mean_iou": 1}',
        '{"settings": {"checkpoint_path": "a", "output_dir": "c"}, "mean_iou": 1' + "0" * 400 + "}",
        '{"settings": {"checkpoint_path": "a", "output_dir": "c"}, "mean_iou": 1, "mean_iou": 2}',
        '{"settings": [], "mean_iou": 1}',
    ],
)
def test_damaged_scores_are_none(tmp_path, text):
    (tmp_path / "scores.json").write_text(text)
    assert read_test(tmp_path / "scores.json") is None
