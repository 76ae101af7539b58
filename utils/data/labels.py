"""Label images: decoding of RGB, palette and single-channel files to class indices."""

import pathlib

import cv2
import numpy as np

from utils.class_dict import IGNORED, UNKNOWN, ClassDict
from utils.data.decoding import decode_image
from utils.data.image_format import ImageFormat
from utils.data.images import RGB_BYTES, read_bytes, write_pixels
from utils.data.label_errors import remedy, unknown_values
from utils.data.label_files import StoredLabel, read_stored
from utils.data.label_format import choose_reading, classify
from utils.data.label_histogram import count_values, gray_values, pack, stored_colors
from utils.data.orientation import (
    apply_orientation,
    decide_orientation,
    drawn_orientation,
    orientation_of,
    unequal_sizes,
)
from utils.errors import UsageError
from utils.metrics import histogram


def read_label(path: str | pathlib.Path, class_dict: ClassDict) -> np.ndarray:
    """Reads a label file: class colors (RGB or palette), class indices (255 = ignored) or a binary mask.

    How it is stored has been decided for the dataset (`class_dict.readings`), else it is decided from this file alone,
    see `label_format.choose_reading`.

    Args:
        path: of the file.
        class_dict: `ClassDict`; its `unknown` decides about colors and indices of no class.

    Returns:
        uint8 array `(H, W)` of class indices; 255 = ignored.

    Raises:
        UsageError: if the file is missing, damaged or has unknown colors, or if two readings are possible.
    """
    return decode_stored(read_stored(path), class_dict, path)


def decode_stored(stored: StoredLabel, class_dict: ClassDict, path: str | pathlib.Path) -> np.ndarray:
    """Decodes the values of a label file to class indices.

    Args:
        stored: `StoredLabel`.
        class_dict: `ClassDict`.
        path: of the file, for errors.

    Returns:
        uint8 array `(H, W)` of class indices; 255 = ignored.

    Raises:
        UsageError: as `read_label`.
    """
    reading = class_dict.readings.get(stored.kind)
    if reading is None:
        try:
            reading = choose_reading(count_values(stored, class_dict), class_dict)
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from error
    if stored.kind == "rgb" and reading == "colors":
        codes = class_dict.look_up(stored.pixels)[0]
        class_dict.fill_nearest(codes, stored.pixels)
        codes = class_dict.to_targets(codes)
    else:
        values, colors, positions = _distinct_values(stored)
        table = class_dict.to_targets(classify(reading, stored.kind, values, colors, class_dict))
        codes = cv2.LUT(positions, table) if positions.dtype == np.uint8 else table[positions]  # 3 times as fast
    if histogram(codes, UNKNOWN + 1)[UNKNOWN]:  # counted without an array of the size of the image
        if class_dict.unknown != "ignore":
            raise _unknown_values(stored, class_dict, reading, path)
        codes[codes == UNKNOWN] = IGNORED
    return codes


def read_pair(
    image_path: str | pathlib.Path,
    label_path: str | pathlib.Path,
    class_dict: ClassDict,
    image_format: ImageFormat = RGB_BYTES,
) -> tuple[np.ndarray, np.ndarray]:
    """Reads an image and its label, which must have the same size.

    Returns:
        `(image, label)`: uint8 arrays `(H, W, channels)` and `(H, W)`.

    Raises:
        UsageError: if one is unreadable or the sizes differ.
    """
    label = read_label(label_path, class_dict)
    image, drawn, exif = read_image_of_label(image_path, label_path, label.shape, image_format)
    if drawn == "ambiguous":
        decided = class_dict.orientation
        drawn = decided if decided != "auto" else decide_orientation([drawn], [image_path])
    return apply_orientation(image, exif) if drawn == "upright" else image, label


def read_image_of_label(
    image_path: str | pathlib.Path,
    label_path: str | pathlib.Path,
    shape: tuple[int, int],
    image_format: ImageFormat | None = RGB_BYTES,
) -> tuple[np.ndarray, str, int]:
    """Reads an image as stored, and classifies its label as drawn on it as stored or upright.

    Args:
        image_path, label_path: paths; that of the label is for errors.
        shape: `(height, width)` of the label.
        image_format: `ImageFormat`, or None for the image as its file has it.

    Returns:
        `(image, drawn, orientation)`: uint8 array `(height, width, channels)`; "same", "stored", "upright" or
        "ambiguous", see `drawn_orientation`; the image's EXIF orientation.

    Raises:
        UsageError: if the image is unreadable, or of another size.
    """
    data = read_bytes(image_path)
    stored = decode_image(data, image_path)
    image = image_format.convert(stored, image_path) if image_format else stored.pixels
    exif = orientation_of(data)
    # A label drawn on a photo as viewers display it is rotated as the photo's EXIF orientation says.
    drawn = drawn_orientation(exif, image.shape[:2], shape)
    if drawn == "different":
        raise UsageError(unequal_sizes(image_path, image.shape[:2], label_path, shape))
    return image, drawn, exif


def write_label(path: str | pathlib.Path, indices: np.ndarray) -> None:
    """Writes class indices, uint8 `(H, W)` with 255 = ignored, as a single-channel PNG, atomically.

    Raises:
        RunError: if the file cannot be written.
    """
    write_pixels(path, indices)


def _distinct_values(stored):
    """Returns values, their colors as numbers, and the position of each pixel's value among them."""
    if stored.kind == "rgb":
        packed, positions = np.unique(pack(stored.pixels), return_inverse=True)
        return gray_values(packed), packed, positions.reshape(stored.pixels.shape[:2])
    if stored.pixels.dtype == np.uint8:
        values, positions = np.arange(256), stored.pixels
    else:
        values, positions = np.unique(stored.pixels, return_inverse=True)
        values, positions = values.astype(np.int64), positions.reshape(stored.pixels.shape)
    return values, stored_colors(stored, values), positions


def _unknown_values(stored, class_dict, reading, path):
    """Creates the error of values of no class, with its remedy."""
    histogram = count_values(stored, class_dict)
    codes = classify(reading, *histogram[:3], class_dict)
    error = unknown_values(histogram, codes, reading, path)
    advice = remedy(histogram, codes, reading, class_dict)
    return type(error)(f"{error}; {advice}", error.pixels)
