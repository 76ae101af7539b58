"""How command lines are read: errors that say what was meant, readable help, flags from a file, types of values."""

import argparse
import os
import re
import sys

from utils.errors import UsageError, did_you_mean
from utils.settings import read_settings

FEW = 12  # choices that an error or a help text lists; longer lists have a flag of their own
# Keys of a run's settings that are no flags, and flags that are wishes of the moment.
NOT_OF_A_CONFIG = (
    "class_names",
    "label_values",
    "ignored",
    "num_classes",
    "dataset_path",
    "versions",
    "imported_from",
    "continue_training",
    "config",
    "progress",
)


class HelpFormatter(argparse.HelpFormatter):
    """Tells choices and defaults, where there are any and the help text does not."""

    def __init__(self, prog):
        super().__init__(prog, max_help_position=30)

    def _get_help_string(self, action):
        text = action.help
        if action.choices and len(action.choices) <= FEW:
            text += f"; one of: {', '.join(map(str, action.choices))}"
        nothing = any(action.default is value for value in (None, False, argparse.SUPPRESS)) or action.default == []
        return text if nothing or "default" in text else f"{text} (default: %(default)s)"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line. Flags are not abbreviated: an abbreviation may be another flag tomorrow.

    Attributes:
        source: str, the file that the words come from; None for the command line.
        recipes: dict from a value of `--recipe` to a dict of defaults for other flags.
    """

    source, recipes = None, {}

    def __init__(self, *arguments, formatter_class=HelpFormatter, **more):
        more.setdefault("allow_abbrev", False)
        super().__init__(*arguments, formatter_class=formatter_class, **more)

    def parse_args(self, args=None, namespace=None):
        words = sys.argv[1:] if args is None else list(args)
        for word in words:  # before argparse, which complains of what is missing first
            flag = word.partition("=")[0]
            if re.match(r"--\w", flag) and flag not in self._option_string_actions:
                self.error(f"there is no flag {flag}{did_you_mean(flag, self._option_string_actions)}")
        return super().parse_args(words, namespace)

    def error(self, message):
        choice = re.match(r"argument (\S+): invalid choice: (.*) \(choose from (.*)\)", message)
        if choice:
            flag, given, choices = (text.replace("'", "") for text in choice.groups())
            hint, lister = did_you_mean(given, choices.split(", ")), f"--list_{flag.strip('-')}s"
            is_long = choices.count(",") >= FEW and lister in self._option_string_actions
            listed = f"{lister} shows them all" if is_long else f"choose from {choices}"
            message = f"argument {flag}: there is no '{given}'{hint} ({listed})"
        where = f" (in {self.source})" if self.source else ""
        self.exit(2, f"error: {message}{where}; see python {self.prog} --help\n")


class Show(argparse.Action):
    """A flag that prints the text of a function and ends the program."""

    def __init__(self, option_strings, dest, text, help):
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, help=help)
        self.text = text

    def __call__(self, parser, namespace, values, option_string=None):
        try:
            print(self.text(), flush=True)
        except BrokenPipeError:  # `| head` has seen enough; Python would complain again at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        parser.exit()


def parse(parser, argv=None):
    """Parses a command line, the file of its `--config` and the defaults of its `--recipe` if it has them.

    What the command line gives wins over the file, and that over the recipe; but a recipe that is named beside the file
    wins over the file.

    Returns:
        `(args, given)`: the namespace, and the set of names that the command line or the file gave.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    config = config_words(parser, words)
    args = parser.parse_args([*recipe_words(parser, config), *config, *recipe_words(parser, words), *words])
    left_out = object()
    marked = parser.parse_args([*config, *words], argparse.Namespace(**dict.fromkeys(vars(args), left_out)))
    vars(args).pop("config", None)  # its flags are here already
    return args, {name for name, value in vars(marked).items() if value is not left_out} - {"config"}


def recipe_words(parser, words):
    """The defaults of a recipe as the words of a command line; an empty list if `words` name none that is known."""
    flags = {action.dest: action for action in parser._actions}
    defaults = parser.recipes.get(value_of(parser, "recipe", words), {})
    return [word for name, value in defaults.items() for word in flag_words(flags[name], value, "recipe")]


def value_of(parser, flag, words):
    """The value of one flag of `parser` among the words of a command line; None if it is not there."""
    only = Parser(prog=parser.prog, add_help=False)
    only.add_argument(f"--{flag}")
    return getattr(only.parse_known_args(words)[0], flag)


def config_words(parser, words):
    """The flags of a config file as the words of a command line, checked as those are.

    Args:
        parser: `Parser`.
        words: list of str, the command line.

    Returns:
        List of str; empty without `--config`.

    Raises:
        UsageError: if the file is missing, unreadable, or has a key that is neither a flag nor recorded by runs.
    """
    if "--config" not in parser._option_string_actions:
        return []
    path = value_of(parser, "config", words)
    if path is None:
        return []
    flags = {action.dest: action for action in parser._actions if action.dest not in ("help", "config")}
    found = []
    for key, value in read_settings(path).items():
        if key in flags and key not in NOT_OF_A_CONFIG:
            found += flag_words(flags[key], value, path)
        elif key not in NOT_OF_A_CONFIG:
            hint = did_you_mean(key, flags) or "; its keys are the flags of train.py without --"
            raise UsageError(f"--config {path}: there is no flag '{key}'{hint}")
    parser.source = path
    parser.parse_args(found)
    parser.source = None
    return found


def flag_words(action, value, path):
    """One flag with its value from JSON as the words of a command line."""
    flag = action.option_strings[-1]
    if value is None and action.default is None or value == [] == action.default:
        return []
    takes_list = action.nargs == "+" or isinstance(action.nargs, int)
    if isinstance(value, dict) or isinstance(value, list) != takes_list:
        kind = "a list" if takes_list else "one value"
        raise UsageError(f"--config {path}: '{action.dest}' takes {kind}, not {value!r}")
    return [flag, *map(str, value)] if takes_list else [f"{flag}={value}"]


def boolean(text):
    """A truth value in the original suite's words."""
    if text.lower() in ("yes", "true", "t", "y", "1"):
        return True
    if text.lower() in ("no", "false", "f", "n", "0"):
        return False
    raise argparse.ArgumentTypeError(f"'{text}' is not True or False")


def positive_int(text):
    """A whole number from 1."""
    return _number(text, int, lambda value: value >= 1, "a whole number from 1")


def natural(text):
    """A whole number from 0."""
    return _number(text, int, lambda value: value >= 0, "a whole number from 0")


def positive_float(text):
    """A number above 0."""
    return _number(text, float, lambda value: 0 < value < float("inf"), "a number above 0")


def natural_float(text):
    """A number from 0."""
    return _number(text, float, lambda value: 0 <= value < float("inf"), "a number from 0")


def fraction(text):
    """A number from 0 to below 1."""
    return _number(text, float, lambda value: 0 <= value < 1, "a number from 0 to below 1")


def degrees(text):
    """An angle from 0 to 180."""
    return _number(text, float, lambda value: 0 <= value <= 180, "an angle from 0 to 180 degrees")


def names(text):
    """Names with commas between them, a list of str."""
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise argparse.ArgumentTypeError(f"'{text}' has no name")
    return found


def scales(text):
    """Scales with commas between them, a tuple of float."""
    return tuple(
        _number(part, float, lambda value: 0.05 <= value <= 8, "a scale from 0.05 to 8") for part in text.split(",")
    )


def _number(text, kind, accept, description):
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not accept(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not {description}")
    return value
