"""Tables of training runs: comparison, mean and standard deviation over folds or seeds."""

import pathlib
import re
import statistics
from collections.abc import Sequence

from utils.cli.tables import format_value, table
from utils.errors import UsageError, did_you_mean

FOLD = re.compile(r"_fold(\d+)$")  # of the names of datasets by tools/split_dataset.py --folds
SCORES = ("best_mean_iou", "last_mean_iou", "test_mean_iou")
MAX_VARIED = 4  # flags in which the runs of a group differ that are named
MEANS = (*SCORES, "test_global_accuracy", "minutes", "images_per_second")


def differing_flags(runs: Sequence[dict]) -> dict[str, list]:
    """Finds the flags in which runs differ.

    Args:
        runs: of `Run.record`.

    Returns:
        Dict from the name of each such flag to its value in each run, None where a run lacks it. Flags of the test are
        called "test_scales" and the like. Runs without settings, or without a test, differ in nothing.
    """
    different = {}
    for kind, prefix in (("flags", ""), ("test_flags", "test_")):
        known = [run[kind] for run in runs if run[kind]]
        for name in dict.fromkeys(name for flags in known for name in flags):
            if any(flags.get(name) != known[0].get(name) for flags in known):
                different[prefix + name] = [run[kind].get(name) for run in runs]
    return different


def run_names(runs: Sequence[dict]) -> list[str]:
    """Returns a name for each run: its folder, with as many of the folders around it as make all names different."""
    paths = [pathlib.PurePath(run["folder"]).parts for run in runs]
    for length in range(1, max(map(len, paths), default=0) + 1):
        names = ["/".join(parts[-length:]) for parts in paths]
        if len(set(names)) == len(names):
            return names
    return [run["folder"] for run in runs]


def group_runs(
    runs: Sequence[dict], flags: Sequence[str] | None = None, folds: bool = False, seeds: bool = False
) -> list[dict]:
    """Averages the scores of groups of runs.

    Args:
        runs: of `Run.record`; those without settings are in no group.
        flags: names of flags; runs with equal values are a group. None: all flags in which the runs differ.
        folds: whether the folds of a dataset, such as Mine_fold1 and Mine_fold2, count as equal.
        seeds: whether runs that differ in "seed" count as equal.

    Returns:
        List of dicts, the best first: "flags" of the group; "runs", their names; "varied", the values of other flags in
        which they differ, and of "fold"; for each of `MEANS` a dict of "mean", "deviation" (the sample standard
        deviation, None for a single run) and "count", the runs that have it.

    Raises:
        UsageError: if no run has one of the flags, or no dataset is a fold.
    """
    runs = [run for run in runs if run["flags"]]
    different = differing_flags(runs)
    datasets = [run["flags"].get("dataset") or "" for run in runs]
    if folds and not any(map(FOLD.search, datasets)):
        raise UsageError("--folds: no run was trained on a dataset whose name ends in _fold1, _fold2 ...")
    known = dict.fromkeys([*(name for run in runs for name in run["flags"]), *different])
    for name in flags or ():
        if name not in known:
            raise UsageError(f"--group_by: no run has a flag '{name}'{did_you_mean(name, known)}")
    chosen = flags or [name for name in different if not (seeds and name == "seed")]
    values = {name: different.get(name) or [run["flags"].get(name) for run in runs] for name in chosen}
    if folds and "dataset" in values:
        values["dataset"] = [FOLD.sub("", dataset) for dataset in datasets]
        if len(set(values["dataset"])) == 1 and not flags:
            del values["dataset"]
    members = {}
    for index in range(len(runs)):
        members.setdefault(repr([column[index] for column in values.values()]), []).append(index)
    names, groups = run_names(runs), []
    for indices in members.values():
        varied = {name: [column[i] for i in indices] for name, column in different.items() if name not in values}
        if folds:
            varied["fold"] = [int(match[1]) for match in map(FOLD.search, [datasets[i] for i in indices]) if match]
            if len({FOLD.sub("", datasets[i]) for i in indices}) == 1:
                varied.pop("dataset", None)
        varied = {name: _distinct(column) for name, column in varied.items()}
        groups.append(
            {
                "flags": {name: column[indices[0]] for name, column in values.items()},
                "runs": [names[i] for i in indices],
                "varied": {name: column for name, column in varied.items() if len(column) > 1},
                **{key: _mean([runs[i][key] for i in indices]) for key in MEANS},
            }
        )
    return sorted(groups, key=lambda group: -(group["best_mean_iou"]["mean"] or 0))


def runs_table(runs: Sequence[dict]) -> tuple[list[str], list[list[str]]]:
    """Formats a row per run, with the best validation first; scores are in percent.

    Returns:
        `(header, rows)`.
    """
    header = [
        "run",
        "best mean IoU, %",
        "epoch",
        "last, %",
        "epochs",
        "minutes",
        "test mean IoU, %",
        "images/s",
        "flags that differ",
    ]
    different, rows = differing_flags(runs), []
    names = run_names(runs)
    for index in sorted(range(len(runs)), key=lambda i: -(runs[i]["best_mean_iou"] or -1)):
        run = runs[index]
        rows.append(
            [
                names[index],
                _percent(run["best_mean_iou"]),
                _number(run["best_epoch"], 0),
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
    for group in groups:
        count = len(group["runs"])
        cells = [_spread(group[key], count, 100) for key in SCORES]
        varied = list(group["varied"].items())
        over = ", ".join(name for name, _ in varied[:MAX_VARIED]) + (", ..." if len(varied) > MAX_VARIED else "")
        if len(varied) == 1:
            over += f" {format_value(varied[0][1])}"
        rows.append(
            [str(count), *cells, _spread(group["minutes"], count, 1), over or "-", _pairs(group["flags"]) or "all"]
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


def _distinct(values):
    """Returns the different values, in order of first appearance."""
    return [value for index, value in enumerate(values) if value not in values[:index]]


def _mean(values):
    values = [value for value in values if value is not None]
    return {
        "mean": statistics.fmean(values) if values else None,
        "deviation": statistics.stdev(values) if len(values) > 1 else None,
        "count": len(values),
    }


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
