"""Label files as stored: RGB colors, palette indices or one channel, without their meaning as classes."""

import io
import os
import pathlib
from typing import NamedTuple

import cv2
import numpy as np

from utils.data.image_size import NUMPY_SIGNATURE, check_size
from utils.data.images import decode_bytes, is_image, read_bytes
from utils.data.opencv import AS_STORED
from utils.data.pillow import open_with_pillow
from utils.data.png import PNG_SIGNATURE, pixels_of_png
from utils.errors import UnreadableError, UsageError

PNG_GRAY, PNG_PALETTE, PNG_GRAY_ALPHA = 0, 3, 4  # color types; 2 is RGB, 6 RGBA
BITS_PER_SAMPLE = 258  # the TIFF tag
MAX_INDEX = 65535
LOSSY = {b"\xff\xd8": "JPEG", b"\0\0\0\x1cftypavif": "AVIF", b"\0\0\0 ftypavif": "AVIF"}  # by the first bytes


class StoredLabel(NamedTuple):
    """Pixels of a label file.

    Attributes:
        kind: "rgb", "palette" or "gray".
        pixels: uint8 array `(H, W, 3)` of RGB colors, or integer array `(H, W)` of palette indices or gray values in
            0..65535, gray values of less than 8 bits as numbers from 0 to 2**bits - 1.
        bits: int, bits of a gray value.
        palette: uint8 array `(P, 3)`, or None.
        lossy: name of the lossy file format, such as "JPEG", or "".
    """

    kind: str
    pixels: np.ndarray
    bits: int = 8
    palette: np.ndarray | None = None
    lossy: str = ""


def is_label(path: str | pathlib.Path) -> bool:
    """Returns whether a file name is that of a label: an image, or a NumPy array in a `.npy` file."""
    name = os.path.basename(path)
    return is_image(name) or (name.lower().endswith(".npy") and not name.startswith("."))


def read_stored(path: str | pathlib.Path) -> StoredLabel:
    """Reads a label file without decoding its values.

    Args:
        path: of an image file, or of a `.npy` file with an integer array `(H, W)` or a uint8 array `(H, W, 3)`. Of an
            animated GIF the first frame is read.

    Returns:
        `StoredLabel`.

    Raises:
        UsageError: if the file is missing, damaged, no image, or has pixels that cannot be labels.
    """
    data = read_bytes(path)
    check_size(data, path)
    try:
        return _decode(data, path)._replace(lossy=_lossy_format(data))
    except UnreadableError as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    except MemoryError as error:
        raise UsageError(f"cannot read {path}: its pixels do not fit into memory") from error


def _decode(data, path):
    """Decodes by the signature of the data."""
    if data[:6] == NUMPY_SIGNATURE:
        return _from_array(_load_array(data, path), path)
    if data[:8] == PNG_SIGNATURE:
        return _read_png(data, path)
    if data[:2] == b"\xff\xd8":
        return _from_opencv(data, path)
    return _read_with_pillow(data, path)


def _read_png(data, path):
    """Reads a PNG: palettes with Pillow, as OpenCV replaces their indices with colors."""
    bits, color_type = data[24:26] if len(data) > 25 else (8, None)
    if color_type == PNG_PALETTE:
        return _read_with_pillow(pixels_of_png(data), path)
    pixels = decode_bytes(data, AS_STORED, path)
    if color_type in (PNG_GRAY, PNG_GRAY_ALPHA) and pixels.ndim == 3:
        pixels = pixels[..., 0]  # OpenCV decodes gray with alpha to BGRA
    if color_type == PNG_GRAY and bits < 8:  # OpenCV scales 1, 2 and 4 bits to 0..255
        return StoredLabel("gray", pixels // (255 // (2**bits - 1)), bits)
    return _from_array(_to_rgb_order(pixels), path)


def _read_with_pillow(data, path):
    """Reads a file of a format whose palette or bit depth OpenCV does not tell: GIF, BMP, TIFF, palette PNG."""
    from PIL import UnidentifiedImageError  # a dependency of matplotlib

    try:
        image = open_with_pillow(data)
        if image.format == "TIFF" and getattr(image, "n_frames", 1) > 1:
            raise UsageError(f"{path} has {image.n_frames} pages; a label must have one")
        image.load()
    except (UsageError, MemoryError):
        raise
    except UnidentifiedImageError:  # such as a TIFF of 16-bit colors
        return _from_opencv(data, path)
    except Exception as error:  # Pillow has no common base class for the errors of damaged files
        raise UsageError(f"cannot read {path}: damaged, or not an image") from error
    if image.mode in ("P", "PA"):
        palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
        pixels = np.asarray(image)
        pixels = pixels if pixels.ndim == 2 else pixels[..., 0]
        if len(palette) > 1 and (palette == np.arange(len(palette))[:, None]).all():
            return StoredLabel("gray", pixels)  # a gray ramp says nothing about colors
        if image.format == "GIF" and int(pixels.max()) < len(palette) and (palette == palette[:, :1]).all():
            return StoredLabel("gray", palette[pixels, 0])  # writers of GIF number colors as they like
        return StoredLabel("palette", pixels, palette=palette)
    if image.mode == "1":
        return StoredLabel("gray", np.asarray(image).astype(np.uint8), bits=1)
    if image.mode == "L":
        bits = image.tag_v2.get(BITS_PER_SAMPLE, (8,))[0] if image.format == "TIFF" else 8
        pixels = np.asarray(image)  # Pillow scales 2 and 4 bits to 0..255
        return StoredLabel("gray", pixels // (255 // (2**bits - 1)), bits) if bits < 8 else StoredLabel("gray", pixels)
    if image.mode == "LA":
        return StoredLabel("gray", np.asarray(image)[..., 0])
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_array(np.asarray(image), path)
    return StoredLabel("rgb", np.array(image.convert("RGB")))


def _from_opencv(data, path):
    """Reads a file with OpenCV."""
    return _from_array(_to_rgb_order(decode_bytes(data, AS_STORED, path)), path)


def _from_array(pixels, path):
    """Checks the type and the values of an array `(H, W)` or `(H, W, 3)`."""
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        if pixels.dtype == np.uint16 and not (pixels % 257).any():
            pixels = (pixels // 257).astype(np.uint8)  # 8-bit colors stored with 16 bits
        if pixels.dtype != np.uint8:
            raise UsageError(f"{path} has {pixels.dtype} colors; a label must have 8 bits per channel")
        return StoredLabel("rgb", pixels)
    if pixels.ndim != 2 or not pixels.size:
        raise UsageError(f"{path} has the shape {pixels.shape}; a label is (height, width) or (height, width, 3)")
    if pixels.dtype == bool:
        return StoredLabel("gray", pixels.astype(np.uint8), bits=1)
    if pixels.dtype.kind not in "iu" or pixels.min() < 0 or pixels.max() > MAX_INDEX:
        raise UsageError(f"{path} has {pixels.dtype} pixels; a label must have whole numbers from 0 to {MAX_INDEX}")
    bits = 8 * pixels.dtype.itemsize
    return StoredLabel("gray", pixels if bits <= 16 else pixels.astype(np.uint16), min(bits, 16))


def _load_array(data, path):
    """Loads a `.npy` file, never a pickled object."""
    try:
        return np.load(io.BytesIO(data), allow_pickle=False)
    except MemoryError:
        raise
    except Exception as error:  # NumPy has no common base class for the errors of damaged files
        raise UsageError(f"cannot read {path}: damaged, or not an array of numbers") from error


def _to_rgb_order(pixels):
    """Converts OpenCV's channel order to RGB and leaves alpha out."""
    if pixels.ndim == 2:
        return pixels
    if pixels.dtype != np.uint8:  # OpenCV converts colors of few types
        return np.ascontiguousarray(pixels[..., 2::-1])
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGB)


def _lossy_format(data):
    """Returns the name of a file's lossy format, or ""."""
    if data[:4] == b"RIFF" and data[12:16] == b"VP8 ":
        return "lossy WebP"
    return next((name for signature, name in LOSSY.items() if data.startswith(signature)), "")
