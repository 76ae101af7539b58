"""Flag values from a file (`--config`) and from a preset (`--recipe`).

Precedence, highest first: the command line, a `--recipe` on the command line, the `--config` file, a recipe in that
file, the defaults.
"""

import argparse
import sys
from collections.abc import Sequence

from utils.cli.choices import RECIPES
from utils.cli.parser import Parser, StoreOneOrMore
from utils.errors import UsageError, did_you_mean
from utils.settings import read_settings
from utils.text import brief

# Keys of a run's settings that are not flags, and flags that concern a single call.
IGNORED_KEYS = (
    "class_names",
    "label_values",
    "ignored",
    "num_classes",
    "dataset_path",
    "versions",
    "imported_from",
    "reasons",
    "continue_training",
    "find_learning_rate",
    "config",
    "progress",
)


def parse(parser: Parser, argv: Sequence[str] | None = None) -> tuple[argparse.Namespace, set[str]]:
    """Parses a command line, with the values of `--config` and `--recipe` as defaults if the parser has these flags.

    Args:
        parser: the command's parser; its defaults change.
        argv: the arguments, by default the program's own.

    Returns:
        `(args, explicit)`: the flags, and the names of those that the command line or the file sets.

    Raises:
        UsageError: if the file cannot be read or has an unknown key or a wrong value.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    unset = object()
    args = parser.parse_args(argv, argparse.Namespace(**dict.fromkeys(parser.flags(), unset)))
    command_line = {name: value for name, value in vars(args).items() if value is not unset}
    path = command_line.pop("config", None)
    config = {} if path is None else read_config(parser, path)
    if "num_epochs" in command_line and "minutes" not in command_line:
        config.pop("minutes", None)
    if config.get("minutes") or "minutes" in command_line:
        config.pop("num_epochs", None)  # in a run's settings it is what came of its --minutes
    presets = [RECIPES.get(values.get("recipe"), {}) for values in (config, command_line)]
    parser.set_defaults(**presets[0] | config | presets[1])
    args = parser.parse_args(argv)
    vars(args).pop("config", None)  # its values are in the other flags
    return args, {*config, *command_line}


def read_config(parser: Parser, path: str) -> dict:
    """Reads the flags in a settings file or checkpoint, with the checks of the command line.

    Args:
        parser: the parser that knows the flags.
        path: a JSON object, such as a run's settings.json, or a checkpoint.

    Returns:
        Dict from the name of a flag to its value.

    Raises:
        UsageError: if the file cannot be read or has an unknown key or a wrong value.
    """
    flags, values = parser.flags(), {}
    settings = read_settings(path)
    try:
        for name in [name for name in settings if name not in IGNORED_KEYS]:
            if name not in flags:
                hint = did_you_mean(name, flags) or "; its keys are the flags of train.py without --"
                raise UsageError(f"there is no flag '{brief(name)}'{hint}")
            value = settings[name]
            if value != flags[name].default or value not in (None, []):  # those stand for a flag that is not set
                values[name] = convert_value(parser, flags[name], value)
    except UsageError as error:
        raise UsageError(f"--config {path}: {brief(str(error), 200)}") from error
    return values


def convert_value(parser: Parser, flag: argparse.Action, value):
    """Converts and checks the value of a flag in a settings file.

    Raises:
        UsageError: if it is a list where the flag takes one value, or the reverse, or if the flag rejects it.
    """
    if isinstance(flag, StoreOneOrMore) and isinstance(value, str):
        value = [value]
    count = flag.nargs if isinstance(flag.nargs, int) else None
    takes_list = flag.nargs == "+" or count is not None
    if isinstance(value, dict) or isinstance(value, list) != takes_list or count and len(value) != count:
        kind = f"{count} values" if count else "a list" if takes_list else "one value"
        shown = f"'{brief(value)}'" if isinstance(value, str) else brief(value)
        raise UsageError(f"'{flag.dest}' takes {kind}, not {shown}")
    converted = parser.convert(flag, [str(item) for item in value] if takes_list else [str(value)])
    return converted[0] if takes_list and isinstance(flag, StoreOneOrMore) and len(converted) == 1 else converted
