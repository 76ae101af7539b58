"""Videos: read, written, kept after an interruption."""

import cv2
import numpy as np
import pytest

from utils.errors import RunError, UsageError
from utils.inference.video import VideoReader, VideoWriter, Window


def frames(count, height=48, width=64):
    """Gray frames that grow brighter."""
    return [np.full((height, width, 3), 20 * number + 10, np.uint8) for number in range(count)]


def write(path, count=10, rate=12.5):
    with VideoWriter(path, rate) as writer:
        for frame in frames(count):
            writer.write(frame)


def test_there_and_back(tmp_path):
    write(tmp_path / "clip.mp4")
    reader = VideoReader(tmp_path / "clip.mp4")
    assert (reader.name, reader.frame_rate, reader.frames, reader.is_live) == ("clip", 12.5, 10, False)
    read = list(reader)
    assert len(read) == 10 and read[0].shape == (48, 64, 3)
    assert np.abs(np.array([frame.mean() for frame in read]) - [20 * i + 10 for i in range(10)]).max() < 6


def test_colors_are_rgb(tmp_path):
    with VideoWriter(tmp_path / "red.mp4", 10) as writer:
        writer.write(np.full((48, 64, 3), (200, 0, 0), np.uint8))
    red, _, blue = next(iter(VideoReader(tmp_path / "red.mp4"))).mean(axis=(0, 1))
    assert red > 150 and blue < 50


def test_an_interruption_leaves_what_was_written_and_an_error_nothing(tmp_path):
    for error, left in ((KeyboardInterrupt, {"clip.mp4"}), (OSError, set())):
        with pytest.raises(error), VideoWriter(tmp_path / "clip.mp4", 10) as writer:
            for frame in frames(5):
                writer.write(frame)
            raise error
        assert {path.name for path in tmp_path.iterdir()} == left
        for path in tmp_path.iterdir():
            assert len(list(VideoReader(path))) == 5
            path.unlink()


def test_a_live_source_keeps_pace_however_slow_the_network(tmp_path, monkeypatch):
    clock = iter([0.0, 0.0, 0.5, 1.0])
    monkeypatch.setattr("utils.inference.video.time.perf_counter", lambda: next(clock))
    with VideoWriter(tmp_path / "live.mp4", 10, keeps_pace=True) as writer:
        for frame in frames(3):
            writer.write(frame)
    assert VideoReader(tmp_path / "live.mp4").frames == 10


@pytest.mark.parametrize("content, word", [(None, "there is no"), (b"text", "cannot open")])
def test_what_is_no_video(tmp_path, content, word):
    path = tmp_path / "clip.mp4"
    if content:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=word):
        VideoReader(path)


def test_a_camera_that_is_not_there():
    with pytest.raises(UsageError, match="camera 97"):
        VideoReader(97)


def test_no_place_for_the_video(tmp_path):
    with pytest.raises(RunError, match="cannot write"), VideoWriter(tmp_path / "no" / "clip.mp4", 10) as writer:
        writer.write(frames(1)[0])


def test_a_window_needs_a_display(monkeypatch):
    monkeypatch.setattr("utils.inference.video.os.name", "posix")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="display"):
        Window("a")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "namedWindow", lambda *_: (_ for _ in ()).throw(cv2.error("no windows")))
    with pytest.raises(UsageError, match="opencv-python"):
        Window("a")
