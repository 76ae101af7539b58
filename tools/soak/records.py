"""Recorded runs of the soak test, and their table in docs/reliability.md."""

import json
import pathlib

from tools import ROOT
from utils.files import write_json

RECORDS = ROOT / "tools" / "results" / "soak.json"
DETAILS = ("by target", "extremes", "answers", "refusals", "problems")  # of a part, which are too long for the table


def add_record(summary: dict, path: pathlib.Path = RECORDS) -> None:
    """Adds the summary of a run to the records, in place of one with the same command."""
    kept = [run for run in read_records(path) if run["command"] != summary["command"]]
    write_json(path, [*kept, summary])


def read_records(path: pathlib.Path = RECORDS) -> list[dict]:
    """Returns the recorded summaries; an empty list if there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def soak_table(path: pathlib.Path = RECORDS) -> str:
    """Formats the records as a Markdown table, a row for each part of a run."""
    runs = read_records(path)
    if not runs:
        return "No run is recorded."
    machines = list(dict.fromkeys(run["machine"] for run in runs))
    lines = ["| part | command | figures |", "|---|---|---|"]
    for run in runs:
        for name, part in run["parts"].items():
            figures = "; ".join(f"{key}: {value}" for key, value in part.items() if key not in DETAILS)
            figures += f"; load of the machine before: {run['load']}"
            if len(machines) > 1:
                figures += f"; machine: {machines.index(run['machine']) + 1}"
            lines.append(f"| {name} | `{run['command']}` | {figures} |")
    if len(machines) == 1:
        return "\n".join(lines) + f"\n\nMeasured on {machines[0]}."
    return "\n".join([*lines, "", "Measured on", "", *(f"{n}. {machine}" for n, machine in enumerate(machines, 1))])
