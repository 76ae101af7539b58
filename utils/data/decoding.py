"""Image decoder: files of any kind to arrays of their own type and bands."""

import pathlib
from typing import NamedTuple

import numpy as np

from utils.data.image_size import check_size
from utils.data.opencv import decode_with_opencv
from utils.data.pillow import open_with_pillow
from utils.data.png import PNG_SIGNATURE, pixels_of_png
from utils.data.tiff import decode_tiff
from utils.data.tiff_header import CMYK, PALETTE, RGB, YCBCR, is_tiff, read_tiff_header
from utils.errors import UnreadableError, UsageError

_UNKNOWN_KINDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"jxl ": "JPEG XL"}


class StoredImage(NamedTuple):
    """An image as its file has it.

    Attributes:
        pixels: array `(H, W, bands)` of the file's own type, in stored orientation; R, G, B for colors.
        colors: 1 (gray) or 3 (RGB), the number of bands whose meaning is known; 0 if none is.
        has_alpha: bool, whether the last band is opacity.
        nodata: value of pixels without data, or None.
        pages: number of pages or frames, of which this is the first.
    """

    pixels: np.ndarray
    colors: int
    has_alpha: bool = False
    nodata: float | None = None
    pages: int = 1


def decode_image(data: bytes, path: str | pathlib.Path) -> StoredImage:
    """Decodes an image file without loss of bits or bands.

    Args:
        data: the file.
        path: of the file, for messages and for libraries that read it in parts.

    Raises:
        UsageError: naming the file and what is wrong with it.
    """
    check_size(data, path)
    try:
        image = _decode(data, path)
    except UnreadableError as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    except MemoryError as error:
        raise UsageError(f"cannot read {path}: its pixels do not fit into memory") from error
    if image is None:
        raise UsageError(f"cannot read {path}: damaged, or not an image")
    return image


def _decode(data, path):
    """Decodes by the signature of the data; returns None if it is damaged or of an unknown kind."""
    if is_tiff(data):
        return _decode_tiff(data, path)
    if data[:8] == PNG_SIGNATURE:
        return _decode_png(data)
    if data[:2] == b"\xff\xd8":
        if _is_cut_jpeg(data):
            raise UnreadableError("damaged, it ends in the middle of the picture")
        return _decode_pillow(data)  # OpenCV's decoder of the same values prints about damages
    if data[:3] == b"GIF" or data[8:12] == b"WEBP":
        return _decode_pillow(data)
    if data[4:8] == b"ftyp":
        if data[8:12] in _UNKNOWN_KINDS:
            kind = _UNKNOWN_KINDS[data[8:12]]
            raise UnreadableError(f"{kind} files cannot be decoded by OpenCV and Pillow; convert it to JPEG or PNG")
        return _decode_pillow(data) or _decode_opencv(data)  # Pillow reads AVIF from version 11.3
    return _decode_opencv(data)


def _decode_tiff(data, path):
    header = read_tiff_header(data)
    pixels = header and decode_tiff(data, header, path)
    if pixels is None:
        return None
    bands = pixels.shape[2]
    is_color = header.photometric in (RGB, PALETTE, CMYK, YCBCR)
    # Without a photometric interpretation of colors several bands may be any: satellite images are stored so.
    known = 3 if is_color and bands >= 3 else 1 if bands - header.has_alpha == 1 else 0
    return StoredImage(pixels, known, header.has_alpha and bands > 1, header.nodata, header.pages)


def _decode_png(data):
    image = _decode_opencv(pixels_of_png(data))
    if image is not None and data[25] == 4:  # gray with alpha, which OpenCV decodes to BGRA
        return StoredImage(image.pixels[..., [0, 3]], 1, has_alpha=True)
    return image


def _decode_opencv(data):
    pixels = decode_with_opencv(data)
    if pixels is None:
        return None
    if pixels.ndim == 2:
        return StoredImage(pixels[..., None], 1)
    bands = pixels.shape[2]
    return StoredImage(pixels[..., [2, 1, 0, 3][:bands]], 3, has_alpha=bands == 4)


def _decode_pillow(data):
    """Decodes the first frame to gray or RGB, with alpha if the file has it."""
    try:
        with open_with_pillow(data) as image:
            frames = getattr(image, "n_frames", 1) if image.format != "MPO" else 1
            has_alpha = image.mode in ("RGBA", "LA")
            mode = image.mode if image.mode in ("L", "LA", "RGB", "RGBA") else "RGB"
            pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    except MemoryError:
        raise
    except Exception:  # Pillow has no common base class for the errors of damaged files
        return None
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    return StoredImage(pixels, 1 if mode[0] == "L" else 3, has_alpha, pages=frames)


def _is_cut_jpeg(data):
    """Returns whether a JPEG file has no end after its pixels; the end of a thumbnail before them does not count."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:  # until the first scan
        at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data.rfind(b"\xff\xd9", at) < 0
