"""Masks in class colors that a text file beside them names."""

import functools

from tools.formats.classes import make_classes
from tools.formats.schema import read_lines
from utils.class_dict import ClassDict
from utils.data.labels import read_label
from utils.errors import UnknownColorsError, UsageError
from utils.text import brief


def read_colors(path, pattern, example):
    """Reads class colors from lines of a text file; lines with `#` are comments.

    Args:
        path: of the file.
        pattern: regular expression with the groups name, r, g and b.
        example: str, a correct line, for errors.

    Returns:
        Dict from names to RGB tuples, in the order of the file.

    Raises:
        UsageError: if a line does not match, or a name or color repeats.
    """
    colors = {}
    for number, line in read_lines(path):
        if line.startswith("#"):
            continue
        match = pattern.fullmatch(line)
        color = tuple(int(match[channel]) for channel in "rgb") if match else (256,)
        if max(color) > 255 or match["name"].strip() in colors or color in colors.values():
            raise UsageError(f"{path}, line {number}: '{brief(line)}' is no new class and color such as '{example}'")
        colors[match["name"].strip()] = color
    if len(colors) < 2:
        raise UsageError(f"{path}: at least two classes are needed, in lines such as '{example}'")
    return colors


def color_classes(colors, path, unknown, ignored=None):
    """Creates the classes of a dataset and the decoder of its masks.

    Args:
        colors: dict from names to RGB tuples.
        path: of the file that names them, for errors.
        unknown: "error" or "ignore", for other colors.
        ignored: RGB tuple of pixels that are ignored, or None.

    Returns:
        `(classes, decode)`: `ClassDict`, whose colors differ from the masks' where they are white, and a function from
        the path of a mask to its label.
    """
    classes = make_classes(list(colors), list(colors.values()))
    others = {"ignored": (len(colors), ignored)} if ignored and ignored not in colors.values() else None
    exact = ClassDict(list(colors), list(colors.values()), others, unknown, "colors")
    return classes, functools.partial(_read_exact, classes=exact, color_file=path)


def _read_exact(path, classes, color_file):
    """Reads a mask in the colors of the classes."""
    try:
        return read_label(path, classes)
    except UnknownColorsError as error:
        color, count = next(iter(error.pixels.items()))
        advice = f"add it to {color_file.name}, or ignore such pixels with --unknown_colours ignore"
        raise UsageError(f"{path} has the color {color} ({count} px) of no class; {advice}") from error
