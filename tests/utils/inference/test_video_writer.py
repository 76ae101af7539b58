"""Videos that are written: by every encoder of this machine, played by a browser, kept after an interruption."""

import os
import pathlib
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from tests.chromium import find_chromium, open_page
from utils import notices
from utils.errors import RunError
from utils.inference import video_writer
from utils.inference.video import VideoReader
from utils.inference.video_writer import H264, MPEG4, VP8, VideoWriter, find_encoder

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
ENCODERS = (H264, VP8, MPEG4)
PLAYED = """new Promise(done => {
    const video = document.createElement("video");
    video.muted = true;
    video.onerror = () => done([video.error.message]);
    video.onended = () => done([video.videoWidth, video.videoHeight, video.duration,
                                video.getVideoPlaybackQuality().totalVideoFrames]);
    video.src = FILE;
    video.play();
})"""


@pytest.fixture(params=ENCODERS, ids=lambda encoder: encoder.fourcc or "x264")
def encoder(request):
    works = video_writer._opencv_encodes(request.param) if request.param.fourcc else video_writer._ffmpeg_has_x264()
    return request.param if works else pytest.skip(f"no {request.param.name} here")


def frames(count, height=48, width=64):
    """Gray frames that grow brighter."""
    return [np.full((height, width, 3), 20 * number + 10, np.uint8) for number in range(count)]


def write(path, encoder, rate=12.5, **size):
    with VideoWriter(path, rate, encoder=encoder) as writer:
        for frame in frames(10, **size):
            writer.write(frame)
    return writer.path


def test_frames_rate_and_names(encoder, tmp_path):
    path = write(tmp_path / "v1.2_pred", encoder, 30000 / 1001)
    assert path == tmp_path / f"v1.2_pred{encoder.suffix}" and list(tmp_path.iterdir()) == [path]
    reader = VideoReader(path)
    assert reader.frame_rate == pytest.approx(30000 / 1001, abs=1e-3)
    read = list(reader)
    assert len(read) == 10 and read[0].shape == (48, 64, 3)
    assert np.abs(np.array([frame.mean() for frame in read]) - [20 * i + 10 for i in range(10)]).max() < 6


def test_odd_sizes_become_even_and_colors_are_kept(encoder, tmp_path):
    color = np.array((200, 30, 90))
    with VideoWriter(tmp_path / "clip", 10, encoder=encoder) as writer:
        for _ in range(3):
            writer.write(np.full((47, 63, 3), color, np.uint8))
    frame = next(iter(VideoReader(writer.path)))
    assert frame.shape == (48, 64, 3)
    assert np.abs(frame.astype(int) - color).max() < 12


@pytest.mark.skipif(not find_chromium(), reason="no Chromium")
def test_a_browser_plays_it(encoder, tmp_path):
    if encoder is MPEG4:
        pytest.skip("browsers do not play it")
    path = write(tmp_path / "clip", encoder, height=90, width=160)
    (tmp_path / "page.html").write_text("<!doctype html><title>video</title>")
    with open_page(tmp_path / "page.html") as page:
        played = page.run(PLAYED.replace("FILE", repr(path.as_uri())))
    width, height, seconds, count = played
    assert (width, height, count) == (160, 90, 10) and seconds == pytest.approx(0.8, abs=0.09)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RunError])
def test_an_interruption_leaves_what_was_written(encoder, tmp_path, error):
    with pytest.raises(error), VideoWriter(tmp_path / "clip", 10, encoder=encoder) as writer:
        for frame in frames(5):
            writer.write(frame)
        raise error
    assert list(tmp_path.iterdir()) == [writer.path] and len(list(VideoReader(writer.path))) == 5


@pytest.mark.skipif(not video_writer._ffmpeg_has_x264(), reason="no ffmpeg")
def test_ffmpeg_completes_the_file_of_a_killed_process(tmp_path):
    program = """if True:
        import numpy as np, os, pathlib, signal, sys
        from utils.inference.video_writer import H264, VideoWriter
        with VideoWriter(pathlib.Path(sys.argv[1]) / "clip", 10, encoder=H264) as writer:
            for _ in range(5):
                writer.write(np.zeros((48, 64, 3), np.uint8))
            os.kill(os.getpid(), signal.SIGKILL)
    """
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=REPOSITORY)
    for _ in range(200):
        capture = cv2.VideoCapture(str(tmp_path / ".clip.tmp.mp4"))
        if capture.get(cv2.CAP_PROP_FRAME_COUNT) == 5:
            break
        time.sleep(0.05)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 5


def test_a_live_source_keeps_pace_however_slow_the_network(tmp_path, monkeypatch):
    clock = iter([0.0, 0.0, 0.5, 1.0])
    monkeypatch.setattr("utils.inference.video_writer.time.perf_counter", lambda: next(clock))
    with VideoWriter(tmp_path / "live", 10, keeps_pace=True, encoder=MPEG4) as writer:
        for frame in frames(3):
            writer.write(frame)
    assert VideoReader(writer.path).frames == 10


def test_no_place_for_the_video(encoder, tmp_path):
    with pytest.raises(RunError, match="cannot write the video .*no.clip"):
        write(tmp_path / "no" / "clip", encoder)


def test_the_best_encoder_of_the_machine(monkeypatch, capsys):
    monkeypatch.setattr(notices, "_told", set())
    working = dict.fromkeys(ENCODERS, True)
    monkeypatch.setattr(video_writer, "_ffmpeg_has_x264", lambda: working[H264])
    monkeypatch.setattr(video_writer, "_opencv_encodes", lambda encoder: working[encoder])
    for encoder in ENCODERS:
        assert not capsys.readouterr().err and find_encoder() == encoder
        working[encoder] = False
    assert "browsers may not play" in (told := capsys.readouterr().err) and "install ffmpeg" in told


def test_a_machine_without_ffmpeg(monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    assert not video_writer._ffmpeg_has_x264.__wrapped__()
    assert not video_writer._opencv_encodes.__wrapped__(video_writer.Encoder("nothing", ".webm", "????"))
