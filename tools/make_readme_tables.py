"""Writes the tables of models and frontends into README.md, from the registries.

    python tools/make_readme_tables.py

A test fails when they are not current.
"""

import math
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from frontends import FRONTENDS
from models import MODELS, build_model

NUM_CLASSES = 12
DEFAULT_FRONTEND = "ResNet101"


def models_table():
    """A line per network: its paper, its size with the default frontend, what is special."""
    lines = ["| `--model` | paper | frontend | parameters | what is special |", "|---|---|---|---|---|"]
    for name, architecture in MODELS.items():
        model = build_model(name, NUM_CLASSES, DEFAULT_FRONTEND)
        millions = sum(math.prod(variable.shape) for variable in model.trainable_variables) / 1e6
        frontend = "yes" if architecture.frontend else "-"
        lines.append(f"| `{name}` | {architecture.paper} | {frontend} | {millions:.1f} M | {architecture.special} |")
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


TABLES = {"models": models_table, "frontends": frontends_table}


def with_tables(text, tables):
    """Replaces what stands between `<!-- NAME begin -->` and `<!-- NAME end -->`.

    Args:
        text: str, the README.
        tables: dict from name to the table's text.
    """
    for name, table in tables.items():
        begin, end = f"<!-- {name} begin -->", f"<!-- {name} end -->"
        if begin not in text or end not in text:
            raise ValueError(f"README.md has no place for the table '{name}': {begin} ... {end}")
        before, rest = text.split(begin, 1)
        text = f"{before}{begin}\n{table}\n{end}{rest.split(end, 1)[1]}"
    return text


def main():
    """Brings README.md up to date."""
    path = ROOT / "README.md"
    tables = {name: table() for name, table in TABLES.items()}
    path.write_text(with_tables(path.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main()
