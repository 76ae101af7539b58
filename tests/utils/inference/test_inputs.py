"""What --image names."""

import os
import pathlib
import types

import pytest

from utils import notices
from utils.errors import UsageError
from utils.inference.inputs import find_inputs, give_unique_names, tell_replaced
from utils.inference.video_writer import find_encoder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "a.jpg",
        "in/b.png",
        "in/deep/b.png",
        "in/c.jpg",
        "in/c.png",
        "in/c_pred.png",
        "in/d_overlay.png",
        "in/.hidden.png",
        "in/.cache/e.png",
        "in/notes.txt",
        "in/clip.MP4",
    ):
        pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(name).write_bytes(b"")
    return tmp_path


def found(*names):
    images, videos = find_inputs(list(names))
    return {path.as_posix(): name.as_posix() for path, name in images.items()}, [str(video) for video in videos]


def test_other_files_of_a_folder_are_counted(folder, monkeypatch, capsys):
    monkeypatch.setattr(notices, "_told", set())
    found("in")
    found("in")
    assert capsys.readouterr().err == "note: in: skipped 1 .mp4, 1 .txt\n"
    pathlib.Path("phone").mkdir()
    for name in ("a.heic", "b.HEIC"):
        pathlib.Path("phone", name).write_bytes(b"")
    with pytest.raises(UsageError, match="phone has no images .*; skipped 2 .heic"):
        found("phone")


def test_a_file_and_a_video_and_a_camera(folder):
    assert found("a.jpg", "in/clip.MP4", "0") == ({"a.jpg": "a"}, ["in/clip.MP4", "0"])
    assert find_inputs(["3"])[1] == [3]
    assert found("rtsp://somewhere/stream")[1] == ["rtsp://somewhere/stream"]


def test_a_folder_with_all_below_it_but_hidden_files_and_earlier_results(folder):
    images, videos = found("in")
    assert images == {"in/b.png": "b", "in/c.jpg": "c_jpg", "in/c.png": "c_png", "in/deep/b.png": "deep/b"}
    assert not videos


@pytest.mark.parametrize(
    "pattern, names",
    [
        ("in/*.png", {"in/b.png": "b", "in/c.png": "c"}),
        ("in/**/b.png", {"in/b.png": "b", "in/deep/b.png": "deep/b"}),
        ("*.jpg", {"a.jpg": "a"}),
    ],
)
def test_patterns(folder, pattern, names):
    assert found(pattern) == (names, [])


def test_images_of_one_name_from_several_folders_do_not_overwrite_each_other(folder):
    images, _ = found("in/b.png", "in/deep/b.png")
    assert len(set(images.values())) == 2


def test_a_file_named_like_a_number_is_that_file(folder):
    os.rename("a.jpg", "7")
    assert found("7")[0] == {"7": "7"}


@pytest.mark.parametrize(
    "name, word",
    [("nowhere.png", "no image"), ("*.webp", "no image or video matches"), ("in/.cache/nothing", "nothing")],
)
def test_nothing_there(folder, name, word):
    with pytest.raises(UsageError, match=word):
        find_inputs([name])


def test_videos_of_one_name_have_results_of_their_own():
    videos = [types.SimpleNamespace(name=name) for name in ("clip", "tram", "clip", "clip")]
    give_unique_names(videos)
    assert [video.name for video in videos] == ["clip", "tram", "clip_2", "clip_3"]


def test_replaced_results_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(notices, "_told", set())
    for name in ("a_pred.png", "a_overlay.png", "sub/b_pred.tif", f"c.d_pred{find_encoder().suffix}"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    tell_replaced(tmp_path, ["c", pathlib.Path("sub/a")])
    assert not capsys.readouterr().err
    tell_replaced(tmp_path, ["a", pathlib.Path("sub/b"), "e"], [types.SimpleNamespace(name="c.d")])
    told = capsys.readouterr().err
    assert "a_pred.png and 2 more" in told and "--output_dir" in told and told.count("\n") == 1


def test_links_to_the_folder_itself_end(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.png").touch()
    for number in range(2):
        (tmp_path / f"self{number}").symlink_to(tmp_path)
    for name in (str(tmp_path), f"{tmp_path}/**/*.png", f"{tmp_path}/**"):
        assert list(find_inputs([name])[0]) == [tmp_path / "sub" / "x.png"]


def test_names_of_results_are_printable(tmp_path):
    (tmp_path / "caf\udce9\nx.png").touch()
    assert list(find_inputs([str(tmp_path)])[0].values()) == [pathlib.Path("caf\\xe9\\nx")]
