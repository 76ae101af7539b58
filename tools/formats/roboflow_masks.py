"""Semantic segmentation masks of Roboflow: gray PNGs beside the images, and a class file for each split."""

import functools

import numpy as np

from tools.datasets.splits import split_of
from tools.formats.base import SourceReader
from tools.formats.classes import make_classes
from tools.formats.masks import read_stored
from tools.formats.schema import read_lines
from utils.class_dict import IGNORED
from utils.data.images import is_image
from utils.errors import UsageError
from utils.text import brief

LAYOUT = "{train,valid,test}/*.jpg, *_mask.png of the same names, and _classes.csv"
SUFFIX = "_mask"


def read(folder, options):
    """Reads the folders that have a class file."""
    reader, tables = SourceReader(folder, LAYOUT, options), {}
    files = sorted(folder.glob("*/_classes.csv")) or sorted(folder.glob("_classes.csv"))
    for file in files:
        for value, name in read_classes(file).items():
            if tables.setdefault(value, name) != name:
                names = f"{brief(name)}, but {brief(tables[value])} in another split"
                raise UsageError(f"{file}: {value} is {names}; export all again")
    if not files:
        return reader.finish(None)
    values = sorted(tables)
    classes = make_classes([tables[value] for value in values])
    decode = functools.partial(read_mask, values=values, unknown=options.unknown)
    for file in files:
        split = split_of(file.parent.name) if file.parent != folder else None
        images = {path.stem: path for path in sorted(file.parent.iterdir()) if is_image(path)}
        masks = {name.removesuffix(SUFFIX): path for name, path in images.items() if name.endswith(SUFFIX)}
        images = {name: path for name, path in images.items() if not name.endswith(SUFFIX)}
        reader.absent += [path.name for name, path in masks.items() if name not in images]
        reader.images.found.update(masks.values())
        for name, image in images.items():
            if name in masks:
                reader.images.found.add(image)
                reader.add(split, name, image, decode, masks[name])
    return reader.finish(classes)


def read_classes(file):
    """Reads a class file with the header `Pixel Value, Class`.

    Returns:
        Dict from pixel values to names.

    Raises:
        UsageError: if a line is no value from 0 to 254 and a name.
    """
    classes = {}
    for number, line in read_lines(file):
        value, _, name = (part.strip().strip('"') for part in line.partition(","))
        if number == 1 and not value.isdigit():
            continue  # the header
        if not (value.isascii() and value.isdigit() and int(value) < IGNORED and name and int(value) not in classes):
            raise UsageError(f"{file}, line {number}: '{brief(line)}' is no new pixel value, comma and class name")
        classes[int(value)] = name
    if len(set(classes.values())) < max(len(classes), 2):
        raise UsageError(f"{file}: at least two different classes are needed after the line 'Pixel Value, Class'")
    return classes


def read_mask(path, values, unknown):
    """Reads a mask.

    Args:
        path: of a PNG.
        values: list of int, the pixel value of each class.
        unknown: "ignore" to ignore other values as 255 is; else they are an error.

    Returns:
        uint8 array `(H, W)`.

    Raises:
        UsageError: if it has colors or values of no class.
    """
    pixels, _ = read_stored(path)
    if pixels.ndim != 2:
        raise UsageError(f"{path} has colors; expected one channel with the values of _classes.csv")
    others = np.setdiff1d(pixels, [*values, IGNORED])
    if len(others) and unknown != "ignore":
        raise UsageError(f"{path} has the value {others[0]}, which _classes.csv does not name; "
                         "ignore such pixels with --unknown_colours ignore")  # fmt: skip
    label = np.full(pixels.shape, IGNORED, np.uint8)
    for index, value in enumerate(values):
        label[pixels == value] = index
    return label
