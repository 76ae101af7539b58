"""Image files: reading as bytes of a network's bands, writing in RGB."""

import collections
import os
import pathlib
from collections.abc import Iterable

import cv2
import numpy as np

from utils.data.decoding import StoredImage, decode_image
from utils.data.image_format import ImageFormat
from utils.data.image_size import check_size
from utils.data.opencv import decode_with_opencv
from utils.data.orientation import apply_orientation, orientation_of
from utils.data.png import PNG_SIGNATURE, pixels_of_png
from utils.errors import RunError, UnreadableError, UsageError
from utils.files import atomic_write

EXTENSIONS = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".avif", ".jp2")
RGB_BYTES = ImageFormat()
NO_KINDS = ("", ".db", ".ini")  # of files that are in folders of images by themselves


def is_image(path: str | pathlib.Path) -> bool:
    """Returns whether a file name is that of an image and not of a hidden file."""
    name = os.path.basename(path)
    return os.path.splitext(name)[1].lower() in EXTENSIONS and not name.startswith(".")


def skipped_kinds(paths: Iterable[pathlib.Path]) -> collections.Counter:
    """Counts the files that are no images of a supported format, by extension; hidden and system files do not count.

    Args:
        paths: of files, such as those of a folder.

    Returns:
        Counter from extension, such as ".heic", to number.
    """
    others = (path for path in paths if not is_image(path) and not path.name.startswith("."))
    return collections.Counter(kind for path in others if (kind := path.suffix.lower()) not in NO_KINDS)


def describe_skipped(kinds: collections.Counter) -> str:
    """Describes skipped files, such as "skipped 3 .heic, 1 .txt"; "" if there are none."""
    return "skipped " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) if kinds else ""


def decode_file(path: str | pathlib.Path) -> StoredImage:
    """Reads an image as its file has it; see `decoding.decode_image`."""
    return decode_image(read_bytes(path), path)


def read_image(path: str | pathlib.Path, upright: bool = False, image_format: ImageFormat = RGB_BYTES) -> np.ndarray:
    """Reads an image of any supported format, any number of bits and bands, as the bytes that a network takes.

    Args:
        path: of a file with one of `EXTENSIONS`.
        upright: whether to apply the EXIF orientation. Labels are drawn on the stored pixels, so dataset images are
            not rotated; a photo to predict on is.
        image_format: bands and value range; by default RGB, of 8 bits.

    Returns:
        uint8 array `(H, W, channels)`; RGB, if there are three channels and no bands are chosen.

    Raises:
        UsageError: if the file is missing, damaged or not an image, or lacks the bands.
    """
    data = read_bytes(path)
    pixels = image_format.convert(decode_image(data, path), path)
    return apply_orientation(pixels, orientation_of(data)) if upright else pixels


def write_image(path: str | pathlib.Path, rgb: np.ndarray) -> None:
    """Writes an image atomically: an interruption leaves no partial file under its name.

    Args:
        path: with the extension of the format.
        rgb: uint8 array `(H, W, 3)`, RGB.

    Raises:
        RunError: if the file cannot be written.
    """
    write_pixels(path, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def pad(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Adds black padding on the right and at the bottom.

    Black, as convolutions pad: on CamVid's test images reflection padding costs a point of mean IoU against it.

    Args:
        image: uint8 array `(H, W, C)`.
        height, width: pixels, not below H and W.

    Returns:
        uint8 array `(height, width, C)` whose upper left `(H, W)` pixels are the image's.
    """
    if image.shape[:2] == (height, width):
        return image
    padded = np.zeros((height, width, image.shape[2]), image.dtype)
    padded[: image.shape[0], : image.shape[1]] = image
    return padded


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes a uint8 image `(H, W, C)` to `size`, a height and a width, linearly."""
    if image.shape[:2] == tuple(size):
        return image
    return cv2.resize(image, size[::-1]).reshape(*size, image.shape[2])  # OpenCV drops a single channel


def to_rgb(image: np.ndarray) -> np.ndarray:
    """Returns the first three bands of an image `(H, W, C)`, or its first one three times, to draw it."""
    return np.ascontiguousarray(image[..., :3]) if image.shape[2] >= 3 else np.repeat(image[..., :1], 3, axis=2)


def write_pixels(path: str | pathlib.Path, pixels: np.ndarray) -> None:
    """Encodes pixels in OpenCV's channel order (gray or BGR) and writes the file atomically."""
    try:
        _, data = cv2.imencode(pathlib.Path(path).suffix, pixels)
    except cv2.error as error:
        raise RunError(f"cannot write {path}: {error}") from error
    with atomic_write(path) as temporary:
        temporary.write_bytes(data.tobytes())


def read_bytes(path: str | pathlib.Path) -> bytes:
    """Reads a file, or raises `UsageError` if that is not possible, or if it is a pipe or device, which never ends."""
    try:
        path = pathlib.Path(path)
        if path.exists() and not path.is_file() and not path.is_dir():
            raise UsageError(f"cannot read {path}: a pipe or device, not a file")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def decode_bytes(data: bytes, flags: int, path: str | pathlib.Path) -> np.ndarray:
    """Decodes an image file with OpenCV's `flags`, in OpenCV's channel order.

    Raises:
        UsageError: naming `path`, if the data is damaged, not an image or too large.
    """
    check_size(data, path)
    try:
        pixels = decode_with_opencv(pixels_of_png(data) if data[:8] == PNG_SIGNATURE else data, flags)
    except UnreadableError as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    except MemoryError as error:
        raise UsageError(f"cannot read {path}: its pixels do not fit into memory") from error
    if pixels is None:
        raise UsageError(f"cannot read {path}: damaged, or not an image")
    return pixels
