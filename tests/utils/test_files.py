"""Atomic writes: a file is complete or unchanged."""

import csv
import json
import os

import pytest

from utils.errors import RunError
from utils.files import atomic_write, copy_file, make_folder, write_json, write_rows


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text("old")
    return path


def test_a_complete_file_replaces_the_old_one(target):
    with atomic_write(target) as temporary:
        assert temporary.parent == target.parent and temporary.suffix == target.suffix
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == ["scores.json"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("a bug")])
def test_a_failure_leaves_the_old_file_and_nothing_else(target, error):
    expected = RunError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected) as raised, atomic_write(target) as temporary:
        temporary.write_text("half")
        raise error
    if expected is RunError:
        assert str(raised.value) == f"cannot write {target}: No space left on device"
    assert target.read_text() == "old"
    assert [path.name for path in target.parent.iterdir()] == ["scores.json"]


@pytest.mark.parametrize("link", [False, True])
def test_copies_and_links(target, link):
    (target.parent / ".copy.tmp.json").write_text("left by a killed run")
    copy_file(target, target.parent / "copy.json", link)
    assert (target.parent / "copy.json").read_text() == "old"
    assert os.path.samefile(target, target.parent / "copy.json") == link
    assert sorted(path.name for path in target.parent.iterdir()) == ["copy.json", "scores.json"]


def test_a_link_to_another_disk_fails_in_one_line(target, monkeypatch):
    def other_disk(*args):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other_disk)
    with pytest.raises(RunError, match="cannot link .*: Invalid cross-device link; copy it instead"):
        copy_file(target, target.parent / "copy.json", link=True)
    assert [path.name for path in target.parent.iterdir()] == ["scores.json"]


def test_rows_of_different_columns_share_a_header(tmp_path):
    write_rows(tmp_path / "log.csv", [{"epoch": 0, "loss": 1.5}, {"epoch": 1, "loss": 1.0, "val_mean_iou": 0.5}])
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {"epoch": "0", "loss": "1.5", "val_mean_iou": ""} and rows[1]["val_mean_iou"] == "0.5"


def test_json_round_trip(tmp_path):
    write_json(tmp_path / "a.json", {"name": "Straße", "value": None})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"name": "Straße", "value": None}
    with pytest.raises(RunError, match="cannot write .*nowhere"):
        write_json(tmp_path / "nowhere" / "a.json", {})


def test_folders_are_created_with_their_parents(tmp_path):
    assert make_folder(tmp_path / "a" / "b").is_dir() and make_folder(tmp_path / "a" / "b").name == "b"
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot create the folder .*file"):
        make_folder(tmp_path / "file" / "folder")
