"""Image sizes from file headers: limit on pixels, and plausibility against the size of the file, before decoding."""

import io
import math
import pathlib
import re
import struct

import numpy as np

from utils.data.pillow import open_with_pillow
from utils.data.png import DEFLATE_RATIO, PNG_SIGNATURE, pixel_bytes
from utils.data.tiff_header import is_tiff, read_tiff_header
from utils.errors import UsageError

MAX_PIXELS = 400_000_000  # of an image, by default
JPEG_PIXELS_PER_BYTE = 1024  # at most; an 8x8 block takes a bit at least
BYTES_PER_PIXEL = 32  # at most on average over `max_pixels`, of images of many bands
MOST_OF_A_FRAME = 64  # pixels of an animation for each one of its first frame, which mostly is as large
NUMPY_SIGNATURE = b"\x93NUMPY"
JPEG_2000 = b"\0\0\0\x0cjP  \r\n\x87\n"
_PNM = re.compile(rb"P[1-6](?:\s|#[^\n]*\n)+(\d{1,10})(?:\s|#[^\n]*\n)+(\d{1,10})\s")
_PAM = re.compile(rb"P7\s(?:[^\n]*\n)*?WIDTH (\d{1,10})\n(?:[^\n]*\n)*?HEIGHT (\d{1,10})\n")
_NO_FRAME = (0xC4, 0xC8, 0xCC)  # JPEG markers among those of frames, 0xC0..0xCF, that are none
_max_pixels, _has_flag = MAX_PIXELS, False


def set_max_pixels(limit: int | None) -> None:
    """Sets the number of pixels above which this process refuses images: `--max_pixels`, by default `MAX_PIXELS`.

    Errors name that flag from then on.
    """
    global _max_pixels, _has_flag
    _max_pixels, _has_flag = limit or MAX_PIXELS, True


def check_size(data: bytes, path: str | pathlib.Path, length: int | None = None) -> None:
    """Refuses an image that is too large to decode, or larger than its file can hold, by its header.

    Args:
        data: the file, or its beginning.
        path: of the file, for the error.
        length: of the whole file in bytes; default: that of `data`.

    Raises:
        UsageError: naming the size, the limit and the remedy.
    """
    size, length = read_size(data), len(data) if length is None else length
    if size is None and data[4:8] == b"ftyp":
        return  # the decoders tell which kinds they do not know; libavif has a limit of its own
    if size is None:
        raise UsageError(f"cannot read {path}: damaged, or not an image")
    width, height = size
    check_pixels(width, height, path)
    if is_tiff(data):
        _check_tiff(read_tiff_header(data), path)
    needed = _least_bytes(data, width, height)
    if needed > length:
        raise UsageError(
            f"cannot read {path}: damaged, {width}x{height} pixels take {needed:,.0f} bytes at least and the file has "
            f"{length:,}"
        )


def check_pixels(width: int, height: int, path: str | pathlib.Path) -> None:
    """Refuses a number of pixels above that of `set_max_pixels`.

    Raises:
        UsageError: naming the size, the limit and the remedy.
    """
    if width * height > _max_pixels:
        remedy = f", or raise the limit with --max_pixels {width * height}" if _has_flag else ""
        raise UsageError(
            f"{path} is {width}x{height}, {width * height:,} pixels, and the limit is {_max_pixels:,}: "
            f"cut it into tiles{remedy}"
        )


def read_size(data: bytes) -> tuple[int, int] | None:
    """Reads the size of an image, as stored, without decoding it.

    Args:
        data: the whole file, of any format that OpenCV and Pillow read, or a NumPy array.

    Returns:
        `(width, height)` in pixels; None if the file is damaged or no image.
    """
    try:
        return _read_size(data)
    except (struct.error, ValueError, IndexError):
        return None


def _read_size(data):
    if data[:8] == PNG_SIGNATURE:
        return struct.unpack_from(">II", data, 16) if data[12:16] == b"IHDR" else None
    if data[:2] == b"\xff\xd8":
        return _jpeg_size(data)
    if is_tiff(data):
        header = read_tiff_header(data)
        return header and (header.width, header.height)
    if data[:2] == b"BM":
        (header,) = struct.unpack_from("<I", data, 14)
        width, height = struct.unpack_from("<HH" if header == 12 else "<ii", data, 18)
        return abs(width), abs(height)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return _gif_size(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp_size(data)
    if data[:6] == NUMPY_SIGNATURE:
        return _array_size(data)
    if match := _PNM.match(data) or _PAM.match(data[:1000]):
        return int(match[1]), int(match[2])
    if data[:12] == JPEG_2000:
        at = data[:1000].index(b"ihdr")
        return struct.unpack_from(">II", data, at + 4)[::-1]
    return _pillow_size(data)


def _jpeg_size(data):
    """Returns the size in the frame header of a JPEG file."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            return struct.unpack_from(">HH", data, at + 5)[::-1]
        at += 1 if marker == 0xFF else 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None


def _gif_size(data):
    """Returns the size of a GIF file that holds its screen and its first frame; None if that is much smaller."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while data[at] == 0x21:  # extensions: blocks of up to 255 bytes, up to an empty one
        at += 2
        while data[at]:
            at += 1 + data[at]
        at += 1
    if data[at] == 0x2C:
        left, top, inner_width, inner_height = struct.unpack_from("<HHHH", data, at + 1)
        width, height = max(width, left + inner_width), max(height, top + inner_height)
        if width * height > MOST_OF_A_FRAME * inner_width * inner_height:
            return None
    return width, height


def _webp_size(data):
    """Returns the size of a WebP file of any of its three kinds; None if its first frame is much smaller."""
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = _webp_numbers(data, 24)
        at = 30
        while data[at : at + 4] not in (b"ANMF", b"VP8 ", b"VP8L"):
            (length,) = struct.unpack_from("<I", data, at + 4)
            at += 8 + length + length % 2
        if data[at : at + 4] == b"ANMF":
            inner_width, inner_height = _webp_numbers(data, at + 14)
            if width * height > MOST_OF_A_FRAME * inner_width * inner_height:
                return None
        return width, height
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _webp_numbers(data, at):
    """Returns two numbers of three bytes, which stand for sizes from 1 on."""
    return tuple(int.from_bytes(data[place : place + 3], "little") + 1 for place in (at, at + 3))


def _array_size(data):
    """Returns width and height of a NumPy file of two or three dimensions; None if its header is damaged."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    except Exception:  # the header is a Python expression, whose parsers raise many exceptions
        return None
    if len(shape) in (2, 3) and shape[2:] <= (4,) and min(shape) >= 0 and dtype.itemsize <= 16:
        return shape[1], shape[0]
    return (1, 1) if 0 <= math.prod(shape) * dtype.itemsize <= len(data) else None


def _pillow_size(data):
    try:
        with open_with_pillow(data) as image:
            return image.size
    except Exception:  # Pillow has no common base class for the errors of damaged files
        return None


def _check_tiff(header, path):
    """Refuses a TIFF file with more bytes of all bands than memory is for, or without all strips or tiles."""
    size = header.width * header.height * header.samples * max(header.bits) // 8
    if size > BYTES_PER_PIXEL * _max_pixels:
        raise UsageError(f"{path} has {size:,} bytes of pixels, more than a program can hold; cut it into tiles")
    if not header.is_whole:  # some libraries fill the rest with zeros
        parts = "tiles" if header.is_tiled else "strips"
        raise UsageError(
            f"cannot read {path}: damaged, {parts} of its {header.width}x{header.height} pixels are missing"
        )


def _least_bytes(data, width, height):
    """Returns the least size of a file with that many pixels, in bytes; 0 if the format has no bound."""
    if data[:8] == PNG_SIGNATURE and len(data) > 25:
        return pixel_bytes(data) / DEFLATE_RATIO
    if data[:2] == b"\xff\xd8":
        return width * height / JPEG_PIXELS_PER_BYTE
    if data[:6] == NUMPY_SIGNATURE:
        return width * height
    if data[:2] in (b"P4", b"P5", b"P6"):
        return width * height / 8
    if data[:2] == b"BM" and len(data) >= 34 and data[14:18] != b"\x0c\0\0\0":
        bits, compression = struct.unpack_from("<HI", data, 28)
        return width * height * bits / 8 if compression in (0, 3) else 0
    return 0
