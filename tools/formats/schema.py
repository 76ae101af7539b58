"""Checked fields of annotations: JSON objects, XML attributes and points, whose defects are one-line errors."""

import math
import pathlib
import xml.etree.ElementTree as ElementTree
import xml.parsers.expat
from collections.abc import Mapping

import numpy as np

from utils.errors import UsageError
from utils.files import parse_json
from utils.text import brief

REQUIRED = object()
FARTHEST = 1e6  # pixels; no image is larger, and sums of such coordinates stay exact
LARGEST = 1 << 53  # of whole numbers: JSON readers agree on those below
DEEPEST = 100  # levels of XML elements
REMEDY = "correct it, or export the annotations again"


class Fields:
    """A JSON object, or the attributes of an XML element, that checks the type of each value which is asked for.

    None and empty texts, which some tools write for what they do not know, count as missing.

    Args:
        values: the object. Anything but a mapping is an error.
        place: str, the file and the position in it, with which errors begin, such as "a.json, shape 2".

    Raises:
        UsageError: from the constructor and all methods, naming the place, the value and the remedy.
    """

    def __init__(self, values, place):
        if not isinstance(values, Mapping):
            raise UsageError(f"{place} is {brief(values)}, no object with named fields; {REMEDY}")
        self.values, self.place = values, place

    def text(self, key: str, default=REQUIRED) -> str:
        """Returns a string; an empty one counts as missing."""
        return self._get(key, default, lambda value: value if isinstance(value, str) and value else None, "text")

    def number(self, key: str, default=REQUIRED) -> float:
        """Returns a finite number."""
        return self._get(key, default, _number, "number")

    def integer(self, key: str, default=REQUIRED) -> int:
        """Returns a whole number."""
        return self._get(key, default, _integer, "whole number")

    def id(self, key: str) -> str:
        """Returns a whole number or a string as a string."""
        return self._get(key, REQUIRED, _id, "id")

    def color(self, key: str, default=REQUIRED) -> tuple:
        """Returns an RGB tuple, from a list of three numbers from 0 to 255."""
        return self._get(key, default, _color, "list of three numbers from 0 to 255")

    def items(self, key: str, default=REQUIRED) -> list:
        """Returns a list."""
        return self._get(key, default, lambda value: value if isinstance(value, list) else None, "list")

    def objects(self, key: str, name: str) -> list["Fields"]:
        """Returns the `Fields` of a list of objects, which errors call `name` and their position, counted from 1."""
        return [Fields(value, f"{self.place}, {name} {number}") for number, value in enumerate(self.items(key), 1)]

    def objects_by_id(self, key: str, name: str) -> dict[str, "Fields"]:
        """Returns the same `Fields` by their `id`, which must differ."""
        rows = {}
        for row in self.objects(key, name):
            if rows.setdefault(row.id("id"), row) is not row:
                raise UsageError(f"{row.place}: the id {brief(row.id('id'))} is that of an earlier {name}; {REMEDY}")
        return rows

    def points(self, key: str, least: int = 3) -> np.ndarray:
        """Returns a list of pairs as `check_points` does."""
        return check_points(self.items(key), f"{self.place}, {key}", least)

    def _get(self, key, default, convert, kind):
        """Returns the converted value of a key; `convert` returns None for a value of another kind."""
        value = self.values.get(key)
        if value in (None, "") and default is not REQUIRED:
            return default
        if value in (None, ""):
            raise UsageError(f"{self.place}: {key} is missing; {REMEDY}")
        converted = convert(value)
        if converted is None:
            raise UsageError(f"{self.place}: {key} is {brief(value)}, no {kind}; {REMEDY}")
        return converted


def check_points(values, place: str, least: int = 3) -> np.ndarray:
    """Converts pairs to points.

    Args:
        values: list of N pairs of numbers or of their texts.
        place: str, with which errors begin.
        least: int, the smallest N.

    Returns:
        float array `(N, 2)` of x and y, finite.

    Raises:
        UsageError: if they are no such pairs.
    """
    try:
        points = np.array(values, float)
    except (TypeError, ValueError, OverflowError):
        points = None
    if points is not None and points.size == 0:
        points = points.reshape(0, 2)
    if points is None or points.ndim != 2 or points.shape[1] != 2:
        raise UsageError(f"{place}: {brief(values)} is no list of x, y pairs; {REMEDY}")
    if len(points) < least:
        raise UsageError(f"{place}: number of points is {len(points)}; at least {least} are needed; {REMEDY}")
    wrong = points[~(np.abs(points) < FARTHEST)]
    if wrong.size:
        raise UsageError(f"{place}: a coordinate is {wrong[0]:g}; {REMEDY}")
    return points


def read_json(path: pathlib.Path):
    """Reads a JSON file.

    Raises:
        UsageError: if it cannot be read, or an object has a key twice.
    """
    try:
        return parse_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {reason(error)}; {remedy(error)}") from error


def read_xml(path: pathlib.Path) -> ElementTree.Element:
    """Reads an XML file and returns its root.

    Raises:
        UsageError: if it cannot be read, is nested too deeply, or has a document type, whose entities can expand to
            gigabytes and name other files.
    """
    builder, parser, depth = ElementTree.TreeBuilder(), xml.parsers.expat.ParserCreate(), 0

    def start(tag, attributes):
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise ValueError(f"elements are nested more than {DEEPEST} deep")
        builder.start(tag, attributes)

    def end(tag):
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_):
        raise ValueError("it has a document type (<!DOCTYPE>), which annotations do not need")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = builder.data, refuse
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
        return builder.close()
    except (OSError, ValueError, LookupError, xml.parsers.expat.ExpatError) as error:
        raise UsageError(f"cannot read {path}: {reason(error)}; {remedy(error)}") from error


def read_lines(path: pathlib.Path) -> list[tuple[int, str]]:
    """Reads the lines of a text file that are not blank.

    Returns:
        List of `(number, line)`: numbers from 1, lines without surrounding spaces.

    Raises:
        UsageError: if it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {reason(error)}; it must be a text file in UTF-8") from error
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]


def reason(error: Exception) -> str:
    """Returns the message of an error without the path that the operating system adds."""
    return getattr(error, "strerror", None) or brief(str(error), 100)


def remedy(error: Exception) -> str:
    """Returns the remedy for an error of reading: a file may be cut, or complete and wrong."""
    return REMEDY if type(error) is ValueError else "is the file complete?"


def _number(value):
    """A finite float, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        value = float(value)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _integer(value):
    """A whole number, or None."""
    value = _number(value)
    return int(value) if value is not None and abs(value) < LARGEST and value == int(value) else None


def _color(value):
    """A tuple of three numbers from 0 to 255, or None."""
    numbers = [_integer(channel) for channel in value] if isinstance(value, list) else []
    return tuple(numbers) if len(numbers) == 3 and set(numbers) <= set(range(256)) else None


def _id(value):
    """A string, or None."""
    whole = _integer(value) if not isinstance(value, str) else None
    return value or None if isinstance(value, str) else None if whole is None else str(whole)
