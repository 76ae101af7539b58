"""Independent reading of label files, by Pillow and NumPy alone, from docs/datasets.md and the file formats.

It shares no code with `utils.data`: an error there is no error here.
"""

import pathlib
import zlib
from typing import NamedTuple

import numpy as np
from PIL import Image

VOID = 255  # of the documented formats
NONE = -1  # no color, no class
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
OBJECTS = 1, 255, 65535  # values of a mask's object
BITS_PER_SAMPLE = 258  # TIFF tag
PNG_DEPTH, PNG_TYPE = 24, 25  # bytes of a PNG file: the bits of a channel, and the channels
PNG_GRAY_ALPHA = 4


class Stored(NamedTuple):
    """Pixels of a label file.

    Attributes:
        kind: "rgb", "gray" or "palette". A palette of all grays in order is "gray", and in GIF files of grays in any
            order, as their writers number colors as they like.
        samples: int64 array `(H, W)` of the stored numbers, or None if channels differ.
        colors: int64 array `(H, W, 3)` of the colors that a viewer shows; -1 where there is none.
        bits: int, of a channel.
    """

    kind: str
    samples: np.ndarray | None
    colors: np.ndarray
    bits: int = 8


def read_file(path: pathlib.Path) -> Stored:
    """Reads a label file."""
    if path.suffix == ".npy":
        array = np.load(path)
        return _gray(array.astype(np.int64), 1 if array.dtype == bool else 8)
    if path.suffix == ".png" and tuple(path.read_bytes()[PNG_DEPTH : PNG_TYPE + 1]) == (16, PNG_GRAY_ALPHA):
        return _gray(_wide_gray_alpha(path.read_bytes())[..., 0])
    with Image.open(path) as image:
        if image.mode == "P":
            return _palette(image)
        pixels, bits = np.asarray(image).astype(np.int64), _bits(image, path)
    if pixels.ndim == 2:
        return _gray(pixels, bits)
    if pixels.shape[2] == 2:
        return _gray(pixels[..., 0])
    colors = pixels[..., :3]
    is_gray = (colors == colors[..., :1]).all()
    return Stored("rgb", colors[..., 0] if is_gray else None, colors)


def possible_readings(stored: list[Stored], rows: dict[str, tuple]) -> dict[str, list[list[np.ndarray]]]:
    """Lists the different readings of a dataset's labels that explain all pixels, for each kind of file.

    Args:
        stored: list of `Stored`, all label files.
        rows: from the names of class_dict.csv to RGB tuples, ignored classes included.

    Returns:
        dict from kinds to lists of different readings; a reading is a list of int64 arrays `(H, W)` of rows, 255 =
        ignored, one for each file of the kind.
    """
    readings = {}
    for kind in dict.fromkeys(one.kind for one in stored):
        files = [one for one in stored if one.kind == kind]
        found = _explained(files, rows)
        different = []
        for reading in found.values():
            if not any(all(map(np.array_equal, reading, other)) for other in different):
                different.append(reading)
        readings[kind] = different
    return readings


def nearest(colors: np.ndarray, rows: list[tuple], last: tuple[int, ...] = ()) -> np.ndarray:
    """Finds the rows of the nearest colors, int64 `(H, W)`, of colors `(H, W, 3)`; among equals not those of `last`."""
    order = np.array(sorted(range(len(rows)), key=last.__contains__))
    distances = ((colors[..., None, :] - np.array(rows)[order]) ** 2).sum(axis=-1)
    return order[distances.argmin(axis=-1)]


def _bits(image, path):
    """Returns the bits of a channel: files of fewer than 8 are shown in grays up to 255."""
    if image.mode == "1":
        return 1
    if image.format == "PNG":
        return path.read_bytes()[PNG_DEPTH]
    if image.format == "TIFF":
        return image.tag_v2.get(BITS_PER_SAMPLE, (1,))[0]
    return 8


def _gray(values, bits=8):
    """Pixels of one channel. Pillow gives the grays for fewer than 8 bits, but 0 and 1 for one bit."""
    if bits == 1:
        samples, grays = values, values * 255
    elif bits < 8:
        samples, grays = values // (255 // (2**bits - 1)), values
    else:
        samples, grays = values, values
        if values.max() > 255 and (values % 257 == 0).all():
            grays = values // 257
    grays = np.where((grays >= 0) & (grays <= 255), grays, NONE)
    return Stored("gray", samples, np.repeat(grays[..., None], 3, axis=-1), bits)


def _wide_gray_alpha(data):
    """Decodes an unfiltered PNG of 16-bit gray and alpha, int64 `(H, W, 2)`: Pillow drops the lower bytes."""
    width, height = np.frombuffer(data[16:24], ">u4").tolist()
    rows = np.frombuffer(zlib.decompress(data[data.index(b"IDAT") + 4 :]), np.uint8).reshape(height, -1)
    assert not rows[:, 0].any(), "filtered rows"
    return np.ascontiguousarray(rows[:, 1:]).view(">u2").reshape(height, width, 2).astype(np.int64)


def _palette(image):
    """Pixels of a palette. Indices beyond it have no color."""
    mode, entries = image.palette.getdata()
    length = len(entries) // {"RGB": 3, "RGB;L": 3, "BGR": 3}.get(mode, 4)
    samples = np.asarray(image).astype(np.int64)
    colors = np.full((256, 3), NONE)
    colors[:length] = np.array(image.getpalette("RGB")).reshape(-1, 3)[:length]
    if (colors[:length] == np.arange(length)[:, None]).all():
        return _gray(samples)
    if image.format == "GIF" and (colors == colors[:, :1]).all():
        return _gray(colors[samples][..., 0])
    return Stored("palette", samples, colors[samples])


def _explained(files, rows):
    """Maps "colors", "indices" and "binary" to the reading of each, where it explains all pixels."""
    found = {
        "colors": [_by_color(one, rows) for one in files],
        "indices": [_by_index(one, rows) for one in files],
        "binary": _as_masks(files, rows),
    }
    is_palette = files[0].kind == "palette"
    if is_palette and not _shows_classes(files, rows) and not any(map(_fails, found["indices"])):
        # Indices, unless some show the color of another row.
        pairs = zip(found["colors"], found["indices"])
        found["colors"] = [np.where(color == NONE, index, color) for color, index in pairs]
    explained = {name: reading for name, reading in found.items() if reading and not any(map(_fails, reading))}
    if is_palette and _shows_classes(files, rows):
        explained.pop("indices", None)
    elif not is_palette and "colors" in explained and _colors_are_certain(files, rows):
        return {"colors": explained["colors"]}
    return explained


def _colors_are_certain(files, rows):
    """Returns whether class colors are not taken for indices: of RGB files, of 1 bit, and with white."""
    if files[0].kind == "rgb":
        return True
    one_bit = len(rows) == 2 and any(one.bits == 1 and one.samples.any() for one in files)
    return one_bit or any((one.samples == VOID).any() for one in files)


def _shows_classes(files, rows):
    """Returns whether most of the colors that occur in palette files are class colors."""
    used = np.unique(np.concatenate([_colors_but_void(one, rows) for one in files]), axis=0)
    return sum(tuple(color) in rows.values() for color in used.tolist()) * 2 > len(used)


def _colors_but_void(one, rows):
    """Returns the colors of a palette file, `(N, 3)`, without that of index 255 where it is of no class."""
    is_class = (one.colors[..., None, :] == np.array(list(rows.values()))).all(axis=-1).any(axis=-1)
    return one.colors[(one.samples != VOID) | is_class]


def _by_color(one, rows):
    """Reads class colors; index 255 of a palette is ignored unless its color is that of a class."""
    result = np.full(one.colors.shape[:2], NONE)
    if one.kind == "palette":
        result[one.samples == VOID] = VOID
    for row, color in enumerate(rows.values()):
        result[(one.colors == color).all(axis=-1)] = row
    return result


def _by_index(one, rows):
    """Reads rows of class_dict.csv; None for different channels."""
    if one.samples is None:
        return None
    is_known = (one.samples >= 0) & (one.samples < len(rows)) | (one.samples == VOID)
    return np.where(is_known, one.samples, NONE)


def _as_masks(files, rows):
    """Reads 0 or black as the background and one other value as the object; None if this cannot be."""
    if len(rows) != 2 or any(one.samples is None for one in files):
        return None
    colors, names = list(rows.values()), [name.lower() for name in rows]
    named = names.index("background") if "background" in names else int(colors[0] == WHITE)
    background = colors.index(BLACK) if BLACK in colors else named
    result, values = [], set()
    for one in files:
        is_black, is_object = (one.colors == BLACK).all(axis=-1), (one.colors == WHITE).all(axis=-1)
        if one.kind != "palette":
            is_object |= np.isin(one.samples, OBJECTS)
            values |= {(sample, color) for sample, color in zip(one.samples.flat, one.colors[..., 0].flat) if sample}
        result.append(np.where(is_black, background, np.where(is_object, 1 - background, NONE)))
    return result if min(len({pair[i] for pair in values}) for i in (0, 1)) < 2 else None


def _fails(reading):
    """Returns whether a file is not read, or a pixel not explained."""
    return reading is None or (reading == NONE).any()
