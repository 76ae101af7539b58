"""Label file forms: PNG, BMP, TIFF, GIF, WebP, JPEG and .npy files of several depths and channels."""

import pathlib
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
VOID = 255  # index of ignored pixels
VOID_COLOR = 224, 224, 192  # of Pascal VOC
PALETTES = "of the classes", "shuffled", "short", "gray ramp", "other colors", "pascal voc", "black and white"


class Storage(NamedTuple):
    """One form of label files.

    Attributes:
        channels: "rgb", "gray" or "palette": what `write` takes.
        extension: of the file's name.
        write: function(path, pixels, palette); `pixels` are integers, `(H, W, 3)` for "rgb", else `(H, W)`; `palette`
            is a uint8 array `(N, 3)` for "palette", else None.
        most: int, the largest value of a pixel.
        lossy: bool, whether the file changes colors.
    """

    channels: str
    extension: str
    write: Callable
    most: int = 255
    lossy: bool = False

    @property
    def scale(self) -> int:
        """The gray of 8 bits that the value 1 stands for, such as 255 in files of one bit."""
        return 255 // self.most if self.most < 255 else 1


def encode_png(pixels: np.ndarray, bits: int = 8, palette: np.ndarray | None = None) -> bytes:
    """Encodes a PNG in forms that Pillow does not write: gray of few bits, 16-bit channels, palettes cut short.

    Args:
        pixels: integer array `(H, W)` or `(H, W, channels)`: gray, gray and alpha, RGB or RGBA.
        bits: per channel: 1, 2, 4, 8 or 16; those below 8 for one channel.
        palette: uint8 array `(N, 3)` for pixels that are indices of it, or None.

    Returns:
        bytes of the file.
    """

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if bits == 16:
        rows = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    else:
        values = pixels.astype(np.uint8).reshape(height, -1, 1)
        rows = np.packbits(np.unpackbits(values, axis=-1)[..., 8 - bits :].reshape(height, -1), axis=-1)
    unfiltered = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()
    kind = 3 if palette is not None else {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))]
    if palette is not None:
        parts.append(chunk(b"PLTE", np.asarray(palette, np.uint8).tobytes()))
    parts += [chunk(b"IDAT", zlib.compress(unfiltered)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _png(bits=8, alpha=None, factor=1):
    """PNG files of own making; `alpha` is "opaque" or "any", `factor` multiplies the values."""

    def write(path, pixels, palette):
        pixels = pixels * factor
        if alpha:
            most = 2**bits - 1
            opacity = np.full(pixels.shape[:2], most)
            if alpha == "any":
                opacity = np.arange(opacity.size).reshape(opacity.shape) % (most + 1)
            color = pixels if pixels.ndim == 3 else pixels[..., None]
            pixels = np.concatenate([color, opacity[..., None]], axis=-1)
        path.write_bytes(encode_png(pixels, bits, palette))

    return write


def _pillow(dtype=np.uint8, mode=None, alpha=False, **options):
    """Files that Pillow writes, of pixels of `dtype`, converted to `mode`."""

    def write(path, pixels, palette):
        if alpha:
            opacity = np.arange(pixels[..., 0].size).reshape(pixels.shape[:2]) % 256
            pixels = np.concatenate([pixels, opacity[..., None]], axis=-1)
        image = Image.fromarray(pixels.astype(dtype))
        if palette is not None:
            image = Image.frombytes("P", image.size, image.tobytes())
            image.putpalette(np.asarray(palette, np.uint8).tobytes())
        elif mode:
            image = image.convert(mode)
        image.save(path, **options)

    return write


def _bits(path, pixels, palette):
    """Writes 0 and 1 in one bit."""
    Image.fromarray(pixels.astype(bool)).save(path)


def _array(dtype):
    """Arrays of NumPy."""

    def write(path, pixels, palette):
        np.save(path, pixels.astype(dtype))

    return write


JPEG = {"quality": 95}
STORAGES = {
    "png rgb": Storage("rgb", "png", _pillow()),
    "png rgba": Storage("rgb", "png", _png(8, "any")),
    "png rgb 16 bits": Storage("rgb", "png", _png(16, factor=257)),
    "png rgba 16 bits": Storage("rgb", "png", _png(16, "opaque", 257)),
    "bmp rgb": Storage("rgb", "bmp", _pillow()),
    "tiff rgb": Storage("rgb", "tif", _pillow()),
    "tiff rgba deflate": Storage("rgb", "tiff", _pillow(alpha=True, compression="tiff_adobe_deflate")),
    "tiff rgb lzw": Storage("rgb", "tif", _pillow(compression="tiff_lzw")),
    "webp rgb": Storage("rgb", "webp", _pillow(lossless=True)),
    "webp rgba": Storage("rgb", "webp", _pillow(alpha=True, lossless=True, exact=True)),
    "jpeg rgb": Storage("rgb", "jpg", _pillow(**JPEG), lossy=True),
    "webp lossy": Storage("rgb", "webp", _pillow(quality=95), lossy=True),
    "png gray 1 bit": Storage("gray", "png", _png(1), 1),
    "png gray 2 bits": Storage("gray", "png", _png(2), 3),
    "png gray 4 bits": Storage("gray", "png", _png(4), 15),
    "png gray": Storage("gray", "png", _pillow()),
    "png gray transparent": Storage("gray", "png", _pillow(transparency=0)),
    "png gray 16 bits": Storage("gray", "png", _pillow(np.uint16), 65535),
    "png gray alpha": Storage("gray", "png", _png(8, "any")),
    "png gray alpha 16 bits": Storage("gray", "png", _png(16, "opaque"), 65535),
    "bmp 1 bit": Storage("gray", "bmp", _bits, 1),
    "bmp gray": Storage("gray", "bmp", _pillow()),
    "tiff 1 bit": Storage("gray", "tif", _bits, 1),
    "tiff gray": Storage("gray", "tif", _pillow(compression="packbits")),
    "tiff gray 16 bits": Storage("gray", "tif", _pillow(np.uint16), 65535),
    "tiff gray 32 bits": Storage("gray", "tif", _pillow(np.int32), 65535),
    "gif gray": Storage("gray", "gif", _pillow(optimize=False)),
    "webp gray": Storage("gray", "webp", _pillow(lossless=True)),
    "jpeg gray": Storage("gray", "jpg", _pillow(**JPEG), lossy=True),
    "npy bool": Storage("gray", "npy", _array(bool), 1),
    "npy uint8": Storage("gray", "npy", _array(np.uint8)),
    "npy uint16": Storage("gray", "npy", _array(np.uint16), 65535),
    "npy int64": Storage("gray", "npy", _array(np.int64), 65535),
    "png palette 1 bit": Storage("palette", "png", _png(1), 1),
    "png palette 2 bits": Storage("palette", "png", _png(2), 3),
    "png palette 4 bits": Storage("palette", "png", _png(4), 15),
    "png palette": Storage("palette", "png", _png(8)),
    "png palette of pillow": Storage("palette", "png", _pillow()),
    "png palette transparent": Storage("palette", "png", _pillow(transparency=1)),
    "bmp palette": Storage("palette", "bmp", _pillow()),
    "tiff palette": Storage("palette", "tif", _pillow()),
    "gif transparent": Storage("palette", "gif", _pillow(optimize=False, transparency=0)),
    "gif optimized": Storage("palette", "gif", _pillow(optimize=True)),
    "gif palette": Storage("palette", "gif", _pillow(optimize=False)),
}


def write_file(folder: pathlib.Path, name: str, storage: str, pixels: np.ndarray, palette=None) -> pathlib.Path:
    """Writes a label file in one of the `STORAGES`, with the extension of it, and returns its path."""
    form = STORAGES[storage]
    path = folder / f"{name}.{form.extension}"
    form.write(path, pixels, palette)
    return path


def palette_colors(name: str, rows: list[tuple], entries: int, value: int = 1) -> list[tuple]:
    """Lists the colors of a palette.

    Args:
        name: one of `PALETTES`; "shuffled" and "short" as "of the classes".
        rows: class colors, RGB tuples.
        entries: int, number of colors; of 256 the last one is not that of a class.
        value: the white one of "black and white".

    Returns:
        list of RGB tuples.
    """
    if name == "black and white":
        return [WHITE if i == value else BLACK for i in range(entries)]
    if name == "gray ramp":
        return [(i,) * 3 for i in range(entries)]
    if name == "pascal voc":
        return [tuple(sum((i >> 3 * k + c & 1) << 7 - k for k in range(8)) for c in range(3)) for i in range(entries)]
    if name == "other colors":
        return [(i % 251 + 3, 255 - i, 77) for i in range(entries)]
    filler = [(7 + i % 3, 9, 200) for i in range(entries)]
    colors = [*rows, *filler][:entries]
    if entries == 256:
        colors[VOID] = VOID_COLOR
    return colors
