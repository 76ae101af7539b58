"""Names and settings as text for people: tables of the networks and frontends, the settings of a run."""

import shutil
import textwrap

from frontends import FRONTENDS
from models import MODELS

MOST_SHOWN = 6  # values of one setting, such as images


def models_table():
    """`MODELS` as a table as wide as the terminal."""
    rows = [
        [name, "yes" if row.frontend else "-", str(len(row.heads) or "-"), f"{row.paper}: {row.special}"]
        for name, row in MODELS.items()
    ]
    return table(["--model", "frontend", "auxiliary losses", "paper: what is special"], rows)


def frontends_table():
    """`FRONTENDS` as a table as wide as the terminal."""
    rows = []
    for name, row in FRONTENDS.items():
        strides = " ".join(str(2**level) for level, place in enumerate(row.taps, 1) if place is not None)
        stride = "8, 16" if row.dilates else "-"
        size = f"{row.smallest_size}x{row.smallest_size}"
        rows.append([name, f"{row.parameters / 1e6:.1f} M", size, strides, stride, row.paper])
    columns = ["--frontend", "parameters", "smallest", "strides", "--output_stride", "paper"]
    return table(columns, rows)


def table(header, rows):
    """Columns of text, of which the last is wrapped to the width of the terminal.

    Args:
        header: list of str.
        rows: list of lists of str.
    """
    widths = [max(map(len, column)) for column in zip(header, *rows)][:-1]
    indent = sum(widths) + 2 * len(widths)
    room = max(24, shutil.get_terminal_size((120, 0)).columns - indent - 1)
    lines = []
    for *cells, last in [header, *rows]:
        first, *more = textwrap.wrap(last, room) or [""]
        lines.append("".join(f"{cell:{width}}  " for cell, width in zip(cells, widths)) + first)
        lines += [" " * indent + line for line in more]
    return "\n".join(lines)


def run_block(parser, settings, versions):
    """What each run tells first: its settings, as `settings_block` has them, and the dict of versions; a str."""
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{settings_block(parser, settings)}\nVersions: {listed}"


def settings_block(parser, settings):
    """The flags of a run in the groups of `--help`; those that are not at their defaults have a star.

    Args:
        parser: `parser.Parser`.
        settings: dict of flags, and maybe more.

    Returns:
        str, lines of at most 118 columns.
    """
    lines = ["Settings (* = not the default):"]
    indent = max(len(group.title) for group in parser._action_groups) + 4
    for group in parser._action_groups:
        actions = [action for action in group._group_actions if action.dest in settings]
        items = [
            f"{'*' if differs(action, settings) else ''}{action.dest} {shown(settings[action.dest])}"
            for action in actions
        ]
        if items:  # a blank inside an item is no place to break a line
            text = " | ".join(item.replace(" ", "\0") for item in items)
            wrapped = textwrap.wrap(
                text,
                116,
                initial_indent=f"  {group.title}:".ljust(indent),
                subsequent_indent=" " * indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
            lines += [line.replace("\0", " ").removesuffix(" |") for line in wrapped]
    return "\n".join(lines)


def differs(action, settings):
    """Whether a flag is not at its default."""
    return settings[action.dest] != action.default


def shown(value):
    """A setting's value in few words."""
    if value is None or value == []:
        return "-"
    if not isinstance(value, (list, tuple)):
        return str(value)
    more = len(value) - MOST_SHOWN
    return ", ".join(map(str, value[:MOST_SHOWN])) + (f" and {more} more" if more > 0 else "")
