"""Folders of images and of masks with class numbers or colors; classes from a class file or from the masks."""

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
    """Reads pairs of equal names, as in a dataset. Mask names may end in `_mask`, `_gt`, `_label` or `_L`."""
    reader = SourceReader(folder, LAYOUT)
    images, masks = reader.find("images"), reader.find("masks", "labels", "annotations")
    parts = [part for part in SPLITS if (images / part).is_dir()]
    pairs = []
    for part in parts or [None]:
        where = (images / part, masks / part) if part else (images, masks)
        reader.problems += [f"there is no folder {path}" for path in where if not path.is_dir()]
        if all(path.is_dir() for path in where):
            pairs += [(SPLITS.get(part), pair) for pair in pair_folders(*where, reader.problems)]
    if not pairs:
        return reader.finish(None)
    paths = [pair.label for _, pair in pairs]
    classes, decode, notes = classes_from_file(options) if options.classes else classes_from_masks(paths)
    for split, pair in pairs:
        reader.add(split, pair.name, pair.image, decode, pair.label)
    return reader.finish(classes, notes)


def classes_from_file(options):
    """Reads the classes of a class file: with colors, masks are decoded as labels of a dataset; else as class numbers.

    Returns:
        As `classes_from_masks`.
    """
    names, colors = read_class_file(options.classes)
    classes = make_classes(names, colors, unknown=options.unknown)
    if colors is None:
        return classes, functools.partial(read_numbers, classes=classes), ""
    exact = ClassDict(names, colors, unknown=options.unknown)  # the colors of the masks, which may include white
    return classes, lambda path: read_label(path, exact), ""


def read_numbers(path, classes):
    """Reads a mask of class numbers; 255 = ignored."""
    pixels, _ = read_stored(path)
    if pixels.ndim != 2:
        raise UsageError(f"{path} has colors; --classes must be a CSV file with the header name,r,g,b")
    return classes.encode_indices(pixels.astype(np.uint16), path)


def classes_from_masks(paths):
    """Determines the classes from the values or colors of the masks, which must all be of one kind.

    Values of a single channel become classes in ascending order, with the colors of the palette, if there is one. 255
    is ignored unless 0 and 255 are the only values. Colors become classes in the order of their channels.

    Args:
        paths: of all masks.

    Returns:
        `(classes, decode, notes)`: `ClassDict`, a function from a path to its label, and a note, str.

    Raises:
        UsageError: if there are too many values, or masks of both kinds.
    """
    values, palette, ndim = set(), None, None
    for path in paths:
        pixels, colors = read_stored(path)
        if ndim is None:
            ndim, palette = pixels.ndim, colors
        if pixels.ndim != ndim:
            raise UsageError(f"{path} has {'colors' if ndim == 2 else 'one channel'}, {paths[0]} has not")
        packed = pixels if ndim == 2 else pixels @ np.array([1 << 16, 1 << 8, 1])
        values.update(np.unique(packed).tolist())
        if len(values) > UNKNOWN + 1:
            raise UsageError(f"more than {UNKNOWN} values in the masks up to {path}; are they photos, or JPEG files?")
    values = sorted(values)
    if ndim == 3:
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
