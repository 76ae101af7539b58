"""Text in figures: names are drawn literally, in fonts that have their characters."""

import functools
import logging
import unicodedata
import warnings

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

from utils.notices import tell_once

DEFAULT = "DejaVu Sans"  # comes with Matplotlib
# Names of fonts that are tried first: one for all characters of a script looks better than a mixture.
PREFERRED = (
    "CJK",
    "Han Sans",
    "WenQuanYi",
    "YaHei",
    "PingFang",
    "Hiragino",
    "Gothic",
    "Unicode",
    "Noto Sans",
    "Nirmala",
)
PLACEHOLDERS = "Last Resort"  # has every character, as a box with the name of the script


def save_png(figure: Figure, file):
    """Draws a figure. No text of it is mathematics: class names may contain `$`, `^` and backslashes.

    Characters that the default font lacks are drawn in another font of the system. If no font has some of
    them, a notice says so, once per process.

    Args:
        figure: to draw.
        file: path or binary file to write to.
    """
    texts = figure.findobj(Text)
    for text in texts:
        text.set_parse_math(False)
        text.set_usetex(False)
    characters = {character for text in texts for character in text.get_text() if not character.isascii()}
    if characters:
        families, without_font = find_fonts(frozenset(characters))
        for text in texts:
            text.set_fontfamily([*text.get_fontfamily(), DEFAULT, *families])
        if without_font:
            shown = " ".join(without_font[:10]) + (" ..." if len(without_font) > 10 else "")
            tell_once(
                "characters without font",
                f"no font has the characters {shown}; figures have boxes in their place. Install a font that has them, "
                "such as Noto Sans CJK",
            )
    logger = logging.getLogger("matplotlib.font_manager")
    level = logger.level
    logger.setLevel(logging.ERROR)  # most fonts of other alphabets have no bold variant
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
            figure.savefig(file, format="png")
    finally:
        logger.setLevel(level)


@functools.cache
def find_fonts(characters: frozenset[str]) -> tuple[list[str], list[str]]:
    """Finds fonts on this system for characters that the default font lacks.

    Args:
        characters: of one str each; those that are not drawn, such as spaces and combining marks, need no font.

    Returns:
        `(families, without_font)`: names of as few fonts as possible, and the characters that no font has.
    """
    missing = {character for character in characters if unicodedata.category(character)[0] not in "CMZ"}
    missing -= _characters(font_manager.findfont(DEFAULT))
    fonts = [font for font in font_manager.fontManager.ttflist if PLACEHOLDERS not in font.name]
    fonts.sort(key=lambda font: font.style == "normal" and font.weight in (400, "normal", "regular"))
    files = {font.name: font.fname for font in fonts}  # of several files of a name, a regular one
    families = []
    for name in sorted(files, key=lambda name: (_rank(name), name)):
        found = missing & _characters(files[name]) if missing else set()
        if found:
            families.append(name)
            missing -= found
    return families, sorted(missing)


def _rank(name):
    """Returns the position in `PREFERRED` of a font."""
    return next((rank for rank, part in enumerate(PREFERRED) if part in name), len(PREFERRED))


@functools.cache
def _characters(path):
    """Reads the characters of a font file; none if it cannot be read."""
    try:
        return frozenset(map(chr, font_manager.get_font(path).get_charmap()))
    except (OSError, RuntimeError):
        return frozenset()
