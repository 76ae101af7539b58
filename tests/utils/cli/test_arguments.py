"""Parsers of the commands: the original suite's names and defaults, help, and answers without Keras."""

import pathlib
import subprocess
import sys

import pytest

from utils.cli import arguments, train_parser
from utils.cli.parser import OTHER_NAMES

COMMANDS = ("train", "test", "predict", "export", "benchmark")
PARSERS = [getattr(arguments, f"{command}_parser") for command in COMMANDS]
ROOT = pathlib.Path(__file__).resolve().parents[3]
SUITE_DEFAULTS = {
    "num_epochs": 300,
    "epoch_start_i": 0,
    "checkpoint_step": 5,
    "validation_step": 1,
    "image": None,
    "continue_training": False,
    "dataset": "CamVid",
    "crop_height": 512,
    "crop_width": 512,
    "batch_size": 1,
    "num_val_images": 20,
    "h_flip": False,
    "v_flip": False,
    "brightness": None,
    "rotation": None,
    "model": "FC-DenseNet56",
    "frontend": "ResNet101",
}


def test_names_and_defaults_of_the_original_suite():
    flags = vars(train_parser().parse_args([]))
    assert {name: flags[name] for name in SUITE_DEFAULTS} == SUITE_DEFAULTS
    assert (flags["learning_rate"], flags["optimizer"], flags["frontend_weights"]) == (1e-4, "rmsprop", "imagenet")


@pytest.mark.parametrize(
    "args, value",
    [
        (["--h_flip"], True),
        (["--h_flip", "True"], True),
        (["--h_flip", "y"], True),
        (["--h_flip", "False"], False),
        ([], False),
    ],
)
def test_booleans_stand_alone_or_take_a_value(args, value):
    assert train_parser().parse_args([*args, "--batch_size", "2"]).h_flip is value


@pytest.mark.parametrize(
    "command, flag, suggested",
    [
        ("predict", "--video", "--image"),
        ("predict", "--weights", "--checkpoint_path"),
        ("train", "--weights=x.h5", "--frontend_weights"),
        ("train", "--lr", "--learning_rate"),
        ("test", "--model-path", "--checkpoint_path"),
        ("test", "--lr", None),
    ],
)
def test_flags_of_other_programs_are_known(command, flag, suggested, capsys):
    with pytest.raises(SystemExit):
        getattr(arguments, f"{command}_parser")().parse_args([flag, "1"])
    error = capsys.readouterr().err
    assert f"did you mean {suggested}?" in error if suggested else "learning_rate" not in error


def test_every_suggested_flag_exists():
    options = {option for parser in PARSERS for option in parser().flags()}
    assert options >= {name for names in OTHER_NAMES.values() for name in names}
    assert not options & {*OTHER_NAMES}


@pytest.mark.parametrize(
    "args, message",
    [
        (["--model", "pspnet"], "did you mean PSPNet? (--list_models shows them all)"),
        (["--frontend", "qqq"], "there is no 'qqq' (--list_frontends shows them all)"),
        (["--loss", "Focal"], "did you mean focal? (choose from cross_entropy, focal"),
        (["--learning_rate", "nan"], "argument --learning_rate: 'nan' is not a number above 0"),
    ],
)
def test_errors(args, message, capsys):
    with pytest.raises(SystemExit) as end:
        train_parser().parse_args(args)
    assert end.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("columns", [80, 120])
def test_help_is_in_groups_within_the_width(parser, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    text = parser().format_help()
    assert max(map(len, text.splitlines())) <= columns and "FRRN-B" not in text and "NASNet" not in text
    groups = parser().groups()
    assert not {"options", "optional arguments", "positional arguments"} & set(groups)
    flags = [action.dest for actions in groups.values() for action in actions if action.dest != "==SUPPRESS=="]
    assert len(flags) == len(set(flags)) and set(flags) - {"help"} == set(parser().flags())


@pytest.mark.parametrize("parser", PARSERS)
def test_every_flag_has_a_help_text_of_one_fragment(parser):
    for action in (action for actions in parser().groups().values() for action in actions):
        assert action.help and action.help[0].isalnum() and not action.help.endswith("."), action.dest


def test_help_shows_choices_and_defaults():
    text = " ".join(train_parser().format_help().split())
    assert "one of: constant, exponential, poly, cosine (default: constant)" in text
    assert "training steps per epoch; default: all images once --" in text and "(default: False)" not in text


@pytest.mark.parametrize("command", COMMANDS)
def test_lists_and_help_need_no_keras(command):
    code = (
        f"import sys, {command}\ntry:\n    {command}.main(['--list_models'])\nexcept SystemExit:\n    pass\n"
        f"try:\n    {command}.main(['--help'])\nfinally:\n"
        "    assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env={"COLUMNS": "100"}
    )
    assert result.returncode == 0 and "\nBiSeNet " in result.stdout and "usage: " in result.stdout, result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_the_list_of_frontends(capsys):
    with pytest.raises(SystemExit) as end:
        train_parser().parse_args(["--list_frontends"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ConvNeXtTiny ")]
    assert end.value.code == 0 and line.split()[1:] == "27.8 M 32x32 4 8 16 32 8, 16 Liu 2022, 2201.03545".split()
