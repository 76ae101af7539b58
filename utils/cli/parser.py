"""Command-line parser with one-line errors, suggestions for misspelled names, and help in groups.

The only module that uses private names of argparse (tried with Python 3.11 and 3.13): `_actions`, `_action_groups`,
`_group_actions`, `_get_values`, and `_get_help_string` of its help formatter.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable

from utils.errors import UsageError, did_you_mean

MAX_CHOICES = 12  # choices that an error or a help text lists; longer lists have a flag such as --list_models

# Names of flags in other programs, and the flags of this suite, of which each command suggests the first that it has.
OTHER_NAMES = {
    "lr": ("learning_rate",),
    "bs": ("batch_size",),
    "arch": ("model",),
    "architecture": ("model",),
    "backbone": ("frontend",),
    "encoder": ("frontend",),
    "weights": ("checkpoint_path", "frontend_weights"),
    "ckpt": ("checkpoint_path", "init_from"),
    "model_path": ("checkpoint_path", "init_from"),
    "resume": ("continue_training",),
    "amp": ("mixed_precision",),
    "data": ("dataset",),
    "data_dir": ("dataset",),
    "input": ("image",),
    "source": ("image",),
    "video": ("image",),
    "camera": ("image",),
    "webcam": ("image",),
}


class HelpFormatter(argparse.HelpFormatter):
    """Help formatter that appends the choices and the default, unless the text names the default."""

    def __init__(self, prog):
        super().__init__(prog, max_help_position=30)

    def _get_help_string(self, action):
        text = action.help
        if action.choices and len(action.choices) <= MAX_CHOICES:
            text += f"; one of: {', '.join(map(str, action.choices))}"
        is_off = any(action.default is value for value in (None, False, argparse.SUPPRESS)) or action.default == []
        return text if is_off or "default" in text else f"{text} (default: %(default)s)"


class Parser(argparse.ArgumentParser):
    """Parser whose errors are one line. Flags cannot be abbreviated: an abbreviation may become ambiguous later."""

    def __init__(self, *args, formatter_class=HelpFormatter, allow_abbrev=False, **options):
        super().__init__(*args, formatter_class=formatter_class, allow_abbrev=allow_abbrev, **options)

    def flags(self) -> dict[str, argparse.Action]:
        """Returns the arguments that have a value, by name."""
        return {action.dest: action for action in self._actions if action.default is not argparse.SUPPRESS}

    def groups(self) -> dict[str, list[argparse.Action]]:
        """Returns the arguments by the title of their group in the help; empty groups are left out."""
        return {group.title: group._group_actions for group in self._action_groups if group._group_actions}

    def parse_args(self, args=None, namespace=None):
        args = sys.argv[1:] if args is None else list(args)
        options = self._options()
        for arg in args:  # argparse itself reports missing flags before misspelled ones
            flag = arg.partition("=")[0]
            if re.match(r"--\w", flag) and flag not in options:
                self.error(f"there is no flag {flag}{self._suggest(flag)}")
        return super().parse_args(args, namespace)

    def convert(self, action: argparse.Action, texts: list[str]):
        """Converts the value of one flag, with the checks and messages of the command line.

        Args:
            action: the flag.
            texts: its value as text, one item per value.

        Returns:
            The value: a list for a flag of several values.

        Raises:
            UsageError: if the type or the choices of the flag reject a value.
        """
        try:
            return self._get_values(action, texts)
        except argparse.ArgumentError as error:
            raise UsageError(self._explain(str(error))) from error

    def error(self, message):
        self.exit(2, f"error: {self._explain(message)}; see python {self.prog} --help\n")

    def _suggest(self, flag: str) -> str:
        """Suggests a flag in place of one that does not exist, or returns ""."""
        options = self._options()
        names = [f"--{name}" for name in OTHER_NAMES.get(flag.strip("-").replace("-", "_").lower(), ())]
        known = next((name for name in names if name in options), None)
        return f"; did you mean {known}?" if known else did_you_mean(flag, options)

    def _options(self) -> list[str]:
        return [option for action in self._actions for option in action.option_strings]

    def _explain(self, message: str) -> str:
        """Rewords argparse's message about an invalid choice: suggests the closest one and shortens long lists."""
        match = re.match(r"argument (\S+): invalid choice: (.*) \(choose from (.*)\)", message)
        if not match:
            return message
        flag, value, choices = (text.replace("'", "") for text in match.groups())
        hint, lister = did_you_mean(value, choices.split(", ")), f"--list_{flag.strip('-')}s"
        is_long = choices.count(",") >= MAX_CHOICES and lister in self._options()
        listed = f"{lister} shows them all" if is_long else f"choose from {choices}"
        return f"argument {flag}: there is no '{value}'{hint} ({listed})"


class StoreOneOrMore(argparse.Action):
    """Stores the value of a flag with `nargs="+"`: a single one as itself, several as a list."""

    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, values[0] if len(values) == 1 else values)


class ShowText(argparse.Action):
    """Flag that prints the text that a function returns and ends the program."""

    def __init__(self, option_strings: list[str], dest: str, text: Callable[[], str], help: str):
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, help=help)
        self.text = text

    def __call__(self, parser, namespace, values, option_string=None):
        try:
            print(self.text(), flush=True)
        except BrokenPipeError:  # as with `| head`; Python would report it again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        parser.exit()
