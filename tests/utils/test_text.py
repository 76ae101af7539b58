"""Width of text, percentages."""

import pytest

from utils.text import brief, display_width, pad, percentage, printable, short_percentage


@pytest.mark.parametrize(
    "text, width",
    [
        ("", 0),
        ("Sky", 3),
        ("车", 2),
        ("道路a", 5),
        ("한국", 4),
        ("😀", 2),
        ("é", 1),
        ("e\u0301", 1),
        ("بيت", 3),
        ("a\u200bb", 2),
    ],
)
def test_width(text, width):
    assert display_width(text) == width
    assert pad(text, 6) == text + " " * (6 - width) and pad(text, 0) == text


@pytest.mark.parametrize(
    "value, text",
    [(0, "0"), (1e-9, "<0.0001"), (0.0001, "0.0001"), (0.01234, "0.012"), (0.5, "0.5"), (3.44, "3.4"), (9.99, "10"),
     (57.4, "57"), (98.99, "99"), (99.4, "99"), (99.5, "100"), (99.99, "100"), (100, "100")],
)  # fmt: skip
def test_percentages_have_no_exponent(value, text):
    assert short_percentage(value) == text


def test_every_percentage_reads_back():
    for step in range(10001):
        assert float(short_percentage(step / 100)) == pytest.approx(step / 100, rel=0.051, abs=1e-9)


@pytest.mark.parametrize(
    "share, text",
    [(0, "0 %"), (1, "100 %"), (0.031, "3.1 %"), (0.00001, "less than 0.1 %"), (0.99999, "more than 99.9 %")],
)
def test_percentages(share, text):
    assert percentage(share) == text


def test_brief():
    assert brief("a\n b") == "a b" and brief("") == "empty" and brief(float("nan")) == "nan"
    for value in ("x" * 100_000, ["x" * 1000] * 1000, {"a": [[[[[[[1]]]]]]] * 99}, 10**400, "\ud800" * 99, "a\0b" * 50):
        text = brief(value)
        assert len(text) <= 40 and text.isprintable() and text.encode()


def test_what_cannot_be_printed_on_one_line_is_escaped():
    assert printable("Straße 写真　1") == "Straße 写真　1"
    assert printable("caf\udce9\n\x1b[2J\0\u202egnp.\u2028") == "caf\\xe9\\n\\x1b[2J\\x00\\u202egnp.\\u2028"
