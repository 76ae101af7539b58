"""TIFF headers: the tags that decide which library can read a file, and how its samples are to be understood."""

import math
import struct
from typing import NamedTuple

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two: BigTIFF
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6  # photometric interpretations
UNSIGNED, SIGNED, FLOAT = 1, 2, 3  # sample formats
ASSOCIATED_ALPHA, UNASSOCIATED_ALPHA = 1, 2  # kinds of extra samples; 0: unspecified
COMPRESSIONS = {
    1: "no",
    2: "CCITT",
    3: "CCITT",
    4: "CCITT",
    5: "LZW",
    6: "old JPEG",
    7: "JPEG",
    8: "Deflate",
    32773: "PackBits",
    32946: "Deflate",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50000: "ZSTD",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
PHOTOMETRIC, ORIENTATION = 262, 274  # tags that libraries understand differently
_SUBFILE, _NODATA = 254, 42113
_STRIP_OFFSETS, _ROWS_PER_STRIP, _TILE_WIDTH, _TILE_LENGTH, _TILE_OFFSETS = 273, 278, 322, 323, 324
_INTEGERS = {256, 257, 258, 259, PHOTOMETRIC, ORIENTATION, 277, 284, 338, 339}  # tags of the header, but for texts
_GEOREFERENCE = {33550, 33922, 34264, 34735}  # scale, tie points, transformation, keys
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}  # struct formats of the types of integers
_MAX_VALUES = 4096  # of a tag that is read: samples per pixel at the most
_MAX_ENTRIES = 200_000  # of all pages, which take a second; later pages are not counted


class TiffHeader(NamedTuple):
    """Tags of the first page of a TIFF file.

    Attributes:
        width, height: pixels.
        bits: tuple of int, bits of each sample.
        sample_format: `UNSIGNED`, `SIGNED` or `FLOAT`, or another number.
        samples: samples per pixel, those of colors and extra ones.
        photometric: photometric interpretation, such as `RGB`.
        compression: a key of `COMPRESSIONS`, or another number.
        is_planar: bool, whether each sample has a plane of its own.
        is_tiled: bool, whether it is stored in tiles instead of strips.
        extra_samples: tuple of int, kinds of the samples after the colors; may be shorter than their number.
        orientation: EXIF orientation, 1..8.
        positions: dict from `PHOTOMETRIC` and `ORIENTATION` to the position of the value in the file, if it is there.
        byte_order: "<" or ">".
        pages: number of pages, without masks and reduced copies (overviews).
        is_whole: bool, whether there are as many strips or tiles as the size needs.
        nodata: GDAL's value of pixels without data, or None.
        is_georeferenced: bool, whether it is a GeoTIFF.
    """

    width: int
    height: int
    bits: tuple[int, ...]
    sample_format: int
    samples: int
    photometric: int
    compression: int
    is_planar: bool
    is_tiled: bool
    extra_samples: tuple[int, ...]
    orientation: int
    positions: dict[int, int]
    byte_order: str
    pages: int
    is_whole: bool
    nodata: float | None
    is_georeferenced: bool

    @property
    def has_alpha(self) -> bool:
        """Whether the last sample is opacity."""
        return bool(self.extra_samples) and self.extra_samples[-1] in (ASSOCIATED_ALPHA, UNASSOCIATED_ALPHA)

    @property
    def dtype(self) -> str:
        """The name of a sample's type, such as "16-bit unsigned integer"."""
        kind = {UNSIGNED: "unsigned integer", SIGNED: "signed integer", FLOAT: "float"}.get(
            self.sample_format, "complex"
        )
        return f"{max(self.bits)}-bit {kind}"


def is_tiff(data: bytes) -> bool:
    """Returns whether a file begins like a TIFF or BigTIFF."""
    return data[:4] in SIGNATURES


def read_tiff_header(data: bytes) -> TiffHeader | None:
    """Reads the tags of a TIFF or BigTIFF file.

    Args:
        data: the whole file; tags may be anywhere in it.

    Returns:
        `TiffHeader`; None if the file is damaged.
    """
    try:
        order = "<" if data[:2] == b"II" else ">"
        directories = _read_directories(data, order)
        tags = next(directories)
        kinds = [0, *(page.get(_SUBFILE, ((0,),))[0][0] for page in directories)]
        value = {tag: values[0] for tag, (values, *_) in tags.items() if values}
        samples = value.get(277, 1)
        orientation, bits = value.get(ORIENTATION, 1), tags[258][0] if 258 in tags else (1,)
        if not bits or any(isinstance(number, str) for tag in _INTEGERS & set(tags) for number in tags[tag][0]):
            return None
        return TiffHeader(
            width=value[256],
            height=value[257],
            bits=bits,
            sample_format=value.get(339, UNSIGNED),
            samples=samples,
            photometric=value.get(PHOTOMETRIC, BLACK_IS_ZERO),
            compression=value.get(259, 1),
            is_planar=samples > 1 and value.get(284, 1) == 2,
            is_tiled=_TILE_WIDTH in tags,
            extra_samples=tags[338][0] if 338 in tags else (),
            orientation=orientation if 1 <= orientation <= 8 else 1,
            positions={tag: tags[tag][1] for tag in (PHOTOMETRIC, ORIENTATION) if tag in tags},
            byte_order=order,
            pages=sum(not kind & 5 for kind in kinds),  # 1: reduced copy, 4: mask
            is_whole=_count_parts(tags) >= _needed_parts(value),
            nodata=_number(value.get(_NODATA)),
            is_georeferenced=bool(_GEOREFERENCE & set(tags)),
        )
    except (struct.error, StopIteration, KeyError, IndexError, TypeError):
        return None


def with_tag(data: bytes, header: TiffHeader, tag: int, value: int) -> bytes:
    """Returns the file with another value of `PHOTOMETRIC` or `ORIENTATION`; the same file if it has no such tag."""
    at = header.positions.get(tag)
    return data if at is None else data[:at] + struct.pack(f"{header.byte_order}H", value) + data[at + 2 :]


def _read_directories(data, order):
    """Yields a dict for each page, from the tag to its values, a tuple, their position in the file and their number."""
    is_big = data[2:4] in (b"+\0", b"\0+")
    offset_format, count_format, entry_size = (
        (f"{order}Q", f"{order}Q", 20) if is_big else (f"{order}I", f"{order}H", 12)
    )
    inline = entry_size - 4 - struct.calcsize(offset_format)
    (offset,), seen, entries = struct.unpack_from(offset_format, data, 8 if is_big else 4), set(), 0
    while offset and offset not in seen:
        seen.add(offset)
        (count,) = struct.unpack_from(count_format, data, offset)
        entries += count
        if entries > _MAX_ENTRIES:
            return
        start = offset + struct.calcsize(count_format)
        tags = {}
        for entry in range(start, start + count * entry_size, entry_size):
            tag, kind = struct.unpack_from(f"{order}HH", data, entry)
            (number,) = struct.unpack_from(offset_format, data, entry + 4)
            at = entry + entry_size - inline
            if number * _SIZES.get(kind, 1) > inline:
                (at,) = struct.unpack_from(offset_format, data, at)
            tags[tag] = _read_values(data, order, kind, number, at), at, number
        yield tags
        (offset,) = struct.unpack_from(offset_format, data, start + count * entry_size)


def _read_values(data, order, kind, number, at):
    """Reads the values of a tag: integers or one text, as a tuple; empty for other types and for long lists."""
    if number > _MAX_VALUES:
        return ()
    if kind == 2:
        return (data[at : at + number].split(b"\0")[0].decode("latin-1"),)
    return struct.unpack_from(f"{order}{number}{_NUMBERS[kind]}", data, at) if kind in _NUMBERS else ()


def _needed_parts(value):
    """Returns the number of strips or tiles that a page of this size consists of."""
    height, planes = value[257], value.get(277, 1) if value.get(284, 1) == 2 else 1
    if _TILE_WIDTH in value:
        return planes * -(-value[256] // max(value[_TILE_WIDTH], 1)) * -(-height // max(value.get(_TILE_LENGTH, 1), 1))
    return planes * -(-height // max(value.get(_ROWS_PER_STRIP, height), 1))


def _count_parts(tags):
    """Returns the number of strips or tiles in the file; infinity for old JPEG, which may have none."""
    return next((tags[tag][2] for tag in (_TILE_OFFSETS, _STRIP_OFFSETS) if tag in tags), math.inf)


def _number(text):
    """Converts a text such as "-9999 " to a float; None if it is none."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
