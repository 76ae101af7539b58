"""PNG files: chunks of the pixels, their checksums and their inflated size."""

import struct
import zlib

from utils.errors import UnreadableError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
DEFLATE_RATIO = 1032  # at most
UNCHECKED_BYTES = 256 * 2**20  # that the pixels may inflate to beyond their size; takes a second
_CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")  # those that the pixels need
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by color type


def pixels_of_png(data: bytes) -> bytes:
    """Returns a PNG file with those chunks alone that its pixels need, after checking their checksums and length.

    libpng prints about damaged metadata and about wrong checksums.

    Raises:
        UnreadableError: if the file is damaged.
    """
    parts, at, kinds = [PNG_SIGNATURE], 8, set()
    try:
        while at < len(data) and b"IEND" not in kinds:
            (length,) = struct.unpack_from(">I", data, at)
            kind, chunk = data[at + 4 : at + 8], data[at : at + 12 + length]
            if len(chunk) < 12 + length:
                raise UnreadableError("damaged, it ends in the middle of the picture")
            if kind in _CHUNKS:
                if zlib.crc32(chunk[4:-4]) != struct.unpack(">I", chunk[-4:])[0]:
                    raise UnreadableError("damaged, a checksum is wrong")
                parts.append(chunk)
            kinds.add(kind)
            at += 12 + length
    except struct.error:
        raise UnreadableError("damaged, it ends in the middle of the picture") from None
    if not {b"IHDR", b"IDAT", b"IEND"} <= kinds:
        raise UnreadableError("damaged, it ends in the middle of the picture")
    if inflates_too_far([part[8:-4] for part in parts[1:] if part[4:8] == b"IDAT"], pixel_bytes(data)):
        raise UnreadableError("damaged, it has more data than its header has pixels")
    return b"".join(parts)


def pixel_bytes(data: bytes) -> int:
    """Returns the size in bytes of the pixels of a PNG file, by its header."""
    width, height, bits, color_type = struct.unpack_from(">IIBB", data, 16)
    return height * ((width * bits * _SAMPLES.get(color_type, 1) + 7) // 8 + 1)


def inflates_too_far(parts: list[bytes], expected: int) -> bool:
    """Returns whether the compressed pixels of a PNG file inflate to far more bytes than its header has pixels.

    libpng inflates all of them, at 1032 bytes for each byte of the file at the worst. Repetitive files alone are
    inflated here, because that takes a third of the time of decoding.

    Args:
        parts: contents of the chunks `IDAT`.
        expected: bytes, see `pixel_bytes`.
    """
    length = sum(map(len, parts))
    if length > 2 * expected + 65536:
        return True
    if length * DEFLATE_RATIO <= expected + UNCHECKED_BYTES:
        return False
    data = b"".join(parts)
    starts = range(0, length - 64, max(1, length // 64))
    if all(len(set(data[start : start + 64])) > 16 for start in starts):
        return False
    inflater, size = zlib.decompressobj(), 0
    while size <= expected + UNCHECKED_BYTES and data and not inflater.eof:
        size += len(inflater.decompress(data, 2**22))
        data = inflater.unconsumed_tail
    return size > expected + UNCHECKED_BYTES
