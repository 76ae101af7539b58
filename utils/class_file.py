"""Class files: reading of class_dict.csv, the names and colors of a dataset's classes."""

import csv
import io
import pathlib
import unicodedata

from utils.errors import UsageError
from utils.text import brief

COLUMNS = ("name", "r", "g", "b")
LONGEST_NAME = 200  # characters
MAX_CLASSES = 254  # a label is a byte, 255 is ignored and 254 marks unknown colors


def read_class_rows(path: str | pathlib.Path) -> tuple[list[str], list[tuple]]:
    """Reads the suite's `class_dict.csv`: a header with name, r, g and b, then one line per class.

    Commas, semicolons or tabs separate the columns. Spaces, a byte order mark, any line ending, blank lines and
    numbers such as `64.0` are accepted.

    Returns:
        `(names, colors)`: list of str, list of RGB tuples.

    Raises:
        UsageError: naming the file, the line and the remedy.
    """
    path = pathlib.Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = next((line for line in text.splitlines() if line.strip(" ,;\t")), "")
        delimiter = max(",;\t", key=first.count)
        rows = csv.reader(io.StringIO(text), skipinitialspace=True, delimiter=delimiter)
        lines = [(rows.line_num, [cell.strip() for cell in row]) for row in rows if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = brief(str(error), 100)
        raise UsageError(f"cannot read {path} ({reason}); it must be a text file of lines name,r,g,b") from error
    if not lines:
        raise UsageError(f"{path} is empty; its first line must be name,r,g,b")
    header = [cell.lower() for cell in lines[0][1]]
    for column in COLUMNS:
        if header.count(column) > 1:
            raise UsageError(f"{path}, line {lines[0][0]}: the header has the column '{column}' twice")
        if column not in header:
            raise UsageError(
                f"{path}, line {lines[0][0]}: no column '{column}' in the header "
                f"'{brief(delimiter.join(lines[0][1]))}'; it must be name,r,g,b"
            )
    columns = [header.index(column) for column in COLUMNS]
    names, colors = {}, {}
    for number, cells in lines[1:]:
        where = f"{path}, line {number}"
        if len(cells) <= max(columns):
            raise UsageError(f"{where}: {len(cells)} columns where the header has {len(header)}")
        name, *color = (cells[column] for column in columns)
        color = tuple(_channel(cell, where) for cell in color)
        check_class_name(name, where)
        if name in names:
            raise UsageError(f"{where}: class '{name}' was already named in line {names[name]}")
        if color in colors:
            raise UsageError(f"{where}: color {color} already belongs to the class of line {colors[color]}")
        names[name], colors[color] = number, number
    if len(names) == 1:
        raise UsageError(
            f"{path} has one class, '{brief(next(iter(names)))}'; add a row for what is not it, such as "
            "background,0,0,0"
        )
    if not 2 <= len(names) <= MAX_CLASSES:
        raise UsageError(f"{path}: number of classes is {len(names)}; it must be from 2 to {MAX_CLASSES}")
    return list(names), list(colors)


def check_class_name(name: str, where: object) -> None:
    """Refuses names that are empty, too long for tables and plots, or that have control characters.

    Raises:
        UsageError: beginning with `where`.
    """
    if not name.strip():
        raise UsageError(f"{where}: the class has no name")
    if len(name) > LONGEST_NAME:
        raise UsageError(
            f"{where}: the class name '{brief(name)}' has {len(name)} characters, at most {LONGEST_NAME} can be"
        )
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise UsageError(f"{where}: the class name '{brief(name)}' has control characters")


def _channel(cell, where):
    """Parses the value of one color channel."""
    try:
        value = float(cell)
    except ValueError:
        raise UsageError(f"{where}: '{cell and brief(cell)}' is not a number") from None
    if not (0 <= value <= 255 and value == int(value)):
        raise UsageError(f"{where}: {brief(cell)} is not a whole number from 0 to 255")
    return int(value)
