"""Videos and cameras, frame by frame. RGB outside this file."""

import os
import pathlib
import time

import cv2

from utils.errors import RunError, UsageError

EXTENSIONS = (".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv")
USUAL_RATE = 25.0  # frames per second, where a file or camera does not tell


class VideoReader:
    """The frames of a video file, a stream or a camera.

    Args:
        source: path or address (str or `pathlib.Path`), or int, the number of a camera.

    Attributes:
        name: str, for the files that are written about it.
        is_live: bool, whether frames come when they happen.
        frame_rate: float, frames per second.
        frames: int, how many there are as far as the file tells; None if it does not.

    Raises:
        UsageError: if it cannot be opened.
    """

    def __init__(self, source):
        is_camera = isinstance(source, int)
        self.name = f"camera{source}" if is_camera else pathlib.Path(str(source)).stem or "stream"
        self.is_live = is_camera or "://" in str(source)
        self._source = f"camera {source}" if is_camera else f"video {source}"
        if not self.is_live and not os.path.isfile(source):
            raise UsageError(f"there is no {self._source}")
        self._capture = cv2.VideoCapture(source if is_camera else str(source))
        if not self._capture.isOpened():
            raise UsageError(
                f"cannot open {self._source}; "
                + (
                    "is it connected, and may you use it?"
                    if is_camera
                    else "it is damaged, or of a kind that OpenCV cannot decode"
                )
            )
        rate, frames = self._capture.get(cv2.CAP_PROP_FPS), self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frame_rate = rate if 0 < rate < 1000 else USUAL_RATE
        self.frames = int(frames) if 0 < frames < 1e9 and not self.is_live else None

    def __iter__(self):
        """Yields uint8 arrays `(H, W, 3)`, RGB, and closes the source."""
        count = 0
        try:
            while True:
                found, frame = self._capture.read()
                if not found:
                    break
                count += 1
                yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        finally:
            self._capture.release()
        if not count:
            raise UsageError(f"{self._source} has no frames that OpenCV can decode")


class VideoWriter:
    """Writes a video; a context manager. Frames may come from a thread.

    The file has its name from the moment it is complete. After Ctrl-C that is what was written until then.

    Args:
        path: `pathlib.Path`, ending in `.mp4`.
        frame_rate: float, frames per second.
        keeps_pace: bool, for live sources: a frame is written as often as needed for the video to last as long as what
            it shows, however fast the network is.
    """

    def __init__(self, path, frame_rate, keeps_pace=False):
        self.path, self.frame_rate, self.keeps_pace = path, frame_rate, keeps_pace
        self._temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")
        self._writer = None
        self._written, self._start = 0, None

    def write(self, rgb):
        """Writes a frame, uint8 `(H, W, 3)`; all must have one size."""
        if self._writer is None:
            size = rgb.shape[1::-1]
            self._writer = cv2.VideoWriter(str(self._temporary), cv2.VideoWriter_fourcc(*"mp4v"), self.frame_rate, size)
            if not self._writer.isOpened():
                raise RunError(f"cannot write the video {self.path}: no place there, or no encoder for {size}")
            self._start = time.perf_counter()
        due = self._written + 1
        if self.keeps_pace:
            due = max(due, round((time.perf_counter() - self._start) * self.frame_rate))
        frame = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        while self._written < due:
            self._writer.write(frame)
            self._written += 1

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if self._writer is None:
            return
        self._writer.release()
        if kind in (None, KeyboardInterrupt):
            os.replace(self._temporary, self.path)
        else:
            self._temporary.unlink(missing_ok=True)


class Window:
    """A window that shows pictures.

    Args:
        title: str.

    Raises:
        UsageError: where there is no display, or OpenCV was built without windows.
    """

    def __init__(self, title):
        if (
            os.name == "posix"
            and os.uname().sysname == "Linux"
            and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
        ):
            raise UsageError("--show needs a display, and there is none; leave it out and look at the files")
        self._title = title
        try:
            cv2.namedWindow(title, cv2.WINDOW_NORMAL)
        except cv2.error:
            raise UsageError(
                "--show needs OpenCV with windows: pip uninstall opencv-python-headless && pip install opencv-python"
            ) from None

    def show(self, rgb, wait=1):
        """Shows a picture, uint8 `(H, W, 3)`.

        Args:
            rgb: the picture.
            wait: int, milliseconds to wait for a key; 0: until there is one.

        Returns:
            False if the user pressed q or Escape, or closed the window.
        """
        cv2.imshow(self._title, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(wait) & 0xFF
        return key not in (ord("q"), 27) and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
