"""Video input: files, streams and cameras; a display window. Frames are RGB outside this module."""

import os
import pathlib
from collections.abc import Iterator

import cv2
import numpy as np

from utils.errors import UsageError

EXTENSIONS = (".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv")
DEFAULT_RATE = 25.0  # frames per second, if the source has no usable rate


class VideoReader:
    """Frames of a video file, a stream or a camera.

    Args:
        source: path or address (str or `pathlib.Path`), or int, the number of a camera.

    Attributes:
        name: str, for the names of result files.
        is_live: bool, whether it is a camera or a stream, which does not wait.
        frame_rate: float, frames per second.
        frames: int, the number of frames according to the file, or None.

    Raises:
        UsageError: if it cannot be opened.
    """

    def __init__(self, source: str | pathlib.Path | int):
        is_camera = isinstance(source, int)
        self.name = f"camera{source}" if is_camera else pathlib.Path(str(source)).stem or "stream"
        self.is_live = is_camera or "://" in str(source)
        self._source = f"camera {source}" if is_camera else f"video {source}"
        if not self.is_live and not os.path.isfile(source):
            raise UsageError(f"there is no {self._source}")
        self._capture = cv2.VideoCapture(source if is_camera else str(source))
        if not self._capture.isOpened():
            causes = "not connected, or no permission" if is_camera else "damaged, or in a format OpenCV cannot decode"
            raise UsageError(f"cannot open {self._source}: {causes}")
        rate, frames = self._capture.get(cv2.CAP_PROP_FPS), self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frame_rate = rate if 0 < rate < 1000 else DEFAULT_RATE
        self.frames = int(frames) if 0 < frames < 1e9 and not self.is_live else None

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yields uint8 arrays `(H, W, 3)`, RGB, and closes the source at the end."""
        count = 0
        try:
            while True:
                success, frame = self._capture.read()
                if not success:
                    break
                count += 1
                yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        finally:
            self._capture.release()
        if not count:
            raise UsageError(f"{self._source} has no frames that OpenCV can decode")


class Window:
    """Display window for images.

    Args:
        title: str.

    Raises:
        UsageError: if there is no display, or OpenCV was built without windows.
    """

    def __init__(self, title: str):
        if (
            os.name == "posix"
            and os.uname().sysname == "Linux"
            and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
        ):
            raise UsageError("--show needs a display, and there is none; leave it out and open the result files")
        self._title = title
        try:
            cv2.namedWindow(title, cv2.WINDOW_NORMAL)
        except cv2.error:
            raise UsageError(
                "--show needs OpenCV with windows: pip uninstall opencv-python-headless && pip install opencv-python"
            ) from None

    def show(self, rgb: np.ndarray, wait: int = 1) -> bool:
        """Shows an image.

        Args:
            rgb: uint8 array `(H, W, 3)`, RGB.
            wait: milliseconds to wait for a key; 0: until a key is pressed.

        Returns:
            False if the user pressed q or Escape, or closed the window.
        """
        cv2.imshow(self._title, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(wait) & 0xFF
        return key not in (ord("q"), 27) and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
