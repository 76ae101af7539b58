"""Flags: the original suite's names and defaults, values that are checked, one-line errors."""

import pytest

from utils.cli import arguments
from utils.cli.arguments import parse, train_parser
from utils.cli.choices import OPTIMIZERS, SCHEDULES

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
    "words, value",
    [
        (["--h_flip"], True),
        (["--h_flip", "True"], True),
        (["--h_flip", "y"], True),
        (["--h_flip", "1"], True),
        (["--h_flip", "False"], False),
        (["--h_flip", "no"], False),
        ([], False),
    ],
)
def test_booleans_stand_alone_or_take_a_value(words, value):
    assert train_parser().parse_args([*words, "--batch_size", "2"]).h_flip is value


def test_given_flags_are_told_from_defaults():
    args, given = parse(train_parser(), ["--batch_size", "1", "--h_flip", "--ignore_class", "Sky", "Tree"])
    assert given == {"batch_size", "h_flip", "ignore_class"}
    assert args.ignore_class == ["Sky", "Tree"] and args.num_epochs == 300


@pytest.mark.parametrize(
    "words, message",
    [
        (["--batch_size", "0"], "--batch_size"),
        (["--batch_size", "two"], "'two' is not a whole number"),
        (["--rotation", "200"], "0 to 180"),
        (["--zoom", "1"], "below 1"),
        (["--learning_rate", "0"], "above 0"),
        (["--learning_rate", "nan"], "above 0"),
        (["--weight_decay", "-1"], "from 0"),
        (["--model", "FC-Densenet103"], "did you mean FC-DenseNet103?"),
        (["--loss", "dices"], "did you mean dice?"),
        (["--frontend", "resnet50"], "did you mean ResNet50?"),
        (["--no_such_flag"], "--no_such_flag"),
    ],
)
def test_errors_are_one_line_that_names_the_flag(words, message, capsys):
    with pytest.raises(SystemExit) as end:
        train_parser().parse_args(words)
    error = capsys.readouterr().err
    assert end.value.code == 2 and message in error and len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "parser", [train_parser, arguments.test_parser, arguments.predict_parser, arguments.benchmark_parser]
)
def test_every_flag_has_a_help_text(parser):
    assert all(action.help for action in parser()._actions)
    assert len(parser().format_help()) > 500


def test_choices_are_those_that_are_built():
    from utils.training.optimizers import build_optimizer, build_schedule

    assert len({type(build_optimizer(name, 0.1)) for name in OPTIMIZERS}) == len(OPTIMIZERS)
    schedules = {type(build_schedule(name, 0.1, 10, 10)) for name in SCHEDULES}
    assert len(schedules) == len(SCHEDULES)
