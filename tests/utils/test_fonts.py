"""Names in figures: literal, in any alphabet, without warnings."""

import io
import unicodedata
import warnings

import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

from utils import fonts, notices
from utils.class_dict import ClassDict
from utils.evaluation.class_plots import plot_class_iou
from utils.evaluation.evaluate import Sample
from utils.evaluation.plots import plot_confusion
from utils.evaluation.samples import plot_samples
from utils.fonts import find_fonts, save_png
from utils.metrics import ImageScores

NAMES = [
    "$x$",
    "$",
    "a_b",
    "$\\x$",
    "\\frac{^",
    "_hidden",
    "100 % $a$ & b",
    "车道",
    "بيت",
    "שלום",
    "😀",
    "\u0e49",
    "é\u0301",
]


@pytest.fixture(autouse=True)
def strict(monkeypatch):
    """Warnings are errors; no notice has been given."""
    monkeypatch.setattr(notices, "_told", set())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def characters(name):
    return fonts._characters(font_manager.findfont(name))


def rendered(text, **options):
    figure = Figure(figsize=(2, 1))
    figure.text(0.1, 0.5, text, **options)
    return figure


@pytest.mark.parametrize("name", NAMES)
def test_names_are_drawn_literally(name):
    figure, file = rendered(name), io.BytesIO()
    save_png(figure, file)
    literal, expected = rendered(name, parse_math=False), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        literal.savefig(expected, format="png")
    assert file.getvalue() == expected.getvalue()


def test_every_text_of_a_figure_is_literal():
    figure = Figure()
    axes = figure.subplots()
    axes.set(title="$x$", xlabel="$y$", xticks=[0, 1], xticklabels=["$a$", "$\\b$"])
    axes.plot([0, 1], label="$line$")
    axes.legend()
    figure.suptitle("$z$")
    save_png(figure, io.BytesIO())
    texts = {text.get_text(): text.get_parse_math() for text in figure.findobj(Text)}
    assert {"$x$", "$y$", "$z$", "$a$", "$\\b$", "$line$"} <= set(texts) and not any(texts.values())


def test_all_plots_of_any_names(tmp_path, capsys):
    count = len(NAMES)
    classes = ClassDict(NAMES, [(index, 0, 0) for index in range(count)])
    many = ClassDict([f"{name}{i}" for i in range(3) for name in NAMES], [(i, 1, 0) for i in range(3 * count)])
    for number, class_dict in enumerate((classes, many)):
        log = [{"epoch": 0, **{f"val_iou_{name}": 0.5 for name in class_dict.class_names}}]
        plot_class_iou(tmp_path / f"iou{number}.png", log, class_dict)
    plot_confusion(tmp_path / "confusion.png", np.eye(count, dtype=int), NAMES, "$T$")
    indices = np.arange(count, dtype=np.uint8)[None]
    sample = Sample(
        "$1_车", ImageScores(1, 1, 1, 1, 1, np.ones(count)), np.zeros((1, count, 3), np.uint8), indices, indices
    )
    plot_samples(tmp_path / "samples.png", [sample], classes)
    assert len(list(tmp_path.glob("*.png"))) == 4
    assert capsys.readouterr().err.count("\n") <= 1


def test_characters_without_font_are_announced_once(capsys):
    without = find_fonts(frozenset("\u1b05"))[1]  # Balinese
    if not without:
        pytest.skip("this system has a Balinese font")
    for text in ("a \u1b05", "\u1b05", "plain"):
        save_png(rendered(text), io.BytesIO())
    out, err = capsys.readouterr()
    assert not out and err.startswith("note: no font has the characters \u1b05; figures have boxes")
    assert err.count("\n") == 1


def test_another_font_of_the_system_is_used(capsys):
    """The mathematical fonts of Matplotlib stand for the fonts of another alphabet."""
    others = characters("STIXGeneral") - characters(fonts.DEFAULT)
    character = min(other for other in others if unicodedata.category(other).startswith("S"))
    families, without = find_fonts(frozenset(character))
    assert len(families) == 1 and not without and character in characters(families[0])
    figure, file = rendered(character), io.BytesIO()
    save_png(figure, file)
    expected = io.BytesIO()
    rendered(character, family=families).savefig(expected, format="png")
    assert file.getvalue() == expected.getvalue() and not capsys.readouterr().err


def test_what_needs_no_other_font():
    assert find_fonts(frozenset("a é\u0301\u3000\n\u200bب")) == ([], [])
    assert find_fonts(frozenset()) == ([], [])
