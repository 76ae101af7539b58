"""Label images: decoding of RGB, palette and single-channel files to class indices."""

import io
import pathlib

import cv2
import numpy as np

from utils.class_dict import IGNORED, ClassDict
from utils.data.images import decode_bytes, read_bytes, read_image, write_pixels
from utils.errors import UsageError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_GRAY, PNG_PALETTE, PNG_GRAY_ALPHA = 0, 3, 4  # color types; 2 is RGB, 6 RGBA


def read_label(path: str | pathlib.Path, class_dict: ClassDict) -> np.ndarray:
    """Reads a label image: class colors (RGB or palette PNG), or class indices (one channel, 255 = ignored).

    A palette PNG counts as colors if most of its colors that occur are class colors, and as indices otherwise or if
    its palette is a gray ramp. Either way its index 255 is ignored unless its color is a class color, as in Pascal
    VOC. A single-channel mask counts as colors if it contains 255, white is a class and all its grays are class
    colors.

    Args:
        path: of the file.
        class_dict: `ClassDict`; its `unknown` decides about colors and indices of no class.

    Returns:
        uint8 array `(H, W)` of class indices; 255 = ignored.

    Raises:
        UsageError: if the file is missing, damaged or has unknown colors.
    """
    data = read_bytes(path)
    depth, color_type = data[24:26] if data[:8] == PNG_SIGNATURE and len(data) > 25 else (None, None)
    if color_type == PNG_PALETTE:
        return _encode_palette(data, class_dict, path)
    pixels = decode_bytes(data, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION, path)
    if color_type in (PNG_GRAY, PNG_GRAY_ALPHA) and pixels.ndim == 3:
        pixels = pixels[..., 0]  # OpenCV decodes gray with alpha to BGRA
    if pixels.ndim == 3:
        return class_dict.encode(_to_rgb(pixels, path), path)
    if color_type == PNG_GRAY and depth < 8:  # OpenCV scales 1, 2 and 4 bits to 0..255
        return class_dict.encode_indices(pixels // (255 // (2**depth - 1)), path)
    return _encode_gray(pixels, class_dict, path)


def read_pair(
    image_path: str | pathlib.Path, label_path: str | pathlib.Path, class_dict: ClassDict
) -> tuple[np.ndarray, np.ndarray]:
    """Reads an image and its label, which must have the same size.

    Returns:
        `(image, label)`: uint8 arrays `(H, W, 3)` and `(H, W)`.

    Raises:
        UsageError: if one is unreadable or the sizes differ.
    """
    image = read_image(image_path)
    label = read_label(label_path, class_dict)
    if image.shape[:2] != label.shape:
        # A label drawn on a photo as viewers display it is rotated as the photo's EXIF orientation says.
        upright = read_image(image_path, upright=True)
        if upright.shape[:2] != label.shape:
            (height, width), (label_height, label_width) = image.shape[:2], label.shape
            raise UsageError(
                f"{image_path} is {width}x{height} but its label {label_path} is {label_width}x{label_height}; "
                "they must have the same size"
            )
        image = upright
    return image, label


def write_label(path: str | pathlib.Path, indices: np.ndarray) -> None:
    """Writes class indices, uint8 `(H, W)` with 255 = ignored, as a single-channel PNG, atomically.

    Raises:
        RunError: if the file cannot be written.
    """
    write_pixels(path, indices)


def _encode_palette(data, class_dict, path):
    """Encodes a palette PNG. OpenCV expands palettes to colors and loses the indices, so Pillow reads these."""
    from PIL import Image  # a dependency of matplotlib

    try:
        image = Image.open(io.BytesIO(data))
        indices = np.array(image)
        colors = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    except Exception as error:  # Pillow has no common base class for the errors of damaged files
        raise UsageError(f"cannot read {path}: damaged, or not an image") from error
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(colors)] = colors
    known = class_dict.is_known(palette[None])[0]
    known[len(colors) :] = False
    used = np.unique(indices)
    votes = known[used[(used != IGNORED) | known[used]]]
    ramp = len(colors) > 1 and (colors == np.arange(len(colors))[:, None]).all()
    if ramp or 2 * np.count_nonzero(votes) <= len(votes):
        return class_dict.encode_indices(indices, path)
    void = (indices == IGNORED) & ~known[IGNORED]
    palette[IGNORED] = palette[IGNORED] if known[IGNORED] else class_dict.label_values[0]
    classes = class_dict.encode(palette[indices], path)
    classes[void] = IGNORED
    return classes


def _to_rgb(pixels, path):
    """Converts a color label as OpenCV decodes it to uint8 RGB."""
    if pixels.dtype == np.uint16 and not (pixels % 257).any():
        pixels = (pixels // 257).astype(np.uint8)  # 8-bit colors stored with 16 bits
    if pixels.dtype != np.uint8:
        raise UsageError(f"{path} has {pixels.dtype} colors; a label must have 8 bits per channel")
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)


def _encode_gray(pixels, class_dict, path):
    """Encodes a single-channel label."""
    if pixels.dtype.kind not in "iu" or pixels.min() < 0 or pixels.max() > 65535:
        raise UsageError(f"{path} has {pixels.dtype} pixels; a label must have whole numbers from 0 to 65535")
    if pixels.dtype == np.uint8 and pixels.max() == 255:
        grays = np.repeat(np.unique(pixels)[:, None], 3, axis=1)[None]
        if class_dict.is_known(grays).all():
            return class_dict.encode(np.repeat(pixels[..., None], 3, axis=2), path)
    return class_dict.encode_indices(pixels, path)
