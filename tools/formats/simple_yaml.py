"""Subset of YAML that YOLO's data files use: keys with texts, lists or maps of texts."""

import pathlib
import re

from tools.formats.schema import read_lines
from utils.errors import UsageError
from utils.text import brief

KEY = re.compile(r"""(['"]?)([\w][\w .-]*)\1\s*:(?:\s+(.*))?$""")
COMMENT = re.compile(r"""^((?:[^'"#]|'[^']*'|"[^"]*"|(?<=\S)#|['"])*?)(?:(?:^|(?<=\s))#.*)?$""")
PART = re.compile(r"""\s*((?:'[^']*'|"[^"]*"|[^,'"])+)\s*""")


def read_yaml(path: pathlib.Path) -> dict[str, list[str]]:
    """Reads the top-level keys of a YAML file and the lines of their values, to be parsed by `parse_value`.

    Values of keys that are not asked for may be any YAML.

    Raises:
        UsageError: if it cannot be read, a line belongs to no key, or a key is there twice.
    """
    read_lines(path)  # its errors
    entries, key = {}, None
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        line = COMMENT.match(line)[1].rstrip()
        match = KEY.match(line)
        if not line or line in ("---", "..."):
            continue
        if match:
            key = match[2].strip()
            if key in entries:
                raise UsageError(f"{path}, line {number}: the key {brief(key)} is there twice")
            entries[key] = [match[3] or ""]
        elif key is None or not (line[0] in " \t-]}" or entries[key][0][:1] in ("[", "{")):
            raise UsageError(f"{path}, line {number}: '{brief(line)}' is not 'key: value'")
        else:
            entries[key].append(line)
    return entries


def parse_value(lines: list[str], place: str) -> str | list[str] | dict[str, str]:
    """Parses the value of a key.

    Args:
        lines: of the value; the first one is what follows the key.
        place: str, with which errors begin.

    Returns:
        A text, a list of texts, or a dict of texts. Quotes are removed.

    Raises:
        UsageError: if it is something else.
    """
    text = " ".join(line.strip() for line in lines).strip()
    if text[:1] in ("[", "{"):
        if text[-1] != {"[": "]", "{": "}"}[text[0]]:
            raise UsageError(f"{place}: '{brief(text)}' has no closing bracket")
        parts = [part.strip() for part in PART.findall(text[1:-1]) if part.strip()]
        return [unquote(part) for part in parts] if text[0] == "[" else parse_map(parts, place)
    if lines[0]:
        return unquote(text)
    parts = [line.strip() for line in lines[1:]]
    if parts and all(part.startswith("- ") for part in parts):
        return [unquote(part[2:]) for part in parts]
    return parse_map(parts, place) if parts else ""


def parse_map(parts, place):
    """Parses a list of texts `key: value` to a dict."""
    pairs = [re.match(r"""(['"]?)([^:'"]+)\1\s*:\s*(.*)$""", part) for part in parts]
    if not all(pairs):
        raise UsageError(f"{place}: '{brief(parts[pairs.index(None)])}' is not 'key: value'")
    return {pair[2].strip(): unquote(pair[3]) for pair in pairs}


def unquote(text):
    """Removes quotes and spaces around a text."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
