"""The folder of a test's results: replaced, kept, or as it was after a failure."""

import json
import os
import pathlib

import pytest

from utils.errors import RunError
from utils.evaluation.result_folder import is_same_test, result_folder, result_path

RECORD = {
    "checkpoint": {"epoch": 7, "weights": "12ab-5"},
    "checkpoint_path": "checkpoints/latest_model_UNet_Mine.keras",
    "dataset": "datasets/Mine",
    "split": "test",
    "scales": (1.0,),
    "batch_size": 1,
}


def write(output, keeps_others=True, image="a_pred.png", **changes):
    """Writes a result as test.py does."""
    record = {**RECORD, **changes}
    with result_folder(output, record, keeps_others) as files:
        (files / image).write_text(str(record["checkpoint"]))
        (files / "scores.json").write_text(json.dumps({"settings": record}))
        assert output not in (files, *files.parents[:1]) or not keeps_others


def test_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Mine").mkdir()
    assert result_path(None, {"model": "UNet"}, pathlib.Path("Mine")) == pathlib.Path("Test", "UNet_Mine")
    assert result_path(None, {"model": "UNet", "name": "b"}, pathlib.Path("Mine")).name == "UNet_Mine_b"
    assert result_path("x/y", {"model": "UNet"}, pathlib.Path("Mine")) == pathlib.Path("x", "y")


def test_the_same_test_is_replaced_without_a_word(tmp_path, capsys):
    output = tmp_path / "Test" / "UNet_Mine"
    write(output)
    (output / "notes.txt").write_text("mine")
    write(output, batch_size=4, checkpoint_path="checkpoints/UNet_Mine/best_model.keras")
    assert sorted(os.listdir(output)) == ["a_pred.png", "notes.txt", "scores.json"]
    assert json.loads((output / "scores.json").read_text())["settings"]["batch_size"] == 4
    assert os.listdir(tmp_path / "Test") == ["UNet_Mine"] and not capsys.readouterr().out


@pytest.mark.parametrize(
    "changes", [{"checkpoint": {"epoch": 8, "weights": "13ab-5"}}, {"split": "val"}, {"scales": (0.5, 1.0)}]
)
def test_the_result_of_another_test_is_kept(tmp_path, capsys, changes):
    output = tmp_path / "Test" / "UNet_Mine"
    write(output)
    write(output, image="b_pred.png", **changes)
    (aside,) = (folder for folder in (tmp_path / "Test").iterdir() if folder != output)
    assert sorted(os.listdir(aside)) == ["a_pred.png", "scores.json"]
    assert sorted(os.listdir(output)) == ["b_pred.png", "scores.json"]
    (line,) = capsys.readouterr().out.splitlines()
    assert "latest_model_UNet_Mine.keras, epoch 0007, test" in line and line.endswith(f"is kept in {aside}")


def test_the_batch_size_matters_with_batch_statistics_alone():
    for statistics in (False, True):
        record = {**RECORD, "scales": [1.0], "batch_statistics": statistics}
        assert is_same_test(record, {**record, "batch_size": 4}) != statistics


def test_files_of_unknown_origin_are_kept(tmp_path, capsys):
    output = tmp_path / "Test" / "UNet_Mine"
    output.mkdir(parents=True)
    write(output)
    assert len(os.listdir(tmp_path / "Test")) == 1, "an empty folder is no result"
    (output / "scores.json").write_text("{")
    write(output)
    assert len(os.listdir(tmp_path / "Test")) == 2 and "an unknown test" in capsys.readouterr().out


def test_a_given_folder_is_written_as_it_is(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    write(tmp_path, keeps_others=False)
    assert not capsys.readouterr().out
    (tmp_path / "report.html").write_text("of this test")
    write(tmp_path, keeps_others=False, batch_size=2)
    assert (tmp_path / "report.html").exists() and not capsys.readouterr().out
    write(tmp_path, keeps_others=False, split="val")
    assert sorted(os.listdir(tmp_path)) == ["a_pred.png", "notes.txt", "scores.json"]
    assert capsys.readouterr().out.count("epoch 0007, test, is replaced") == 1


@pytest.mark.parametrize("keeps_others", [True, False])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_test_that_fails_changes_nothing(tmp_path, keeps_others, error):
    output = tmp_path / "Test" / "UNet_Mine"
    write(output)
    before = {path: path.read_text() for path in output.iterdir()}
    with pytest.raises(error), result_folder(output, {**RECORD, "split": "val"}, keeps_others) as files:
        (files / "a_pred.png").write_text("new")
        raise error
    assert {path: path.read_text() for path in output.iterdir()} == before
    assert os.listdir(tmp_path / "Test") == ["UNet_Mine"]


def test_folders_within_are_replaced_whole(tmp_path):
    for name in ("old", "new"):
        with result_folder(tmp_path / "out", RECORD, True) as files:
            (files / "images").mkdir()
            (files / "images" / f"{name}.jpg").write_text(name)
            (files / "scores.json").write_text(json.dumps({"settings": RECORD}))
    assert os.listdir(tmp_path / "out" / "images") == ["new.jpg"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "Test").write_text("a file")
    with (
        pytest.raises(RunError, match="cannot create the folder .*Test"),
        result_folder(tmp_path / "Test" / "UNet_Mine", RECORD, True),
    ):
        pass
