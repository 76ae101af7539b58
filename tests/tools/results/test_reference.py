"""Reference tables of the documentation, from parsers and registries written for the purpose."""

import pytest

from models import MODELS
from tools.results import reference
from utils.cli import Parser


@pytest.fixture
def group():
    parser = Parser(prog="x")
    return parser.add_argument_group("group")


@pytest.mark.parametrize(
    "options, cells",
    [
        ({"default": 0.5, "metavar": "F", "help": "share, 0.1 = 10%%"}, ("`--flag F`", "0.5", "share, 0.1 = 10%")),
        ({"help": "steps; default: all images once"}, ("`--flag`", "all images once", "steps")),
        ({"help": "shares; default: 0.7,0.3", "default": (0.7, 0.3)}, ("`--flag`", "0.7,0.3", "shares")),
        ({"help": "default: copy", "choices": ("copy", "move")}, ("`--flag`", "copy", "one of `copy`, `move`")),
        ({"help": "what; default: a. More", "nargs": "+"}, ("`--flag`", "-", "what; default: a. More")),
        ({"help": "on: yes; off: no", "choices": ("on", "off")}, ("`--flag`", "-", "on: yes; off: no")),
        ({"help": "see --other", "required": True}, ("`--flag`", "required", "see `--other`")),
        ({"help": "range", "nargs": 2, "metavar": ("LOW", "HIGH")}, ("`--flag LOW HIGH`", "-", "range")),
        ({"help": "crop (height)", "default": 512, "type": int}, ("`--flag`", "512", "crop")),
        ({"help": "flip", "nargs": "?", "default": False, "metavar": "True/False"}, ("`--flag`", "False", "flip")),
    ],
)
def test_cells_of_a_flag(group, options, cells):
    assert reference.flag_cells(group.add_argument("--flag", **options)) == cells


def test_flags_are_grouped_and_escaped():
    parser = Parser(prog="x")
    parser.add_argument_group("help").add_argument("--list")
    parser.add_argument_group("model").add_argument("--weights", metavar="none|PATH", default="<dataset>")
    lines = reference.flags_table(parser).splitlines()[2:]
    assert lines == ["| **model** | | |", "| `--weights none\\|PATH` | &lt;dataset> |  |"]


def test_every_network_is_in_one_family(monkeypatch):
    monkeypatch.setitem(MODELS, "mine", MODELS["custom"])
    members = [name for names in reference.family_members().values() for name in names]
    assert sorted(members) == sorted(MODELS)
    assert "mine" in reference.family_members()[reference.OTHERS]


def test_anchor_is_that_of_github():
    assert reference.anchor("Statistics of training, or of the image?") == "statistics-of-training-or-of-the-image"


def test_presets_show_both_defaults():
    assert "| `--batch_size` | 1 | 4 |" in reference.presets_table()
