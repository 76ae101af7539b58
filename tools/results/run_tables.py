"""Tables of training runs and of groups of them, as text, Markdown and CSV."""

import re
from collections.abc import Sequence

from utils.cli import train_parser
from utils.cli.choices import RECIPES
from utils.cli.tables import format_value, table
from utils.runs.groups import MEANS, SCORES, differing_flags, run_names

MAX_VARIED = 4  # flags in which the runs of a group differ that are named


def runs_table(runs: Sequence[dict]) -> tuple[list[str], list[list[str]]]:
    """Formats a row per run, with the best validation first; scores are in percent.

    Returns:
        `(header, rows)`.
    """
    header = [
        "run",
        "best mean IoU, %",
        "in epoch",
        "val loss",
        "last, %",
        "epochs",
        "minutes",
        "test mean IoU, %",
        "images/s",
        "flags that differ",
    ]
    different, rows = _without_presets(differing_flags(runs)), []
    names = run_names(runs)
    for index in sorted(range(len(runs)), key=lambda i: -(runs[i]["best_mean_iou"] or -1)):
        run = runs[index]
        rows.append(
            [
                names[index],
                _percent(run["best_mean_iou"]),
                _number(run["best_epoch"], 0),
                _number(run["val_loss"], 4),
                _percent(run["last_mean_iou"]),
                f"{run['epochs']}" + (f" of {run['num_epochs']}" if run["num_epochs"] else ""),
                _number(run["minutes"], 1),
                _percent(run["test_mean_iou"]),
                _number(run["images_per_second"], 1),
                _pairs({name: values[index] for name, values in different.items()}) or "-",
            ]
        )
    return _without_empty(header, rows)


def groups_table(groups: Sequence[dict]) -> tuple[list[str], list[list[str]]]:
    """Formats a row per group of `group_runs`: mean and sample standard deviation; scores are in percent.

    Returns:
        `(header, rows)`.
    """
    header = ["runs", "best mean IoU, %", "last, %", "test mean IoU, %", "minutes", "over", "group"]
    rows = []
    shown = _without_presets({name: [group["flags"][name] for group in groups] for name in groups[0]["flags"]})
    for group in groups:
        count = len(group["runs"])
        cells = [_spread(group[key], count, 100) for key in SCORES]
        varied = list(group["varied"].items())
        over = ", ".join(name for name, _ in varied[:MAX_VARIED]) + (", ..." if len(varied) > MAX_VARIED else "")
        if len(varied) == 1:
            over += f" {format_value(varied[0][1])}"
        rows.append(
            [
                str(count),
                *cells,
                _spread(group["minutes"], count, 1),
                over or "-",
                _pairs({name: group["flags"][name] for name in shown}) or "all",
            ]
        )
    return _without_empty(header, rows)


def text_table(header: list[str], rows: list[list[str]]) -> str:
    """Formats a table for the console: numbers to the right, the last column as wide as the terminal."""
    columns = list(zip(*rows))
    for number, column in enumerate(columns[:-1]):
        if all(re.match(r"\d|-$", cell) for cell in column):
            width = max(map(len, (header[number], *column)))
            columns[number] = [cell.rjust(width) for cell in column]
    return table(header, list(zip(*columns)))


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """Formats a table as Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def runs_rows(runs: Sequence[dict]) -> list[dict]:
    """Returns a flat dict per run for a CSV file: name, flags in which the runs differ, results."""
    different, rows = differing_flags(runs), []
    for index, (name, run) in enumerate(zip(run_names(runs), runs)):
        results = {key: value for key, value in run.items() if key not in ("flags", "test_flags")}
        flags = {name: _text(values[index]) for name, values in different.items()}
        rows.append({"name": name, **flags, **results})
    return rows


def groups_rows(groups: Sequence[dict]) -> list[dict]:
    """Returns a flat dict per group for a CSV file."""
    rows = []
    for group in groups:
        flags = {name: _text(value) for name, value in group["flags"].items()}
        means = {
            f"{key}{suffix}": group[key][part]
            for key in MEANS
            for part, suffix in (("mean", ""), ("deviation", "_deviation"), ("count", "_count"))
        }
        rows.append({**flags, "runs": " ".join(group["runs"]), **means})
    return rows


def _without_presets(columns):
    """Leaves out the flags that differ only because the preset (`--recipe`) does.

    Args:
        columns: dict from the name of a flag to its value in each run or group.
    """
    recipes, parser = columns.get("recipe", []), train_parser()
    changed = {name for recipe in recipes for name in RECIPES.get(recipe, {})}

    def is_preset(name):
        defaults = [RECIPES.get(recipe, {}).get(name, parser.get_default(name)) for recipe in recipes]
        known = [index for index, recipe in enumerate(recipes) if recipe is not None]
        return all(columns[name][index] == defaults[index] for index in known)

    return {name: values for name, values in columns.items() if name not in changed or not is_preset(name)}


def _spread(values, count, scale):
    """Formats a mean and its deviation, and the number of values if it is not that of the runs."""
    if values["mean"] is None:
        return "-"
    digits = 2 if scale == 100 else 1
    deviation = "" if values["deviation"] is None else f" ± {scale * values['deviation']:.{digits}f}"
    some = "" if values["count"] == count else f" (n={values['count']})"
    return f"{scale * values['mean']:.{digits}f}{deviation}{some}"


def _percent(value):
    return "-" if value is None else f"{100 * value:.2f}"


def _number(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def _text(value):
    """Returns a flag's value for a cell of a CSV file."""
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _pairs(flags):
    """Formats flags; those that are off are left out."""
    shown = {name: value for name, value in flags.items() if value is not None and value is not False and value != []}
    return ", ".join(name if value is True else f"{name}={_text(value)}" for name, value in shown.items())


def _without_empty(header, rows):
    """Leaves out columns in which no row has a value."""
    kept = [index for index in range(len(header)) if any(row[index] not in ("-", "") for row in rows)]
    return [header[index] for index in kept], [[row[index] for index in kept] for row in rows]
