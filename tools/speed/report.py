"""Speed comparison table, and a sentence on the machine and its software."""

from collections.abc import Sequence

from tools.speed.timing import Row

HARDWARE = ("cpu", "cores", "memory_gib", "device", "load_before")  # the rest of a machine is versions
IDLE_LOAD = 0.5  # maximum load average of an idle machine


def markdown_table(rows: Sequence[Row]) -> str:
    """Formats the results as a Markdown table."""
    lines = ["| task | this suite | compared with | its value | ratio |", "|---|---|---|---|---|"]
    for row in rows:
        value, ratio = row.note, "-"
        if row.baseline_value:
            value, ratio = readable(row.baseline_value, row.unit), f"{row.baseline_value / row.value:.3g}x"
        lines.append(f"| {row.task} | {readable(row.value, row.unit)} | {row.baseline} | {value} | {ratio} |")
    return "\n".join(lines)


def readable(value: float, unit: str = "s") -> str:
    """Formats a value with three digits and its unit."""
    if unit == "s" and value < 1:
        value, unit = 1000 * value, "ms"
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def describe_machine(machine: dict, rounds: int) -> str:
    """Describes processor, software and number of rounds, with a warning if the machine was not idle.

    Args:
        machine: as of `utils.benchmark.timing.machine_info`, "load_before" (load average before the measurement,
            or None), and versions by name.
        rounds: number of measurements of each candidate.
    """
    software = ", ".join(f"{name} {machine[name]}" for name in machine if name not in HARDWARE)
    text = f"Medians, rounds: {rounds} (predict: 1), on {machine['cpu']}, {machine['cores']} cores; {software}."
    if (machine["load_before"] or 0) > IDLE_LOAD:
        text += f"\nOther programs were running (load {machine['load_before']:.1f}); repeat on an idle machine."
    return text
