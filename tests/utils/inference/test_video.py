"""Videos that are read, and the window."""

import cv2
import numpy as np
import pytest

from utils.errors import UsageError
from utils.inference.video import VideoReader, Window
from utils.inference.video_writer import MPEG4, VideoWriter


def test_frames_and_rate_of_a_file(tmp_path):
    with VideoWriter(tmp_path / "clip", 12.5, encoder=MPEG4) as writer:
        for number in range(10):
            writer.write(np.full((48, 64, 3), 20 * number + 10, np.uint8))
    reader = VideoReader(tmp_path / "clip.mp4")
    assert (reader.name, reader.frame_rate, reader.frames, reader.is_live) == ("clip", 12.5, 10, False)
    read = list(reader)
    assert len(read) == 10 and read[0].shape == (48, 64, 3)
    assert np.abs(np.array([frame.mean() for frame in read]) - [20 * i + 10 for i in range(10)]).max() < 6


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
