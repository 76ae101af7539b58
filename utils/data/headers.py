"""Image headers: size, depth and orientation of files from their first bytes, without decoding."""

import itertools
import mmap
import os
import pathlib
import stat
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from utils.data.image_size import JPEG_2000, check_size, read_size
from utils.data.images import read_bytes
from utils.data.orientation import drawn_orientation, exif_of_jpeg, orientation_in, orientation_of, unequal_sizes
from utils.data.tiff_header import is_tiff, read_tiff_header
from utils.errors import UsageError
from utils.threads import prefetch

HEAD, LONG_HEAD = 4096, 2**18  # bytes that are read first, and of photos with long metadata
THREADS = 8  # at least, because they wait for disks of a network
# A pipe is opened without waiting for its writer.
OPEN = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
CHUNK = 128  # pairs that a thread checks at once


class Header(NamedTuple):
    """Size, orientation and depth of an image file, from its first bytes.

    Attributes:
        size: `(height, width)` in pixels, as stored; None for kinds that only a decoder knows.
        orientation: EXIF orientation, 1..8; 1 if it is not at the beginning of the file.
        is_wide: whether values have more than 8 bits, of PNG, TIFF and JPEG 2000 files.
    """

    size: tuple[int, int] | None
    orientation: int = 1
    is_wide: bool = False


class CheckedHeaders(NamedTuple):
    """Headers of an image and its label.

    Attributes:
        size: `(height, width)` of the label, or None.
        drawn: how the label is drawn on it, see `drawn_orientation`.
        problems: list of str.
    """

    size: tuple[int, int] | None
    drawn: str
    problems: list[str]


def read_header(path: str | pathlib.Path) -> Header:
    """Reads the header of an image or label file.

    Raises:
        UsageError: if the file is missing, no image, larger than `--max_pixels`, or too short for its pixels.
    """
    descriptor = None
    try:
        descriptor = os.open(path, OPEN)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            read_bytes(path)  # says what it is instead
        return _read(descriptor, status.st_size, path)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    finally:
        if descriptor is not None:
            os.close(descriptor)


def check_headers(pair) -> CheckedHeaders:
    """Checks the headers of an image and its label: readable kinds, plausible and equal sizes.

    Args:
        pair: `folder.Pair`.
    """
    found, problems = [], []
    for path in (pair.image, pair.label):
        try:
            found.append(read_header(path))
        except UsageError as error:
            problems.append(str(error))
    sizes = [header.size for header in found]
    if problems or None in sizes:
        return CheckedHeaders(None, "same", problems)
    orientation = found[0].orientation
    drawn = drawn_orientation(orientation, *sizes)
    if drawn == "different":  # unless the orientation is elsewhere in the file
        drawn = drawn_orientation(orientation_of(read_bytes(pair.image)), *sizes)
    if drawn == "different":
        problems.append(unequal_sizes(pair.image, sizes[0], pair.label, sizes[1]))
    return CheckedHeaders(sizes[1], drawn, problems)


def spaced(items: Sequence, count: int) -> Sequence:
    """Returns at most `count` items, evenly spaced."""
    return [items[index * len(items) // count] for index in range(count)] if len(items) > count else items


def map_files(function: Callable, items: Sequence, workers: int) -> Iterator:
    """Applies a function that waits for disks to items on threads, in order.

    Args:
        function: of one item.
        items: sequence; a few hundred of them are in work at once.
        workers: number of threads, for which `THREADS` is the minimum.
    """
    chunks = (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
    done = prefetch(lambda chunk: [function(item) for item in chunk], chunks, max(workers, THREADS))
    return itertools.chain.from_iterable(results for _, results in done)


def _read(descriptor, length, path):
    """Reads the header of an open file of that many bytes."""
    data = b""
    for end in (HEAD, LONG_HEAD, length):
        data += os.read(descriptor, max(0, end - len(data)))  # a file may grow meanwhile
        size = read_size(data)
        if size is not None or is_tiff(data) or len(data) == length:
            break
    if is_tiff(data) and length > len(data):  # its tags may be anywhere, and the file may be large
        with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as whole:
            return _describe(whole, read_size(whole), path, length)
    return _describe(data, size, path, length)


def _describe(data, size, path, length):
    """Checks the size, `(width, height)`, and returns what the header has."""
    check_size(data, path, length)
    if is_tiff(data):
        header = read_tiff_header(data)
        return Header(size[::-1], header.orientation, max(header.bits) > 8)
    is_wide = data[:4] == b"\x89PNG" and data[24:25] == b"\x10"
    if data[:12] == JPEG_2000:
        (depth,) = struct.unpack_from("B", data, data.index(b"ihdr") + 14)  # bits - 1; 128: signed; 255: they differ
        is_wide = depth == 255 or depth & 127 > 7
    try:
        orientation = orientation_in(exif_of_jpeg(data)) if data[:2] == b"\xff\xd8" else 1
    except (struct.error, IndexError):
        orientation = 1
    return Header(size and size[::-1], orientation, is_wide)
