"""Class lists: official lists in class_lists/, class files of users, and default colors."""

import csv
import pathlib

import numpy as np

from utils.class_dict import IGNORED, UNKNOWN, ClassDict
from utils.class_file import check_class_name
from utils.errors import UsageError
from utils.files import write_rows
from utils.text import brief

TABLES = pathlib.Path(__file__).resolve().parent / "class_lists"
WHITE = (255, 255, 255)


def colormap(count: int, first: int = 0) -> list[tuple]:
    """Color map of Pascal VOC (Everingham et al. 2010): the bits of the index, spread over the channels.

    Args:
        count: int, number of colors.
        first: int, index of the first color; 0 is black.

    Returns:
        List of `count` different RGB tuples.
    """
    colors = []
    for index in range(first, first + count):
        color = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                color[channel] |= (index >> (3 * bit + channel) & 1) << (7 - bit)
        colors.append(tuple(color))
    return colors


def make_distinct(colors: list[tuple]) -> list[tuple]:
    """Changes repeated colors, and white, as little as possible.

    White cannot be a class color: in a single-channel label it would equal 255, which is ignored.

    Args:
        colors: list of RGB tuples.

    Returns:
        List of different RGB tuples.
    """
    result = []
    for red, green, blue in colors:
        step = 1 if blue < 128 else -1
        while (red, green, blue) in result or (red, green, blue) == WHITE:
            blue += step
        result.append((red, green, blue))
    return result


def make_classes(names, colors=None, first=0, unknown="error") -> ClassDict:
    """Creates a `ClassDict`.

    Args:
        names: list of str.
        colors: list of RGB tuples, or None for `colormap`.
        first: as in `colormap`.
        unknown: as in `ClassDict`.

    Raises:
        UsageError: for duplicate, empty or overlong names, or too few or too many classes.
    """
    if len(names) < 2:
        found = ", ".join(map(brief, names)) or "none"
        raise UsageError(f"--source: at least two classes are needed, not {len(names)} ({found})")
    if len(names) > UNKNOWN:
        raise UsageError(f"--source: {len(names)} classes; at most {UNKNOWN} are possible")
    for name in names:
        check_class_name(name, "--source")
        if names.count(name) > 1:
            raise UsageError(f"--source: two classes have the name {brief(name)}")
    return ClassDict(names, make_distinct(colors or colormap(len(names), first)), unknown=unknown)


def read_table(name: str) -> tuple[list[int], ClassDict]:
    """Reads an official class list.

    Args:
        name: of a file in `tools/formats/class_lists/`, without extension.

    Returns:
        `(ids, classes)`: the value of each class in label files of the source, and a `ClassDict`.
    """
    with open(TABLES / f"{name}.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    colors = [tuple(int(row[channel]) for channel in "rgb") for row in rows]
    return [int(row["id"]) for row in rows], make_classes([row["name"] for row in rows], colors)


def read_class_file(path):
    """Reads a class file of a user.

    Args:
        path: a CSV file with the header name,r,g,b, or a text file with a name per line.

    Returns:
        `(names, colors)`; colors is None for a text file.

    Raises:
        UsageError: if it cannot be read.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() == ".csv":
        classes = ClassDict.from_csv(path)
        return classes.class_names, [tuple(color) for color in classes.label_values.tolist()]
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = brief(str(error), 100)
        raise UsageError(f"--classes {path} cannot be read ({reason}); it must have a class name per line") from error
    return [line.strip() for line in lines if line.strip()], None


def index_table(ids: list[int]) -> np.ndarray:
    """Lookup table from label values to class indices: uint8 array `(65536,)`, 255 for values of no class."""
    table = np.full(1 << 16, IGNORED, np.uint8)
    table[ids] = np.arange(len(ids))
    return table


def write_class_dict(path, classes):
    """Writes a `ClassDict` as `class_dict.csv`."""
    rows = zip(classes.class_names, classes.label_values.tolist())
    write_rows(path, [dict(zip(("name", "r", "g", "b"), (name, *color))) for name, color in rows])
