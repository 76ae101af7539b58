"""Legends: the entries and only those, in lines, in any alphabet, below the picture."""

import numpy as np
import pytest

from utils.inference import legend
from utils.inference.legend import with_legend

COLORS = {"Road": (0, 200, 0), "Car": (0, 0, 255)}  # letters are gray


def colors_of(pixels):
    return {tuple(color) for color in pixels.reshape(-1, 3).tolist()}


@pytest.mark.parametrize("width", [20, 320, 3000])
@pytest.mark.parametrize("share", ["", "12.3 %"])
def test_a_legend_is_below_the_picture(width, share):
    rgb = np.full((30, width, 3), 7, np.uint8)
    shown = with_legend(rgb, [(name, share, color) for name, color in COLORS.items()])
    assert shown.dtype == np.uint8 and shown.shape[1:] == (width, 3) and shown.shape[0] > 30
    assert np.array_equal(shown[:30], rgb)
    assert set(COLORS.values()) <= colors_of(shown[30:])


def test_lines_break_and_nothing_is_an_empty_line():
    rgb = np.zeros((30, 200, 3), np.uint8)
    many = [(f"class number {i}", "5.0 %", (255 - i, 200, i)) for i in range(20)]
    empty, full = with_legend(rgb, []), with_legend(rgb, many)
    assert (empty[30:] == 255).all() and full.shape[0] - 30 >= 10 * (empty.shape[0] - 30)
    assert {color for *_, color in many} <= colors_of(full[30:])


@pytest.mark.parametrize("name", ["Stra\u00dfe", "\u0628\u064a\u062a", "\u0414\u043e\u0440\u043e\u0433\u0430"])
def test_names_of_other_alphabets_are_letters(name, monkeypatch):
    """Of the size of Latin ones, and drawn once however often the share changes."""
    drawn = []
    original = legend._letters_of_matplotlib
    monkeypatch.setattr(legend, "_letters_of_matplotlib", lambda *args: drawn.append(args) or original(*args))
    legend._letters.cache_clear()
    letters, latin = legend._letters(name, 1.0, 26), legend._letters("Strasse", 1.0, 26)
    assert letters.shape[0] == latin.shape[0] == 26 and letters.dtype == np.uint8
    assert letters.min() < 80 and letters[:, -3:].min() < 255 and (letters[:2] == 255).all()
    rows, latin_rows = (np.flatnonzero((image < 128).any(axis=1)) for image in (letters, latin))
    assert abs(int(np.ptp(rows)) - int(np.ptp(latin_rows))) < 9
    for share in ("1 %", "2 %"):
        with_legend(np.zeros((9, 640, 3), np.uint8), [(name, share, (9, 9, 9))])
    assert len(drawn) == 1


def test_arabic_letters_are_joined():
    """The word is narrower than its letters apart."""
    word = "\u0628\u064a\u062a"
    joined, apart = (legend._letters(text, 2.0, 52).shape[1] for text in (word, "\u200c".join(word)))
    assert joined < apart
