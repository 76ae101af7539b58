"""Writes the tables of models, frontends and results into README.md, from the registries and the measurements.

    python tools/make_tables.py

A test fails when they are not current.
"""

import functools
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from frontends import FRONTENDS
from models import MODELS, build_model
from tools.compare_models import RESULTS
from tools.compare_speed import description, table
from tools.results.tables import accuracy_table, fine_tuning_table, iou_table, scores_table, streets_table
from tools.speed.timing import Row
from utils.benchmark.complexity import count_flops, count_parameters, without_weights

SPEED, REMAT = (ROOT / "tools" / "results" / name for name in ("speed.json", "remat.json"))
NUM_CLASSES = 12
SIZE = 512  # pixels, height and width for which operations are counted
DEFAULT_FRONTEND = "ResNet101"


def models_table():
    """A line per network: its paper, its size and cost with the default frontend, its heads, what is special."""
    lines = [
        "| `--model` | paper | frontend | parameters | GFLOPs | auxiliary losses | what is special |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in MODELS.items():
        with without_weights():
            model = build_model(name, NUM_CLASSES, DEFAULT_FRONTEND, (SIZE, SIZE, 3))
        cells = (
            f"`{name}`",
            row.paper,
            "yes" if row.frontend else "-",
            f"{count_parameters(model) / 1e6:.1f} M",
            f"{count_flops(model) / 1e9:.0f}",
            heads_text(row.heads),
            row.special,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def heads_text(heads):
    """A network's auxiliary losses in a few words, such as "pixels 0.4, presence 0.2"."""
    weights = {}
    for head in heads.values():
        weights.setdefault(head.kind, []).append(f"{head.weight:g}")
    return ", ".join(f"{kind} {' + '.join(values)}" for kind, values in weights.items()) or "-"


def comparison_table():
    """A line per network of `tools/compare_models.py`'s results, best first."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    lines = ["| `--model` | steps | loss, first and last epoch | mean IoU, % |", "|---|---|---|---|"]
    scores = {name: row["mean_iou"] for name, row in results["models"].items()} | {None: results["baseline"]}
    for name in sorted(scores, key=scores.get, reverse=True):
        cells = ["*each pixel position's commonest class*", "", ""]
        if name:
            row = results["models"][name]
            cells = [f"`{name}`", str(row["steps"]), f"{row['first_loss']:.2f} → {row['last_loss']:.2f}"]
        lines.append(f"| {' | '.join([*cells, f'{100 * scores[name]:.1f}'])} |")
    return "\n".join(lines)


def frontends_table():
    """A line per feature extractor: its size and the channels it gives at each stride."""
    lines = [
        "| `--frontend` | paper | parameters | channels at stride 2, 4, 8, 16, 32 | Keras's network |",
        "|---|---|---|---|---|",
    ]
    for name, row in FRONTENDS.items():
        channels = ", ".join(str(count or "-") for count in row.channels)
        paper = re.sub(r"(\d{4}\.\d{5}|\d{4}\.\d{4})", r"[\1](https://arxiv.org/abs/\1)", row.paper)
        lines.append(f"| `{name}` | {paper} | {row.parameters / 1e6:.1f} M | {channels} | {row.network} |")
    return "\n".join(lines)


def speed_table(path=SPEED):
    """What `tools/compare_speed.py` found and wrote to `path`."""
    results = json.loads(path.read_text(encoding="utf-8"))
    rows = [Row(**row) for row in results["rows"]]
    machine = {**results["machine"], "load_before": None}  # a hint for who measures
    return f"{table(rows)}\n\n{description(machine, results['rounds'])}"


TABLES = {
    "models": models_table,
    "frontends": frontends_table,
    "camvid": iou_table,
    "accuracies": accuracy_table,
    "streets": streets_table,
    "fine_tuning": fine_tuning_table,
    "comparison": comparison_table,
    **{name: functools.partial(scores_table, name) for name in ("drives", "scales", "batch_statistics")},
    "speed": speed_table,
    "remat": lambda: speed_table(REMAT),
}


def with_tables(text, tables):
    """Replaces what stands between `<!-- NAME begin -->` and `<!-- NAME end -->`.

    Args:
        text: str, the README.
        tables: dict from name to the table's text.
    """
    for name, content in tables.items():
        begin, end = f"<!-- {name} begin -->", f"<!-- {name} end -->"
        if begin not in text or end not in text:
            raise ValueError(f"README.md has no place for the table '{name}': {begin} ... {end}")
        before, rest = text.split(begin, 1)
        text = f"{before}{begin}\n{content}\n{end}{rest.split(end, 1)[1]}"
    return text


def main():
    """Brings README.md up to date."""
    path = ROOT / "README.md"
    tables = {name: table() for name, table in TABLES.items()}
    path.write_text(with_tables(path.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main()
