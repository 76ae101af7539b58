"""TIFF files of any layout for tests, written tag by tag: no library here writes them all."""

import struct

import numpy as np

_TYPES = {"H": 3, "I": 4, "d": 12, "Q": 16}


def tiff_bytes(pixels, photometric=1, extra=None, order="<", big=False, pages=1, planar=False, tags=()):
    """Returns an uncompressed TIFF file.

    Args:
        pixels: array `(H, W)` or `(H, W, samples)` of any number type.
        photometric: interpretation; 0 white is zero, 1 black is zero, 2 RGB, 5 CMYK, 8 CIELab.
        extra: kinds of the extra samples, or None for no such tag.
        order: "<" or ">".
        big: whether to write a BigTIFF.
        pages: number of equal pages.
        planar: whether each sample has a plane of its own.
        tags: more tags, `(number, struct format, values)`; a format of "s" with bytes is a text.
    """
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    height, width, samples = pixels.shape
    data = np.ascontiguousarray(np.moveaxis(pixels, 2, 0) if planar else pixels).astype(
        pixels.dtype.newbyteorder(order)
    )
    planes = samples if planar else 1
    size, kind = pixels.dtype.itemsize, {"u": 1, "i": 2, "f": 3, "c": 6}[pixels.dtype.kind]
    word, count_format = ("Q", "Q") if big else ("I", "H")
    file = bytearray(b"II" if order == "<" else b"MM")
    file += struct.pack(order + ("HHHQ" if big else "HI"), *((43, 8, 0, 16) if big else (42, 8)))
    for page in range(pages):
        entries = {
            256: ("I", [width]),
            257: ("I", [height]),
            258: ("H", [8 * size] * samples),
            259: ("H", [1]),
            262: ("H", [photometric]),
            273: (word, None),
            277: ("H", [samples]),
            278: ("I", [height]),
            279: (word, [data.nbytes // planes] * planes),
            284: ("H", [2 if planar else 1]),
            339: ("H", [kind] * samples),
        }
        if extra is not None:
            entries[338] = ("H", list(extra))
        entries |= {number: (letter, values) for number, letter, values in tags}
        start, inline = len(file), struct.calcsize(word)
        table = start + struct.calcsize(order + count_format) + len(entries) * (12 + 2 * (inline - 4)) + inline
        values_at, blobs = table, {}
        for number, (letter, values) in sorted(entries.items()):
            values = [0] * planes if values is None else values
            blob = values if letter == "s" else struct.pack(f"{order}{len(values)}{letter}", *values)
            if len(blob) > inline:
                blobs[number], values_at = values_at, values_at + len(blob)
        file += struct.pack(order + count_format, len(entries))
        tail = b""
        for number, (letter, values) in sorted(entries.items()):
            if values is None:
                values = [values_at + plane * (data.nbytes // planes) for plane in range(planes)]
            blob = values if letter == "s" else struct.pack(f"{order}{len(values)}{letter}", *values)
            file += struct.pack(f"{order}HH{word}", number, 2 if letter == "s" else _TYPES[letter], len(values))
            if len(blob) > inline:
                file += struct.pack(order + word, blobs[number])
                tail += blob
            else:
                file += blob.ljust(inline, b"\0")
        following = values_at + data.nbytes
        file += struct.pack(order + word, following if page + 1 < pages else 0) + tail + data.tobytes()
    return bytes(file)


def samples_of(dtype, bands, height=6, width=9):
    """Returns an array `(height, width, bands)` whose values differ by pixel and band and fill the type."""
    dtype = np.dtype(dtype)
    values = np.random.default_rng(bands).random((height, width, bands))
    return (values if dtype.kind == "f" else values * min(np.iinfo(dtype).max, 60000)).astype(dtype)
