"""Value types of flags: booleans, numbers in a range, and comma-separated lists."""

import argparse
import math
import re
from collections.abc import Callable


def boolean(text: str) -> bool:
    """Parses a truth value in any of the original suite's spellings."""
    if text.lower() in ("yes", "true", "t", "y", "1"):
        return True
    if text.lower() in ("no", "false", "f", "n", "0"):
        return False
    raise argparse.ArgumentTypeError(f"'{text}' is not True or False")


def positive_int(text: str) -> int:
    """Parses a whole number of at least 1."""
    return _number(text, int, lambda value: value >= 1, "a whole number of at least 1")


def nonnegative_int(text: str) -> int:
    """Parses a whole number of at least 0."""
    return _number(text, int, lambda value: value >= 0, "a whole number of at least 0")


def positive_float(text: str) -> float:
    """Parses a finite number above 0."""
    return _number(text, float, lambda value: 0 < value < float("inf"), "a number above 0")


def nonnegative_float(text: str) -> float:
    """Parses a finite number of at least 0."""
    return _number(text, float, lambda value: 0 <= value < float("inf"), "a number of at least 0")


def fraction(text: str) -> float:
    """Parses a number of at least 0 and below 1."""
    return _number(text, float, lambda value: 0 <= value < 1, "a number of at least 0 and below 1")


def share(text: str) -> float:
    """Parses a number from 0 to 1."""
    return _number(text, float, lambda value: 0 <= value <= 1, "a number from 0 to 1")


def degrees(text: str) -> float:
    """Parses an angle from 0 to 180 degrees."""
    return _number(text, float, lambda value: 0 <= value <= 180, "an angle from 0 to 180 degrees")


def run_name(text: str) -> str:
    """Checks the name of a run, which becomes a part of the names of files."""
    if not re.fullmatch(r"\w([\w.-]{0,62}\w)?", text) or "_until_" in f"_{text}":
        raise argparse.ArgumentTypeError(
            f"'{text}' is no name of a run: up to 64 letters, digits, _, - and ., with a letter or digit at both ends, "
            "and without until_, which marks earlier runs"
        )
    return text


def name_list(text: str) -> list[str]:
    """Parses names separated by commas."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError(f"'{text}' has no name")
    return names


def band_list(text: str) -> str:
    """Checks numbers of bands, from 1 and separated by commas, and returns them without spaces."""
    bands = [_number(part, int, lambda value: value >= 1, "a band number; the first is 1") for part in text.split(",")]
    return ",".join(map(str, bands))


def value_range(text: str) -> str:
    """Checks "auto", or two finite numbers LOW,HIGH with LOW below HIGH, and returns them without spaces."""
    if text == "auto":
        return text
    ends = [_number(part, float, math.isfinite, "auto or two numbers LOW,HIGH") for part in text.split(",")]
    if len(ends) != 2 or ends[0] >= ends[1]:
        raise argparse.ArgumentTypeError(f"'{text}' is not auto or LOW,HIGH with LOW below HIGH")
    return ",".join(f"{end:.10g}" for end in ends)


def scale_list(text: str) -> tuple[float, ...]:
    """Parses image scales, from 0.05 to 8, separated by commas."""
    return tuple(
        _number(part, float, lambda value: 0.05 <= value <= 8, "a scale from 0.05 to 8") for part in text.split(",")
    )


def _number(text: str, kind: type, is_valid: Callable, description: str):
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not is_valid(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not {description}")
    return value
