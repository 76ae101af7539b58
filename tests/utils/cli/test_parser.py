"""Flags that were mistyped, flags from a file, lists of names, help."""

import json
import subprocess
import sys

import pytest

from utils.cli import arguments
from utils.cli.arguments import parse, train_parser
from utils.cli.choices import RECIPES

PARSERS = [train_parser, arguments.test_parser, arguments.predict_parser, arguments.benchmark_parser]


def error_of(parser, words, capsys):
    with pytest.raises(SystemExit) as end:
        parser().parse_args(words)
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2 and len(error.splitlines()) == 1
    return error


@pytest.mark.parametrize(
    "words, message",
    [
        (["--learning-rate", "1"], "no flag --learning-rate; did you mean --learning_rate?"),
        (["--Batch_Size=4"], "no flag --Batch_Size; did you mean --batch_size?"),
        (["--learn", "1"], "did you mean --learning_rate?"),
        (["--qqqqqqqqqq"], "there is no flag --qqqqqqqqqq; see"),
        (["--model", "pspnet"], "did you mean PSPNet? (--list_models shows them all)"),
        (["--frontend", "qqq"], "there is no 'qqq' (--list_frontends shows them all)"),
        (["--loss", "Focal"], "did you mean focal? (choose from cross_entropy, focal"),
        (["--output_stride", "4"], "choose from 8, 16"),
    ],
)
def test_what_was_meant(words, message, capsys):
    assert message in error_of(train_parser, words, capsys)


def test_a_mistyped_flag_comes_before_a_missing_one(capsys):
    assert "did you mean --image?" in error_of(arguments.predict_parser, ["--imag", "a.png"], capsys)


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("columns", [80, 120])
def test_help_is_in_groups_within_the_width(parser, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    text = parser().format_help()
    assert "options:" not in text and "optional arguments:" not in text
    assert max(map(len, text.splitlines())) <= columns and "FRRN-B" not in text and "NASNet" not in text
    for action in parser()._actions:
        titles = [
            group.title
            for group in parser()._action_groups
            if action.dest in {one.dest for one in group._group_actions}
        ]
        assert len(titles) == 1 and titles[0] not in ("options", "positional arguments")


def test_help_tells_choices_and_defaults():
    text = " ".join(train_parser().format_help().split())
    assert "one of: constant, exponential, poly, cosine (default: constant)" in text
    assert "steps of an epoch; default: all images once --" in text and "(default: False)" not in text


@pytest.mark.parametrize("verb", ["train", "benchmark", "predict"])
def test_lists_answer_without_keras(verb):
    code = (
        f"import sys, {verb}\ntry:\n    {verb}.main(['--list_models', '--list_frontends'])\nfinally:\n"
        "    assert not {'keras', 'tensorflow', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=arguments.__file__.rsplit("/", 3)[0],
        capture_output=True,
        text=True,
        env={"COLUMNS": "100"},
    )
    assert done.returncode == 0 and "\nBiSeNet " in done.stdout, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_the_list_of_frontends(capsys):
    with pytest.raises(SystemExit) as end:
        train_parser().parse_args(["--list_frontends"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ConvNeXtTiny ")]
    assert end.value.code == 0 and line.split()[1:] == "27.8 M 32x32 4 8 16 32 8, 16 Liu 2022, 2201.03545".split()


@pytest.fixture
def config(tmp_path):
    def write(**values):
        path = tmp_path / "run.json"
        path.write_text(json.dumps(values))
        return str(path)

    return write


def test_a_recipe_gives_defaults_below_all_that_is_given(config):
    plain, strong = train_parser().parse_args([]), parse(train_parser(), ["--recipe", "strong"])[0]
    changed = {name for name, value in vars(strong).items() if value != vars(plain)[name]}
    assert changed == {"recipe", *RECIPES["strong"]}
    assert all(vars(strong)[name] == value for name, value in RECIPES["strong"].items())
    args, given = parse(train_parser(), ["--optimizer", "sgd", "--recipe", "strong"])
    assert args.optimizer == "sgd" and args.schedule == "cosine" and given == {"recipe", "optimizer"}
    path = config(recipe="strong", optimizer="adam", weight_decay=0.5)
    args, given = parse(train_parser(), ["--config", path, "--weight_decay", "0"])
    assert (args.optimizer, args.weight_decay, args.schedule) == ("adam", 0, "cosine") and "schedule" not in given
    # Named beside the file, it wins over what the file has.
    assert parse(train_parser(), ["--config", path, "--recipe", "strong"])[0].optimizer == "adamw"


def test_a_config_gives_flags_and_the_command_line_wins(config):
    path = config(
        batch_size=4,
        h_flip=True,
        learning_rate=0.01,
        ignore_class=["Sky", "Tree"],
        rotation=None,
        output_stride=8,
        jit_compile=False,
        class_names=["a"],
        versions={},
        num_classes=3,
        continue_training=True,
    )
    args, given = parse(train_parser(), ["--config", path, "--batch_size", "2"])
    assert (args.batch_size, args.h_flip, args.learning_rate, args.output_stride) == (2, True, 0.01, 8)
    assert args.ignore_class == ["Sky", "Tree"] and args.jit_compile is False and args.continue_training is False
    assert given == {"batch_size", "h_flip", "learning_rate", "ignore_class", "output_stride", "jit_compile"}
    assert parse(train_parser(), [f"--config={path}", "--ignore_class", "Car"])[0].ignore_class == ["Car"]


@pytest.mark.parametrize(
    "values, message",
    [
        ({"batchsize": 4}, "there is no flag 'batchsize'; did you mean batch_size?"),
        ({"batch_size": "two"}, "'two' is not a whole number from 1 (in "),
        ({"batch_size": None}, "'None' is not"),
        ({"batch_size": [1, 2]}, "'batch_size' takes one value, not [1, 2]"),
        ({"ignore_class": "Sky"}, "'ignore_class' takes a list, not 'Sky'"),
        ({"loss": "Dice"}, "did you mean dice?"),
        ({"h_flip": "perhaps"}, "'perhaps' is not True or False"),
    ],
)
def test_mistakes_in_a_config_are_named(config, values, message, capsys):
    import train

    path = config(**values)
    with pytest.raises(SystemExit) as end:
        train.main(["--config", path])
    error = capsys.readouterr().err
    assert end.value.code == 2 and message in error and path in error and len(error.strip().splitlines()) == 1


@pytest.mark.parametrize("content, message", [(None, "cannot be read"), ("{", "is not JSON"), ("[]", "an object")])
def test_files_that_are_no_config(tmp_path, content, message, capsys):
    import train

    path = tmp_path / "run.json"
    if content:
        path.write_text(content)
    with pytest.raises(SystemExit) as end:
        train.main(["--config", str(path)])
    assert end.value.code == 2 and message in capsys.readouterr().err
