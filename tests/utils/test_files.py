"""Atomic writes: a file is complete or unchanged."""

import csv
import json
import os

import pytest

from utils import files
from utils.errors import RunError
from utils.files import atomic_write, copy_file, make_folder, parse_json, write_json, write_rows


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


def test_the_replaced_file_keeps_another_name(target, monkeypatch):
    """Also on disks without hard links, and never instead of the new file."""
    previous = target.with_name("previous.json")

    def no_links(*args):
        raise OSError(95, "Operation not supported")

    for text, before in (("second", "old"), ("third", "second")):
        with atomic_write(target, previous=previous) as temporary:
            temporary.write_text(text)
        assert (target.read_text(), previous.read_text()) == (text, before)
        monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr("shutil.copyfile", no_links)
    with atomic_write(target, previous=previous) as temporary:
        temporary.write_text("fourth")
    assert (target.read_text(), previous.read_text()) == ("fourth", "second")
    with pytest.raises(ValueError), atomic_write(target, previous=previous):
        raise ValueError
    assert (target.read_text(), previous.read_text()) == ("fourth", "second")
    assert sorted(path.name for path in target.parent.iterdir()) == ["previous.json", "scores.json"]


def test_a_durable_file_is_on_the_disk_before_it_has_its_name_and_the_name_after(target, monkeypatch):
    order, replace = [], os.replace
    monkeypatch.setattr(files, "sync", lambda path: order.append("folder" if path.is_dir() else path.read_text()))
    monkeypatch.setattr(os, "replace", lambda *paths: order.append("rename") or replace(*paths))
    for durable in (False, True):
        with atomic_write(target, durable) as temporary:
            temporary.write_text("new")
    assert order == ["rename", "new", "rename", "folder"]


def test_sync_reaches_files_and_folders(target, monkeypatch):
    reached = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: reached.append(os.fstat(descriptor).st_ino))
    files.sync(target)
    files.sync(target.parent)
    assert reached == [target.stat().st_ino, target.parent.stat().st_ino]


def test_temporary_names_are_unique_and_short_enough(tmp_path):
    for stem in ("a", "ü" * 124, "x" * 251):
        path = tmp_path / f"{stem}.png"
        names = {files.temporary_name(path) for _ in range(3)}
        assert len(names) == 3 and all(len(os.fsencode(name)) <= 255 and name.endswith(".png") for name in names)
        with atomic_write(path) as temporary:
            temporary.write_text("")


def test_temporary_files_of_running_processes_stay(tmp_path, monkeypatch):
    names = [f".a.tmp{pid}_0123abcd.png" for pid in (1, 2, 3)] + [".a.tmp.png", ".b.tmp2_0123abcd", "a.png"]
    for name in names:
        (tmp_path / name).write_text("")
    monkeypatch.setattr(files, "is_running", lambda pid: pid != 2)
    os.utime(tmp_path / names[2], (0, 0))
    files.remove_left_overs(tmp_path, "a")
    assert {path.name for path in tmp_path.iterdir()} == {names[0], names[4], names[5]}
    files.remove_left_overs(tmp_path)
    files.remove_left_overs(tmp_path / "nowhere")
    assert {path.name for path in tmp_path.iterdir()} == {names[0], names[5]}


@pytest.mark.parametrize("link", [False, True])
def test_copies_and_links(target, link):
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


@pytest.mark.parametrize(
    "text, problem",
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key c is there twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply"),
        ("1" * 5000, "digits"),
        ("{'a': 1}", "double quotes"),
        (b"\xff\xfe\x00", "decode"),
    ],
)
def test_json_that_is_refused(text, problem):
    with pytest.raises(ValueError, match=problem):
        parse_json(text)


def test_json():
    assert parse_json('{"a": [1, {"b": null}], "c": {"a": 2}}') == {"a": [1, {"b": None}], "c": {"a": 2}}


def test_names_that_are_not_utf_8_are_written(tmp_path):
    rows = [{"name": "caf\udce9\nb", "value": 1}, {"name": "b", "value": 2}]
    write_rows(tmp_path / "a.csv", rows)
    assert (tmp_path / "a.csv").read_text().splitlines() == ["name,value", "caf\\xe9\\nb,1", "b,2"]
    write_json(tmp_path / "a.json", rows)
    assert json.loads((tmp_path / "a.json").read_text()) == rows
