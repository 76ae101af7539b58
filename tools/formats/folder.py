"""A plain folder of images and a folder of masks, of class numbers or colors; the classes are given or found."""

import functools

import numpy as np

from tools.formats.base import SourceReader
from tools.formats.classes import colormap, index_table, make_classes, read_class_file
from tools.formats.masks import read_ids, read_stored
from utils.class_dict import IGNORED, UNKNOWN, ClassDict
from utils.data.folder import pair_folders
from utils.data.labels import read_label
from utils.errors import UsageError

LAYOUT = "images/ and masks/ (or labels/ or annotations/), or in each of them train/, val/ and perhaps test/"
SPLITS = {"train": "train", "training": "train", "val": "val", "validation": "val", "test": "test", "testing": "test"}


def read(folder, options):
    """Reads pairs of equal names, as in a dataset: the mask's name may end in `_mask`, `_gt`, `_label` or `_L`."""
    listing = SourceReader(folder, LAYOUT)
    images, masks = listing.find("images"), listing.find("masks", "labels", "annotations")
    parts = [part for part in SPLITS if (images / part).is_dir()]
    pairs = []
    for part in parts or [None]:
        where = (images / part, masks / part) if part else (images, masks)
        listing.problems += [f"there is no folder {one}" for one in where if not one.is_dir()]
        if all(one.is_dir() for one in where):
            pairs += [(SPLITS.get(part), pair) for pair in pair_folders(*where, listing.problems)]
    if not pairs:
        return listing.finish(None)
    paths = [pair.label for _, pair in pairs]
    classes, decode, notes = given(options) if options.classes else discover(paths)
    for split, pair in pairs:
        listing.add(split, pair.name, pair.image, decode, pair.label)
    return listing.finish(classes, notes)


def given(options):
    """Classes from a file: with colors, masks are read as a dataset's labels; names alone need class numbers."""
    names, colors = read_class_file(options.classes)
    classes = make_classes(names, colors, unknown=options.unknown)
    if colors is None:
        return classes, functools.partial(read_numbers, classes=classes), ""
    as_given = ClassDict(
        names, colors, unknown=options.unknown
    )  # the user's colors are those of the masks, white included
    return classes, lambda path: read_label(path, as_given), ""


def read_numbers(path, classes):
    """Reads a mask of class numbers, 255 = ignored."""
    pixels, _ = read_stored(path)
    if pixels.ndim != 2:
        raise UsageError(f"{path} has colors; --classes must be a CSV file with the header name,r,g,b")
    return classes.encode_indices(pixels.astype(np.uint16), path)


def discover(paths):
    """Classes from what occurs in the masks, which must all be of one kind.

    Values of one channel become classes in their order, with 255 ignored unless 0 and 255 are all that occurs, and
    with the colors of the palette if there is one. Colors become classes in the order of their channels.

    Args:
        paths: of all masks.

    Returns:
        `(classes, decode, notes)`: `ClassDict`, a function from a path to its label, and what was found, str.

    Raises:
        UsageError: if there are too many values, or masks of both kinds.
    """
    found, palette, first = set(), None, None
    for path in paths:
        pixels, colors = read_stored(path)
        if first is None:
            first, palette = pixels.ndim, colors
        if pixels.ndim != first:
            raise UsageError(f"{path} has {'colors' if first == 2 else 'one channel'}, {paths[0]} has not")
        values = pixels if first == 2 else pixels @ np.array([1 << 16, 1 << 8, 1])
        found.update(np.unique(values).tolist())
        if len(found) > UNKNOWN + 1:
            raise UsageError(f"more than {UNKNOWN} values in the masks up to {path}; are they photos, or JPEG files?")
    values = sorted(found)
    if first == 3:
        colors = [(value >> 16, value >> 8 & 255, value & 255) for value in values]
        classes = make_classes([f"color_{red}_{green}_{blue}" for red, green, blue in colors], colors)
        exact = ClassDict(classes.class_names, colors)
        return classes, lambda path: exact.encode(read_stored(path)[0], name=path), f"found {len(values)} colors"
    if values != [0, IGNORED]:
        values = [value for value in values if value != IGNORED]
    in_palette = palette is not None and values and values[-1] < len(palette)
    colors = [tuple(palette[value].tolist()) for value in values] if in_palette else colormap(len(values))
    classes = make_classes([f"class_{value}" for value in values], colors)
    note = f"found {len(values)} values: {', '.join(map(str, values[:12]))}{', ...' if len(values) > 12 else ''}"
    return classes, functools.partial(read_ids, table=index_table(values)), f"{note}; rename them in class_dict.csv"
