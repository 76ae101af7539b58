"""Mutators of files for fuzzing: bytes, values of JSON documents, numbers and words of texts."""

import copy
import json
import pathlib
import random
import re

HUGE = (
    "1e308",
    "-1e308",
    "1e999",
    "NaN",
    "-Infinity",
    "99999999999999999999",
    "-1",
    "0",
    "2147483648",
    "60000",
    "1e30",
)
ODD_TEXTS = (
    "",
    " ",
    "../../../escape",
    "/etc/passwd",
    "C:\\Windows\\win.ini",
    "a\0b",
    "a\nb",
    "\ud800",
    "\u202e",
    "é" * 300,
    "x" * 100_000,
    "<!--",
    '"',
    "{}",
    "%s%n",
)
ODD_VALUES = (
    None,
    True,
    False,
    0,
    -1,
    0.5,
    10**400,
    1e308,
    float("nan"),
    float("inf"),
    60_000,
    10**9,
    [],
    {},
    [[]],
    [None],
    {"": None},
    [[[[0]]]],
    *ODD_TEXTS,
)
DEPTH = 100_000  # of nesting, far above Python's limit of recursion
NUMBER = re.compile(r"-?\d+(\.\d+)?")
WORD = re.compile(r"[^\s,;:\"'<>=/{}\[\]]+")


def mutate_bytes(path: pathlib.Path, rng: random.Random) -> None:
    """Changes the bytes of a file: flips bits, truncates, repeats, deletes or inserts a part, or empties the file."""
    data = bytearray(path.read_bytes())
    kind = rng.choice(("flip", "flip", "truncate", "repeat", "delete", "insert", "zeros", "empty"))
    start = rng.randrange(len(data) + 1)
    end = min(len(data), start + rng.choice((1, 2, 4, 16, 256)))
    if kind == "flip" and data:
        for _ in range(rng.choice((1, 1, 2, 8, 64))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == "truncate":
        del data[start:]
    elif kind == "repeat":
        data[start:start] = data[start:end] * rng.choice((1, 2, 100))
    elif kind == "delete":
        del data[start:end]
    elif kind == "insert":
        data[start:start] = rng.randbytes(rng.choice((1, 4, 64)))
    elif kind == "zeros":
        data[start:end] = bytes(end - start)
    else:
        data.clear()
    path.write_bytes(bytes(data))


def mutate_json(path: pathlib.Path, rng: random.Random) -> None:
    """Changes a JSON document: replaces, deletes or repeats values, or nests one deeply. One to three changes."""
    document = json.loads(path.read_text(encoding="utf-8"))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(walk(document))
        if not places:
            document = odd_value(rng)
            continue
        holder, key = rng.choice(places)
        change = rng.choice(("replace", "replace", "replace", "delete", "repeat", "swap", "add"))
        if change == "replace":
            holder[key] = odd_value(rng)
        elif change == "delete":
            del holder[key]
        elif change == "repeat" and isinstance(holder, list):
            is_small = not isinstance(holder[key], dict)  # a number, a point, the points of a polygon
            times = rng.choice((1, 2, 200, 20_000 if is_small else 200))
            holder[key:key] = [copy.deepcopy(holder[key]) for _ in range(times)]
        elif change == "swap":
            other, at = rng.choice(places)
            holder[key], other[at] = copy.deepcopy(other[at]), copy.deepcopy(holder[key])
        elif isinstance(holder, dict):
            holder[rng.choice(ODD_TEXTS)] = odd_value(rng)
    text = json.dumps(document, ensure_ascii=rng.random() < 0.5)
    text = rng.choice((text, text, text, text, text, text, nest_json(text, rng), repeat_key(text, rng)))
    path.write_bytes(text.encode("utf-8", "surrogatepass"))


def odd_value(rng):
    """Returns a copy of one of `ODD_VALUES`, as later changes may be inside it."""
    return copy.deepcopy(rng.choice(ODD_VALUES))


def walk(document):
    """Yields `(holder, key)` of every value inside a JSON document."""
    stack = [document]
    while stack:
        holder = stack.pop()
        pairs = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
        for key, value in list(pairs):
            yield holder, key
            stack.append(value)


def nest_json(text, rng):
    """Replaces a value of a JSON text by deeply nested lists or objects."""
    opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
    nested = opening * DEPTH + "0" + closing * rng.choice((DEPTH, 0))
    return replace_one(NUMBER, text, rng, nested)


def repeat_key(text, rng):
    """Repeats a key of a JSON text with another value."""
    keys = re.findall(r'"[^"\\]*":', text)
    key = rng.choice(keys) if keys else '"a":'
    return text.replace(key, f"{key} {json.dumps(rng.choice(ODD_VALUES))}, {key}", 1)


def mutate_text(path: pathlib.Path, rng: random.Random) -> None:
    """Changes a text: replaces a number or a word, or deletes, repeats or exchanges lines."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    change = rng.choice(("number", "number", "word", "word", "delete", "repeat", "exchange"))
    if change == "number":
        text = replace_one(NUMBER, text, rng, rng.choice(HUGE))
    elif change == "word" or not lines:
        text = replace_one(WORD, text, rng, rng.choice(ODD_TEXTS))
    else:
        number, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        if change == "delete":
            del lines[number]
        elif change == "repeat":
            lines[number:number] = [lines[number]] * rng.choice((1, 300))
        else:
            lines[number], lines[other] = lines[other], lines[number]
        text = "".join(lines)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))


def replace_one(pattern, text, rng, replacement):
    """Replaces one match of a regular expression, chosen at random."""
    matches = list(pattern.finditer(text))
    if not matches:
        return text + replacement
    match = rng.choice(matches)
    return text[: match.start()] + replacement + text[match.end() :]
