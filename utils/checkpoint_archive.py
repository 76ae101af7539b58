"""Zip archives of checkpoints: bounded reading, checksums, and the types of settings and state.

Importing this file imports no Keras.
"""

import os
import struct
import zipfile
import zlib

from utils.errors import UnreadableError
from utils.files import parse_json
from utils.text import brief

SUITE_MEMBER = "suite.json"  # the member that train.py adds to the zip archive of a .keras file
MAX_TEXT = 64 * 2**20  # bytes of a JSON member; ten thousand epochs of fifty classes have 20 MB
MAX_EXPANSION = 20  # of the whole archive; float weights compress to a half, 8-bit ones to less
UNCHECKED_BYTES = 2**26
# What zipfile, zlib and json raise for damaged files.
DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
)


def read_archive(path: str | os.PathLike) -> tuple[dict, dict]:
    """Reads settings and state of a checkpoint that exists.

    Args:
        path: of a .keras file.

    Returns:
        `(settings, state)`, with the types that `SETTINGS` and `STATE` list.

    Raises:
        KeyError: if train.py did not write the file.
        UnreadableError: telling the damage.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            values = parse_json(read_member(archive, SUITE_MEMBER))
    except MemoryError:
        raise UnreadableError(f"{SUITE_MEMBER} does not fit into memory") from None
    except DAMAGES as error:
        raise UnreadableError(brief(str(error) or type(error).__name__, 100)) from error
    if not isinstance(values, dict) or not all(isinstance(values.get(key), dict) for key in ("settings", "state")):
        raise UnreadableError(f"{SUITE_MEMBER} must have the objects settings and state")
    for kind, checks in (("settings", SETTINGS), ("state", STATE)):
        for key, is_right in checks.items():
            if key in values[kind] and not is_right(values[kind][key]):
                raise UnreadableError(f"{SUITE_MEMBER} has a wrong value of {key} in its {kind}")
    return values["settings"], values["state"]


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Reads a member of an archive, of at most `MAX_TEXT` bytes.

    Raises:
        KeyError: if there is no such member.
        UnreadableError: if it is larger.
        Exception: one of `DAMAGES`.
    """
    if archive.getinfo(name).file_size <= MAX_TEXT:
        with archive.open(name) as member:
            data = member.read(MAX_TEXT + 1)  # the directory may lie
        if len(data) <= MAX_TEXT:
            return data
    raise UnreadableError(f"{name} is larger than {MAX_TEXT:,} bytes")


def check_archive(path: str | os.PathLike) -> None:
    """Compares all members of an archive with their checksums, after a check of their sizes.

    Keras does not: it reads weights in parts.

    Raises:
        UnreadableError: telling the damage.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size, total = os.path.getsize(path), sum(member.file_size for member in archive.infolist())
            if total > UNCHECKED_BYTES + MAX_EXPANSION * size:
                raise UnreadableError(f"its members have {total:,} bytes, and the file {size:,}")
            wrong = archive.testzip()
    except MemoryError:
        raise UnreadableError("it does not fit into memory") from None
    except DAMAGES as error:
        raise UnreadableError(brief(str(error) or type(error).__name__, 100)) from error
    if wrong:
        raise UnreadableError(f"the checksum of {brief(wrong)} is wrong")


def is_text(value) -> bool:
    """Returns whether a value is a text of at most 4096 characters, as a path has."""
    return isinstance(value, str) and len(value) <= 4096


def is_count(value) -> bool:
    """Returns whether a value is a whole number from 0 on."""
    return type(value) is int and 0 <= value < 2**63


def is_list_of(is_right, length: int | None = None):
    """Builds the check of a list of values, and of its length if it is given."""
    return lambda value: (
        isinstance(value, list) and (length is None or len(value) == length) and all(map(is_right, value))
    )


def or_none(is_right):
    """Builds the check of a value that may be None."""
    return lambda value: value is None or is_right(value)


def is_number(value) -> bool:
    """Returns whether a value is an int or a float."""
    return type(value) in (int, float)


def is_positive(value) -> bool:
    """Returns whether a value is a whole number from 1 on."""
    return is_count(value) and value > 0


def is_number_or_list(value) -> bool:
    """Returns whether a value is a number, or a list of such values."""
    return is_number(value) or isinstance(value, list) and all(map(is_number_or_list, value))


def has_values(checks: dict):
    """Builds the check of an object with values of these types; those without a check may be anything."""
    return lambda value: isinstance(value, dict) and all(name in value and checks[name](value[name]) for name in checks)


is_color = is_list_of(lambda value: type(value) is int and 0 <= value <= 255, 3)


def is_ignored(value) -> bool:
    """Returns whether a value maps names of ignored classes to index and color."""
    return isinstance(value, dict) and all(
        isinstance(pair, list) and len(pair) == 2 and is_count(pair[0]) and is_color(pair[1]) for pair in value.values()
    )


SETTINGS = {
    "model": is_text,
    "frontend": or_none(is_text),
    "dataset_path": is_text,
    "class_names": is_list_of(is_text),
    "num_classes": is_count,
    "label_values": is_list_of(is_color),
    "ignored": is_ignored,
    "ignore_class": is_list_of(is_text),
    "unknown_colours": is_text,
    "label_format": is_text,
    "image_orientation": is_text,
    "bands": or_none(is_text),
    "image_range": or_none(is_text),
    "input_channels": or_none(is_count),
    "max_pixels": or_none(is_count),
    "versions": lambda value: isinstance(value, dict),
}
SUMS = has_values({"seconds": is_number, "learning_rate": is_number, "metrics": is_list_of(is_number_or_list)})
STATE = {
    "epoch": is_count,
    "step": is_count,
    "best_mean_iou": or_none(is_number),
    "validations_without_gain": is_count,
    "log": is_list_of(lambda row: isinstance(row, dict) and is_count(row.get("epoch", 0))),
    "dropout_seeds": is_list_of(is_list_of(is_count)),
    "pending": has_values({"seconds": is_number}),
    "sums": lambda value: SUMS(value) and is_list_of(is_count)(value.get("unlabeled", [])),
    "recoveries": is_count,
    "first_loss": is_number,
    "trained_with": has_values({"batch_size": is_positive, **dict.fromkeys(("steps", "images"), or_none(is_positive))}),
    "schedule_shift": or_none(lambda value: type(value) is int and abs(value) < 2**63),
}
