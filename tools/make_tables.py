"""Writes the generated tables into README.md and docs/*.md, from the parsers, the registries and the records.

    python tools/make_tables.py
    python tools/make_tables.py --check

A table stands between `<!-- NAME begin -->` and `<!-- NAME end -->`. The parameters and operations of the networks are
recorded in tools/results/models.json; new networks are counted, and all of them with --recount.
"""

import functools
import json
import pathlib
import re
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from models import MODELS
from tools import ROOT, analyse_dataset, compare_runs, convert_dataset, split_dataset
from tools.compare_exports import exports_table
from tools.compare_models import RESULTS
from tools.compare_recipes import recipes_table
from tools.results.reference import (
    COUNTS,
    count_model,
    families_table,
    flags_table,
    formats_table,
    frontends_table,
    losses_table,
    models_table,
    presets_table,
    read_counts,
)
from tools.results.scaling import scaling_table
from tools.results.tables import (
    accuracy_table,
    best_table,
    fine_tuning_table,
    iou_table,
    scores_table,
    streets_table,
)
from tools.soak.records import soak_table
from tools.speed import Row, describe_machine, markdown_table
from utils.cli import arguments
from utils.errors import RunError, report_errors

SPEED = ROOT / "tools" / "results" / "speed.json"
COMMANDS = ("train", "test", "predict", "export", "benchmark")
PARSERS = {name: getattr(arguments, f"{name}_parser") for name in COMMANDS}
PARSERS |= {
    pathlib.Path(tool.__file__).stem: tool.build_parser
    for tool in (analyse_dataset, compare_runs, convert_dataset, split_dataset)
}


def comparison_table() -> str:
    """A row per network of `tools/compare_models.py`'s results, best first."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    lines = ["| `--model` | steps | loss, first and last epoch | mean IoU, % |", "|---|---|---|---|"]
    scores = {name: row["mean_iou"] for name, row in results["models"].items()} | {None: results["baseline"]}
    for name in sorted(scores, key=scores.get, reverse=True):
        cells = ["*most frequent class at each pixel position*", "", ""]
        if name:
            row = results["models"][name]
            cells = [f"`{name}`", str(row["steps"]), f"{row['first_loss']:.2f} → {row['last_loss']:.2f}"]
        lines.append(f"| {' | '.join([*cells, f'{100 * scores[name]:.1f}'])} |")
    return "\n".join(lines)


def speed_table() -> str:
    """The recorded measurements of `tools/compare_speed.py`."""
    results = json.loads(SPEED.read_text(encoding="utf-8"))
    rows = [Row(**row) for row in results["rows"]]
    machine = {**results["machine"], "load_before": None}  # a hint for who measures
    return f"{markdown_table(rows)}\n\n{describe_machine(machine, results['rounds'])}"


TABLES = {
    "families": families_table,
    "best": best_table,
    **{f"{name} flags": lambda parser=parser: flags_table(parser()) for name, parser in PARSERS.items()},
    "formats": formats_table,
    "losses": losses_table,
    "presets": presets_table,
    "models": models_table,
    "frontends": frontends_table,
    "camvid": iou_table,
    "accuracies": accuracy_table,
    "streets": streets_table,
    "fine_tuning": fine_tuning_table,
    "comparison": comparison_table,
    **{
        name: functools.partial(scores_table, name) for name in ("drives", "scales", "batch_statistics", "distillation")
    },
    "recipes": recipes_table,
    "speed": speed_table,
    "soak": soak_table,
    "scaling": scaling_table,
    "exports": exports_table,
}


def pages() -> list[pathlib.Path]:
    """README.md and the pages of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def table_names(text: str) -> list[str]:
    """The names of the tables of a page.

    Raises:
        ValueError: if a marker has no partner or names no table.
    """
    names = re.findall(r"<!-- ([\w ]+) begin -->", text)
    if names != re.findall(r"<!-- ([\w ]+) end -->", text):
        raise ValueError("every '<!-- NAME begin -->' needs a '<!-- NAME end -->' after it")
    unknown = [name for name in names if name not in TABLES]
    if unknown:
        raise ValueError(f"there is no table '{unknown[0]}'; the tables are {', '.join(TABLES)}")
    return names


def with_tables(text: str, tables: dict[str, str]) -> str:
    """Replaces the tables of a page.

    Args:
        text: the page.
        tables: from a name to the text of its table; others stay as they are.
    """
    for name in table_names(text):
        if name in tables:
            begin, end = f"<!-- {name} begin -->", f"<!-- {name} end -->"
            before, rest = text.split(begin, 1)
            text = f"{before}{begin}\n{tables[name]}\n{end}{rest.split(end, 1)[1]}"
    return text


def update_counts(recount: bool = False) -> None:
    """Counts the networks that are not recorded yet, or all of them, and records them in the order of `MODELS`."""
    from utils.backend import import_backend
    from utils.files import write_json

    counts = read_counts() if COUNTS.is_file() and not recount else {}
    if list(counts) != list(MODELS):
        import_backend()
        write_json(COUNTS, {name: counts.get(name) or count_model(name) for name in MODELS})


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    parser = arguments.Parser(prog="tools/make_tables.py", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a page is not current")
    parser.add_argument("--recount", action="store_true", help="count parameters and operations of all networks again")
    args = parser.parse_args(argv)
    if not args.check:
        update_counts(args.recount)
    stale = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        current = with_tables(text, {name: TABLES[name]() for name in table_names(text)})
        if current != text:
            stale.append(str(page.relative_to(ROOT)))
            if not args.check:
                page.write_text(current, encoding="utf-8")
    if args.check and stale:
        raise RunError(f"not current: {', '.join(stale)}; run python tools/make_tables.py")
    print("\n".join(stale) or "All pages are current")
    return 0


if __name__ == "__main__":
    sys.exit(main())
