"""Image files: reading and writing in RGB. BGR exists only inside this file."""

import pathlib

import cv2
import numpy as np

from utils.errors import RunError, UsageError
from utils.files import atomic_write

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


def is_image(path: pathlib.Path) -> bool:
    """Returns whether a file name is that of an image and not of a hidden file."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def read_image(path: str | pathlib.Path, upright: bool = False) -> np.ndarray:
    """Reads an image of any supported format; gray, RGBA and 16-bit images become RGB uint8.

    Args:
        path: of a JPEG, PNG, BMP, TIFF or WebP file.
        upright: whether to apply the EXIF orientation. Labels are drawn on the stored pixels, so dataset images are
            not rotated; a photo to predict on is.

    Returns:
        uint8 array `(H, W, 3)`, RGB.

    Raises:
        UsageError: if the file is missing, damaged or not an image.
    """
    flags = cv2.IMREAD_COLOR if upright else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    return cv2.cvtColor(decode_bytes(read_bytes(path), flags, path), cv2.COLOR_BGR2RGB)


def write_image(path: str | pathlib.Path, rgb: np.ndarray) -> None:
    """Writes an image atomically: an interruption leaves no partial file under its name.

    Args:
        path: with the extension of the format.
        rgb: uint8 array `(H, W, 3)`, RGB.

    Raises:
        RunError: if the file cannot be written.
    """
    write_pixels(path, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def pad(rgb: np.ndarray, height: int, width: int) -> np.ndarray:
    """Adds black padding on the right and at the bottom.

    Black, as convolutions pad: on CamVid's test images reflection padding costs a point of mean IoU against it.

    Args:
        rgb: uint8 array `(H, W, 3)`.
        height, width: pixels, not below H and W.

    Returns:
        uint8 array `(height, width, 3)` whose upper left `(H, W)` pixels are the image's.
    """
    below, right = height - rgb.shape[0], width - rgb.shape[1]
    return cv2.copyMakeBorder(rgb, 0, below, 0, right, cv2.BORDER_CONSTANT)


def write_pixels(path: str | pathlib.Path, pixels: np.ndarray) -> None:
    """Encodes pixels in OpenCV's channel order (gray or BGR) and writes the file atomically."""
    try:
        _, data = cv2.imencode(pathlib.Path(path).suffix, pixels)
    except cv2.error as error:
        raise RunError(f"cannot write {path}: {error}") from error
    with atomic_write(path) as temporary:
        temporary.write_bytes(data.tobytes())


def read_bytes(path: str | pathlib.Path) -> bytes:
    """Reads a file, or raises `UsageError` if that is not possible."""
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def decode_bytes(data: bytes, flags: int, path: str | pathlib.Path) -> np.ndarray:
    """Decodes an image file with OpenCV's `flags`, in OpenCV's channel order.

    From memory, because `cv2.imread` does not open every file name on every system.

    Raises:
        UsageError: naming `path`, if the data is damaged or not an image.
    """
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error:
        pixels = None
    if pixels is None:
        raise UsageError(f"cannot read {path}: damaged, or not an image")
    return pixels
