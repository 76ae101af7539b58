"""Text for people: width on the terminal, percentages, shortened values."""

import reprlib
import unicodedata

BIDIRECTIONAL = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # change the order of what follows
_SHORT = reprlib.Repr()  # does not walk through all of a large or deep value
_SHORT.maxlist = _SHORT.maxtuple = 20
_SHORT.maxdict, _SHORT.maxstring, _SHORT.maxother = 8, 60, 60


def display_width(text: str) -> int:
    """Counts the columns of a text on the terminal: two for Chinese, Japanese and Korean characters and for emoji."""
    return sum(_columns(character) for character in text)


def pad(text: str, width: int) -> str:
    """Appends spaces to a text up to a width in columns of the terminal."""
    return text + " " * (width - display_width(text))


def printable(text: str) -> str:
    """Escapes control characters, and bytes of file names that are not UTF-8, for one line of text.

    Such a byte, 0xe9, becomes `\\xe9`, and a new line `\\n`; nothing else changes.
    """
    return "".join(_escape(character) if _is_control(character) else character for character in text)


def brief(value: object, most: int = 40) -> str:
    """Returns a value on one printable line of at most `most` characters, for an error."""
    text = value[: 8 * most] if isinstance(value, str) else _SHORT.repr(value)
    text = "".join(character if character.isprintable() else "\ufffd" for character in " ".join(text.split()))
    return (text if len(text) <= most else f"{text[: most - 3]}...") or "empty"


def short_percentage(percent: float) -> str:
    """Formats a percentage of 0 to 100 with two significant digits and no exponent, such as 0.012, 3.4, 57 or 100."""
    if 0 < percent < 0.0001:
        return "<0.0001"
    return f"{percent:.2g}" if percent < 99 else f"{percent:.0f}"


def percentage(share: float) -> str:
    """Formats a share of 1 as a percentage that is never 0 nor 100 unless it is exactly that."""
    text = f"{100 * share:.1f}"
    if text == "0.0" and share > 0:
        return "less than 0.1 %"
    if text == "100.0" and share < 1:
        return "more than 99.9 %"
    return f"{text.removesuffix('.0') if share in (0, 1) else text} %"


def _is_control(character):
    """Returns whether a character moves the cursor, changes the direction of writing, or is half of one."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in BIDIRECTIONAL


def _escape(character):
    """Escapes a character as Python does; Python has bytes that are not UTF-8 as lone surrogates."""
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def _columns(character):
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):  # drawn over the character before, or not at all
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
