"""Comparison of training runs: scores, time and the flags that differ; mean and deviation over folds or seeds.

    python tools/compare_runs.py checkpoints
    python tools/compare_runs.py checkpoints/*_fold* --folds

Reads settings.json and log.csv of the runs, and the scores.json that test.py wrote. Does not import Keras.
"""

import contextlib
import json
import pathlib
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.results.run_tables import (
    groups_rows,
    groups_table,
    markdown_table,
    runs_rows,
    runs_table,
    text_table,
)
from utils.cli import Parser
from utils.cli.types import name_list
from utils.errors import UsageError, report_errors
from utils.files import rows_text, write_json, write_rows
from utils.runs.groups import group_runs, run_names
from utils.runs.reading import read_runs

LOSS_FLAGS = ("loss", "class_balancing", "label_smoothing")


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/compare_runs.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        default=["checkpoints"],
        help="folders of runs, folders with many runs, or checkpoints; default: checkpoints",
    )
    parser.add_argument(
        "--tests",
        nargs="+",
        metavar="FOLDER",
        help="folders with results of test.py; scores belong to the run whose checkpoint they name; default: Test, and "
        "the folders of the runs",
    )
    groups = parser.add_argument_group("groups")
    groups.add_argument(
        "--folds",
        action="store_true",
        help="average over the folds of split_dataset.py, such as Mine_fold1 and Mine_fold2",
    )
    groups.add_argument("--seeds", action="store_true", help="average over runs that differ in --seed")
    groups.add_argument(
        "--group_by",
        type=name_list,
        metavar="FLAG[,FLAG]",
        help="average over runs with equal values of these flags of train.py; default with --folds and --seeds: of all "
        "other flags that differ",
    )
    output = parser.add_argument_group("output")
    output.add_argument("--markdown", action="store_true", help="print Markdown tables")
    output.add_argument("--csv", metavar="FILE", help="also write runs, or groups, to this file, - for standard output")
    output.add_argument("--json", metavar="FILE", help="also write runs and groups to this file, - for standard output")
    return parser


def notes(runs, records, is_grouped, folds):
    """Lists remarks on the tables: damaged files, several tests, different classes, incomplete runs.

    Args:
        runs: list of `utils.runs.Run`.
        records: their records.
        is_grouped: bool, whether runs are averaged.
        folds: bool, whether they are averaged over folds.
    """
    lines = [problem for run in runs for problem in run.problems]
    for name, run, record in zip(run_names(records), runs, records):
        if is_grouped and not run.settings:
            lines.append(f"{name} is in no group, because its settings are unknown")
        if len(run.tests) > 1:
            lines.append(f"{name} has {len(run.tests)} tests; the newest is shown, {record['test_file']}")
        planned, patience = record["num_epochs"], record["flags"].get("patience")
        if is_grouped and planned and record["epochs"] < planned and not patience:
            lines.append(f"{name} is not complete: {record['epochs']} of {planned} epochs")
    limits = {record["flags"]["num_val_images"] for record in records if record["flags"].get("num_val_images")}
    if folds and limits:
        lines.append(
            f"validation used at most {max(limits)} images of a fold; train with --num_val_images 0 for all of them"
        )
    compared = [record["flags"] for record in records if record["flags"] and record["val_loss"] is not None]
    if len({tuple(flags.get(name) for name in LOSS_FLAGS) for flags in compared}) > 1:
        lines.append("the runs have different losses: their val losses are not comparable")
    classes = {tuple(run.settings["class_names"]) for run in runs if run.settings.get("class_names")}
    if len(classes) > 1:
        counts = sorted(set(map(len, classes)))
        listed = f" ({', '.join(map(str, counts))})" if len(counts) > 1 else ""
        lines.append(f"the runs have different classes{listed}: their mean IoUs are not comparable")
    return lines


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    if "-" in (args.csv, args.json) and args.csv == args.json:
        raise UsageError("--csv and --json cannot both write to standard output")
    runs, missing = read_runs(args.runs, args.tests or ["Test"])
    missing += [f"--tests {path} is not there" for path in args.tests or () if not pathlib.Path(path).exists()]
    if not runs:
        raise UsageError(f"no run: {'; '.join(missing)}; give the folder of a run, such as checkpoints/custom_CamVid")
    records = [run.record() for run in runs]
    is_grouped = bool(args.folds or args.seeds or args.group_by)
    groups = group_runs(records, args.group_by, args.folds, args.seeds) if is_grouped else []
    # With "-", standard output holds nothing but the file.
    with contextlib.redirect_stdout(sys.stderr if "-" in (args.csv, args.json) else sys.stdout):
        formatted = markdown_table if args.markdown else text_table
        print(formatted(*runs_table(records)))
        if groups:
            print("", formatted(*groups_table(groups)), "", "±: sample standard deviation over the runs", sep="\n")
    for line in notes(runs, records, is_grouped, args.folds):
        print(f"note: {line}", file=sys.stderr)
    rows = groups_rows(groups) if groups else runs_rows(records)
    values = {
        "runs": [{"name": name, **record} for name, record in zip(run_names(records), records)],
        "groups": groups,
        "problems": [*missing, *(problem for run in runs for problem in run.problems)],
    }
    if args.csv == "-":
        print(rows_text(rows), end="")
    elif args.csv:
        write_rows(args.csv, rows)
    if args.json == "-":
        print(json.dumps(values, indent=2, ensure_ascii=False))
    elif args.json:
        write_json(args.json, values)
    for line in missing:
        print(f"left out: {line}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
