"""Video files that browsers play: H.264 by the program ffmpeg, else VP8 by OpenCV."""

import contextlib
import dataclasses
import fractions
import functools
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import cv2
import numpy as np

from utils.backend import silence_stderr
from utils.errors import RunError, first_line
from utils.notices import tell_once

COMMAND = "ffmpeg -nostdin -y -loglevel error".split()
# Players take the color matrix of the file, but OpenCV always that of standard definition, smpte170m.
COLORS = "-colorspace smpte170m -color_primaries smpte170m -color_trc smpte170m -color_range tv".split()
# x264 in its preset veryfast has the size and error of "medium" on color maps, at three times the speed.
H264_FLAGS = "-c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv420p -movflags +faststart".split()


@dataclasses.dataclass(frozen=True)
class Encoder:
    """A way to encode videos.

    Attributes:
        name: of the codec and of what encodes it.
        suffix: of the files.
        fourcc: code of the codec for OpenCV; "" for ffmpeg.
    """

    name: str
    suffix: str
    fourcc: str = ""


H264 = Encoder("H.264 by ffmpeg", ".mp4")
VP8 = Encoder("VP8 by OpenCV", ".webm", "VP80")  # five times as fast as its VP9, and played by the same browsers
MPEG4 = Encoder("MPEG-4 Part 2 by OpenCV", ".mp4", "mp4v")


def find_encoder() -> Encoder:
    """Returns the first of the encoders `H264`, `VP8` and `MPEG4` that works on this machine.

    Prints a notice if it is the last one, whose videos no browser plays.
    """
    if _ffmpeg_has_x264():
        return H264
    if _opencv_encodes(VP8):
        return VP8
    tell_once("video codec", "browsers may not play the videos, which are MPEG-4 Part 2; install ffmpeg for H.264")
    return MPEG4


class VideoWriter:
    """Atomic writer of a video; a context manager. Frames may come from another thread.

    The file is renamed to its final name when it is complete; after Ctrl-C or an error it has the frames so far. Frames
    of an odd width or height get another column or row, because codecs halve the resolution of the colors.

    Args:
        path: `pathlib.Path` without the extension, which the encoder adds.
        frame_rate: float, frames per second.
        keeps_pace: bool, for live sources: repeats frames so that the video lasts as long as the recorded time,
            however slow the network is.
        encoder: `Encoder`; by default the best of this machine.

    Attributes:
        path: `pathlib.Path` of the file.
    """

    def __init__(self, path: pathlib.Path, frame_rate: float, keeps_pace: bool = False, encoder: Encoder | None = None):
        self.encoder = encoder or find_encoder()
        self.path = path.with_name(path.name + self.encoder.suffix)
        self.frame_rate, self.keeps_pace = frame_rate, keeps_pace
        self._temporary = self.path.with_name(f".{path.name}.tmp{self.encoder.suffix}")
        self._file = None
        self._written, self._start = 0, None

    def write(self, rgb: np.ndarray):
        """Writes a frame, uint8 `(H, W, 3)`, RGB; all frames must have the same size."""
        height, width = rgb.shape[:2]
        rgb = cv2.copyMakeBorder(rgb, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        if self._file is None:
            kind = _OpenCVFile if self.encoder.fourcc else _FfmpegFile
            self._file = kind(self._temporary, rgb.shape[1::-1], self.frame_rate, self.encoder, self.path)
            self._start = time.perf_counter()
        due = self._written + 1
        if self.keeps_pace:
            due = max(due, round((time.perf_counter() - self._start) * self.frame_rate))
        while self._written < due:
            self._file.write(rgb)
            self._written += 1

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if self._file is None:
            return
        try:
            self._file.close()
            os.replace(self._temporary, self.path)
        except BaseException as failure:
            self._temporary.unlink(missing_ok=True)
            if kind is None or not isinstance(failure, RunError):  # else the first error is the one to report
                raise


class _OpenCVFile:
    """A video that OpenCV encodes."""

    def __init__(self, temporary, size, frame_rate, encoder, path):
        with silence_stderr():  # a line about the code of VP8 in WebM, which does no harm
            self._writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter_fourcc(*encoder.fourcc), frame_rate, size)
        if not self._writer.isOpened():
            raise RunError(f"cannot write the video {path}: no access to the folder, or no encoder for {size}")

    def write(self, rgb):
        self._writer.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))

    def close(self):
        self._writer.release()


class _FfmpegFile:
    """A video that ffmpeg encodes, a process of its own: it completes the file even if this process is killed."""

    def __init__(self, temporary, size, frame_rate, encoder, path):
        self._path, self._messages = path, tempfile.TemporaryFile()  # noqa: SIM115
        rate = fractions.Fraction(frame_rate).limit_denominator(1001)  # such as 30000/1001
        source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "{}x{}".format(*size), "-r", str(rate), "-i", "pipe:0"]
        self._process = subprocess.Popen(
            [*COMMAND, *source, *H264_FLAGS, *COLORS, os.path.abspath(temporary)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._messages,
            start_new_session=True,  # Ctrl-C is for this process alone
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same on Windows
        )

    def write(self, rgb):
        try:
            self._process.stdin.write(np.ascontiguousarray(rgb).data)
        except OSError:  # it has ended
            raise self._error() from None

    def close(self):
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        failed = self._process.wait()
        error = self._error()
        self._messages.close()
        if failed:
            raise error

    def _error(self):
        self._process.wait()
        self._messages.seek(0)
        reason = first_line(self._messages.read().decode(errors="replace")) or "ffmpeg ended"
        return RunError(f"cannot write the video {self._path}: {reason}")


@functools.cache
def _ffmpeg_has_x264():
    """Returns whether ffmpeg is on PATH and encodes H.264."""
    if not shutil.which("ffmpeg"):
        return False
    try:
        listed = subprocess.run(
            ["ffmpeg", "-hide_banner", "-encoders"], capture_output=True, stdin=subprocess.DEVNULL, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b" libx264 " in listed.stdout


@functools.cache
def _opencv_encodes(encoder):
    """Returns whether this build of OpenCV has an encoder, by a video of one frame."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"try{encoder.suffix}"
        try:
            file = _OpenCVFile(path, (64, 64), 25, encoder, path)
            file.write(np.zeros((64, 64, 3), np.uint8))
            file.close()
        except (RunError, cv2.error):
            return False
        return path.is_file() and path.stat().st_size > 0
