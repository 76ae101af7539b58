"""One-line errors with suggestions, help in groups, and the private members of argparse that these need."""

import argparse

import pytest

from utils.cli.parser import MAX_CHOICES, Parser, ShowText
from utils.cli.types import positive_int
from utils.errors import UsageError

NAMES = [f"Net{number}" for number in range(MAX_CHOICES + 1)]


@pytest.fixture
def parser():
    parser = Parser(prog="work.py", add_help=False)
    group = parser.add_argument_group("network")
    group.add_argument("--model", choices=NAMES, default="Net0", help="network")
    group.add_argument("--list_models", action=ShowText, text=lambda: "\n".join(NAMES), help="list the networks")
    group.add_argument("--stride", type=int, choices=(8, 16), help="stride")
    other = parser.add_argument_group("other")
    other.add_argument("--image", required=True, help="image")
    other.add_argument("--batch_size", type=positive_int, default=1, help="images per batch")
    other.add_argument("--steps", type=positive_int, nargs="+", help="steps; default: all")
    parser.add_argument_group("empty")
    return parser


@pytest.mark.parametrize(
    "args, message",
    [
        (["--batch-size", "1"], "there is no flag --batch-size; did you mean --batch_size?; see python work.py --help"),
        (["--Batch_Size=4"], "there is no flag --Batch_Size; did you mean --batch_size?"),
        (["--batch", "1"], "did you mean --batch_size?"),  # no abbreviations
        (["--qqqqqqqqqq"], "there is no flag --qqqqqqqqqq; see"),
        (["--imag", "a.png"], "did you mean --image?"),  # not that --image is missing
        (
            ["--model", "net3"],
            "argument --model: there is no 'net3'; did you mean Net3? (--list_models shows them all)",
        ),
        (["--stride", "4"], "argument --stride: there is no '4' (choose from 8, 16)"),
        (["--batch_size", "0"], "argument --batch_size: '0' is not a whole number of at least 1"),
        ([], "--image"),
    ],
)
def test_errors_are_one_line(parser, args, message, capsys):
    with pytest.raises(SystemExit) as end:
        parser.parse_args(args)
    error = capsys.readouterr().err
    assert end.value.code == 2 and error.startswith("error: ") and message in error
    assert len(error.splitlines()) == 1


def test_help_appends_choices_and_defaults(parser):
    text = " ".join(parser.format_help().split())
    assert "network (default: Net0)" in text  # too many choices
    assert "stride; one of: 8, 16 --" not in text and "stride; one of: 8, 16" in text
    assert "images per batch (default: 1)" in text and "default: None" not in text
    assert text.endswith("steps; default: all")


def test_a_text_flag_prints_and_ends(parser, capsys):
    with pytest.raises(SystemExit) as end:
        parser.parse_args(["--list_models"])
    assert end.value.code == 0 and capsys.readouterr().out.split() == NAMES


def test_flags_and_groups(parser):
    assert list(parser.flags()) == ["model", "stride", "image", "batch_size", "steps"]
    groups = {title: [action.option_strings[0] for action in actions] for title, actions in parser.groups().items()}
    assert groups == {
        "network": ["--model", "--list_models", "--stride"],
        "other": ["--image", "--batch_size", "--steps"],
    }


def test_one_value_is_converted_as_on_the_command_line(parser):
    flags = parser.flags()
    assert parser.convert(flags["batch_size"], ["3"]) == 3 and parser.convert(flags["steps"], ["1", "2"]) == [1, 2]
    with pytest.raises(UsageError, match=r"argument --stride: there is no '4' \(choose from 8, 16\)"):
        parser.convert(flags["stride"], ["4"])


def test_private_members_of_argparse_exist():
    """A canary for new versions of Python."""
    parser = argparse.ArgumentParser()
    assert all(hasattr(parser, name) for name in ("_actions", "_action_groups", "_get_values"))
    assert hasattr(parser._action_groups[0], "_group_actions")
    assert hasattr(argparse.HelpFormatter, "_get_help_string")
