"""Observed file operations. The hook cannot be removed, so each test runs in a process of its own."""

import errno
import json
import os
import pathlib
import signal
import zipfile

import pytest

from tools.soak.child import Process
from tools.soak.operations import Refusal, Watch, fill_open_file, kill, observe


def run(tmp_path, function):
    return Process(function, tmp_path / "output.txt").end(30)


def change_files(folder):
    """Makes one operation of each kind."""
    with open(folder / ".a.tmp12_0f.txt", "w") as file:
        file.write("a")
        file.flush()
        os.fsync(file.fileno())
    os.replace(folder / ".a.tmp12_0f.txt", folder / "a.txt")
    os.link(folder / "a.txt", folder / "b.txt")
    (folder / "a.txt").read_text()
    (folder / "c").mkdir()
    with zipfile.ZipFile(folder / "c" / "d.zip", "w") as archive:
        archive.writestr("member", "text")
    (folder / "b.txt").unlink()
    (folder.parent / "elsewhere.txt").write_text("")


EXPECTED = [
    "open .a.tmp.txt",
    "fsync .a.tmp.txt",
    "rename a.txt",
    "link b.txt",
    "mkdir c",
    "open c/d.zip",
    "remove b.txt",
]


def test_operations_in_the_folder_are_seen_in_their_order(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()

    def watch():
        seen = Watch(folder)
        observe(seen)
        change_files(folder)
        (tmp_path / "seen.json").write_text(json.dumps(seen.seen))

    assert run(tmp_path, watch).code == 0
    assert json.loads((tmp_path / "seen.json").read_text()) == EXPECTED


@pytest.mark.parametrize("number", range(1, len(EXPECTED) + 1))
def test_a_kill_comes_before_its_operation(tmp_path, number):
    folder = tmp_path / "folder"
    folder.mkdir()

    def watch():
        observe(Watch(folder, number, kill))
        change_files(folder)

    assert run(tmp_path, watch).code == -signal.SIGKILL
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    expected = [set(), {".a.tmp12_0f.txt"}, {".a.tmp12_0f.txt"}, {"a.txt"}, {"a.txt", "b.txt"}, {"a.txt", "b.txt", "c"}]
    assert there == [*expected, {"a.txt", "b.txt", "c", "c/d.zip"}][number - 1]


def test_a_full_disk_refuses_from_one_operation_on_but_removes(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()

    def watch():
        observe(Refusal(folder, 1, errno.ENOSPC, "rename *.txt"))
        (folder / "a").write_text("a")
        with pytest.raises(OSError, match="No space left"):
            os.replace(folder / "a", folder / "a.txt")
        with pytest.raises(OSError, match="No space left"):
            (folder / "b").write_text("b")
        (folder / "a").unlink()
        pathlib.Path(tmp_path / "outside").write_text("c")

    ended = run(tmp_path, watch)
    assert ended.code == 0, ended.text
    assert not list(folder.iterdir()) and (tmp_path / "outside").exists()


def test_a_single_file_that_cannot_be_written(tmp_path):
    def watch():
        observe(Refusal(tmp_path, 2, errno.EIO, "open *.csv", is_alone=True))
        (tmp_path / "a.csv").write_text("a")
        with pytest.raises(OSError, match="Input/output error"):
            (tmp_path / "b.csv").write_text("b")
        (tmp_path / "b.txt").write_text("b")

    ended = run(tmp_path, watch)
    assert ended.code == 0, ended.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.txt", "output.txt"]


def test_an_open_file_without_room(tmp_path):
    (tmp_path / "events").mkdir()

    def watch():
        with (
            open(tmp_path / "events" / "a", "wb", buffering=0) as file,
            open(tmp_path / "b", "wb", buffering=0) as other,
        ):
            file.write(b"before")
            fill_open_file("events")
            with pytest.raises(OSError, match="No space left"):
                file.write(b"after")
            other.write(b"after")

    ended = run(tmp_path, watch)
    assert ended.code == 0, ended.text
    assert (tmp_path / "events" / "a").read_bytes() == b"before" and (tmp_path / "b").read_bytes() == b"after"
