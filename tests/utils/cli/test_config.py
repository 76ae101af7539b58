"""Precedence of command line, settings file and preset."""

import json

import pytest

from utils.cli import parse, predict_parser, train_parser
from utils.cli.choices import RECIPES


@pytest.fixture
def config(tmp_path):
    def write(**values):
        path = tmp_path / "run.json"
        path.write_text(json.dumps(values))
        return str(path)

    return write


def test_explicit_flags_are_told_from_defaults():
    args, explicit = parse(train_parser(), ["--batch_size", "1", "--h_flip", "--ignore_class", "Sky", "Tree"])
    assert explicit == {"batch_size", "h_flip", "ignore_class"}
    assert args.ignore_class == ["Sky", "Tree"] and args.num_epochs == 300 and not hasattr(args, "config")


def test_parsers_without_presets_and_settings_files():
    args, explicit = parse(predict_parser(), ["--image", "a.png"])
    assert explicit == {"image"} and args.alpha == 0.5


def test_a_preset_gives_defaults_below_all_else(config):
    plain, strong = train_parser().parse_args([]), parse(train_parser(), ["--recipe", "strong"])[0]
    changed = {name for name, value in vars(strong).items() if value != vars(plain)[name]}
    assert changed == {"recipe", *RECIPES["strong"]}
    assert all(vars(strong)[name] == value for name, value in RECIPES["strong"].items())
    args, explicit = parse(train_parser(), ["--optimizer", "sgd", "--recipe", "strong"])
    assert args.optimizer == "sgd" and args.schedule == "cosine" and explicit == {"recipe", "optimizer"}
    path = config(recipe="strong", optimizer="adam", weight_decay=0.5)
    args, explicit = parse(train_parser(), ["--config", path, "--weight_decay", "0"])
    assert (args.optimizer, args.weight_decay, args.schedule) == ("adam", 0, "cosine") and "schedule" not in explicit
    # A preset on the command line wins over the file.
    assert parse(train_parser(), ["--config", path, "--recipe", "strong"])[0].optimizer == "adamw"


def test_a_file_gives_flags_and_the_command_line_wins(config):
    path = config(
        batch_size=4,
        h_flip=True,
        learning_rate=1,
        ignore_class=["Sky", "Tree"],
        scale_range=[0.5, 2],
        rotation=None,
        output_stride=8,
        jit_compile=False,
        class_names=["a"],
        versions={},
        num_classes=3,
        continue_training=True,
        progress="quiet",
    )
    args, explicit = parse(train_parser(), ["--config", path, "--batch_size", "2"])
    assert (args.batch_size, args.h_flip, args.learning_rate, args.output_stride) == (2, True, 1.0, 8)
    assert isinstance(args.learning_rate, float) and args.scale_range == [0.5, 2.0] and args.jit_compile is False
    assert args.ignore_class == ["Sky", "Tree"] and args.continue_training is False and args.progress is None
    names = "batch_size h_flip learning_rate ignore_class scale_range output_stride jit_compile"
    assert explicit == set(names.split())
    assert parse(train_parser(), [f"--config={path}", "--ignore_class", "Car"])[0].ignore_class == ["Car"]


def test_the_flags_of_a_run_give_the_same_run(config):
    args = vars(parse(train_parser(), ["--recipe", "strong", "--rotation", "5", "--ignore_class", "Sky"])[0])
    assert vars(parse(train_parser(), ["--config", config(**args)])[0]) == args


@pytest.mark.parametrize(
    "values, message",
    [
        ({"batchsize": 4}, "there is no flag 'batchsize'; did you mean batch_size?"),
        ({"qqqqqqqqqq": 4}, "its keys are the flags of train.py without --"),
        ({"batch_size": "two"}, "argument --batch_size: 'two' is not a whole number of at least 1"),
        ({"batch_size": None}, "'None' is not"),
        ({"batch_size": [1, 2]}, "'batch_size' takes one value, not [1, 2]"),
        ({"batch_size": {}}, "'batch_size' takes one value, not {}"),
        ({"ignore_class": "Sky"}, "'ignore_class' takes a list, not 'Sky'"),
        ({"scale_range": [1]}, "'scale_range' takes 2 values, not [1]"),
        ({"loss": "Dice"}, "did you mean dice?"),
        ({"h_flip": "perhaps"}, "'perhaps' is not True or False"),
    ],
)
def test_mistakes_in_a_file_are_named(config, values, message, capsys):
    import train

    path = config(**values)
    with pytest.raises(SystemExit) as end:
        train.main(["--config", path])
    error = capsys.readouterr().err
    assert end.value.code == 2 and len(error.strip().splitlines()) == 1
    assert error.startswith(f"error: --config {path}: ") and message in error


@pytest.mark.parametrize("content, message", [(None, "cannot be read"), ("{", "is not JSON"), ("[]", "an object")])
def test_files_without_settings(tmp_path, content, message, capsys):
    import train

    path = tmp_path / "run.json"
    if content:
        path.write_text(content)
    with pytest.raises(SystemExit) as end:
        train.main(["--config", str(path)])
    error = capsys.readouterr().err
    assert end.value.code == 2 and message in error and str(path) in error


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ([], (30.0, 300)),
        (["--num_epochs", "24"], (None, 24)),
        (["--minutes", "60"], (60.0, 300)),
        (["--minutes", "60", "--num_epochs", "5"], (60.0, 5)),
    ],
)
def test_a_run_of_given_minutes_is_repeated_with_its_minutes_or_a_number_of_epochs(config, arguments, expected):
    """The number of epochs in its settings is what came of the minutes."""
    args, given = parse(train_parser(), ["--config", config(minutes=30, num_epochs=24), *arguments])
    assert (args.minutes, args.num_epochs) == expected
    assert ("num_epochs" in given) == ("--num_epochs" in arguments)
