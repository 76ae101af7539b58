"""Groups of training runs: flags that differ, mean and standard deviation over folds or seeds."""

import pathlib
import re
import statistics
from collections.abc import Sequence

from utils.errors import UsageError, did_you_mean

FOLD = re.compile(r"_fold(\d+)(?=\+|$)")  # of the names of datasets by tools/split_dataset.py --folds
SCORES = ("best_mean_iou", "last_mean_iou", "test_mean_iou")
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
