"""Check of how labels are read: generated datasets in all forms, compared with their truth and an independent reading.

    python tools/check_inputs.py --count 3000

Each dataset has four label files, with a class dictionary, contents and file forms drawn at random. It is read as
train.py and test.py do. It must be right, or be refused for a reason that tools/inputs/judge.py lists. Datasets that
are read wrongly are kept.
"""

import collections
import contextlib
import json
import pathlib
import shutil
import sys
import tempfile
import time

import numpy as np

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.inputs.judge import REASONS, REFUSED, RIGHT, WRONG, judge
from tools.inputs.storage import STORAGES
from tools.inputs.variants import Variant, draw_variant
from tools.results.run_tables import text_table
from utils.cli import Parser
from utils.cli.types import nonnegative_int, positive_float, positive_int
from utils.errors import RunError, report_errors
from utils.files import write_json

SHOWN = 5  # datasets that are read wrongly


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/check_inputs.py", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=positive_int, default=500, help="number of datasets; default: 500")
    parser.add_argument("--minutes", type=positive_float, help="stop after this time, even before --count")
    parser.add_argument("--seed", type=nonnegative_int, default=0, help="random seed of the datasets; default: 0")
    parser.add_argument("--json", metavar="FILE", help="also write the outcomes to this file, - for standard output")
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    folder, start = pathlib.Path(tempfile.mkdtemp(prefix="check_inputs_")), time.perf_counter()
    rng, storages = np.random.default_rng(args.seed), list(STORAGES)
    outcomes, combinations, wrong = collections.defaultdict(collections.Counter), set(), []
    with contextlib.redirect_stdout(sys.stderr if args.json == "-" else sys.stdout):
        for number in range(args.count):
            if args.minutes and time.perf_counter() - start > 60 * args.minutes:
                break
            variant = draw_variant(rng, storages[number % len(storages)])
            verdict = judge(folder / str(number), variant)
            outcomes[kind_of(variant)][verdict.outcome, verdict.reason if verdict.outcome == REFUSED else ""] += 1
            combinations.add(variant._replace(seed=0))
            if verdict.outcome == WRONG:
                wrong.append({"folder": str(folder / str(number)), "variant": describe(variant), "why": verdict.reason})
            else:
                shutil.rmtree(folder / str(number))
        rows = outcome_rows(outcomes)
        print(text_table(list(rows[0]), [list(map(str, row.values())) for row in rows]))
        for reason, why in REASONS.items():
            print(f"refused, {reason}: {why}")
        for one in wrong[:SHOWN]:
            print(f"WRONG: {one['folder']} ({one['variant']}): {one['why']}")
        print(f"{len(combinations)} different combinations, {time.perf_counter() - start:.0f} s, seed {args.seed}")
    result = {"seed": args.seed, "combinations": len(combinations), "outcomes": rows, "wrong": wrong}
    if args.json == "-":
        print(json.dumps(result, indent=2, ensure_ascii=False))
    elif args.json:
        write_json(args.json, result)
    if wrong:
        raise RunError(f"{len(wrong)} datasets are read wrongly; they are kept in {folder}")
    folder.rmdir()
    return 0


def kind_of(variant: Variant) -> str:
    """Returns the kind of a dataset's files: the format and the channels, or "mixed"."""
    if len(variant.parts) > 1:
        return "mixed"
    name = variant.parts[0].storage
    return f"{name.split()[0]} {STORAGES[name].channels}"


def describe(variant: Variant) -> str:
    """Describes a variant in a line."""
    parts = [", ".join(filter(None, (*part[:3], part.value > 1 and str(part.value)))) for part in variant.parts]
    return f"{variant.classes}; {variant.content}; {' + '.join(parts)}; seed {variant.seed}"


def outcome_rows(outcomes: dict[str, collections.Counter]) -> list[dict]:
    """Returns the number of datasets of each outcome for each kind of files, and for all."""
    total = sum(outcomes.values(), collections.Counter())
    return [{"files": kind, **_counts(counter)} for kind, counter in [*sorted(outcomes.items()), ("all", total)]]


def _counts(counter):
    """Returns the number of datasets of each outcome by its name."""
    refused = {f"refused, {reason}": counter[REFUSED, reason] for reason in REASONS}
    return {RIGHT: counter[RIGHT, ""], **refused, WRONG: counter[WRONG, ""]}


if __name__ == "__main__":
    sys.exit(main())
