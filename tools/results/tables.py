"""README's tables of what the recorded recipes reached, and on CamVid beside what was published."""

import csv
import json
import pathlib

from models import MODELS
from tools.reproduce import recorded
from tools.time_experiments import RESULTS as LATENCIES
from tools.time_experiments import title

PAPERS = pathlib.Path(__file__).resolve().parent / "camvid_papers.csv"  # percent, millions of parameters


def iou_table():
    """A line per recorded recipe, best first: IoU of each class and size, time and command; then published results."""
    papers, classes = published("IoU")
    lines = [
        f"| network | {' | '.join(classes)} | mean IoU | global accuracy | parameters | one image | training |",
        f"|{'---|' * (len(classes) + 6)}",
    ]
    latencies = json.loads(LATENCIES.read_text(encoding="utf-8")) if LATENCIES.is_file() else {}
    for name, recipe in recorded("camvid").items():
        result = recipe["result"]
        scores = [*(result["class_iou"][one] for one in classes), result["mean_iou"], result["global_accuracy"]]
        scores = percent(scores)
        scores[-2] = f"**{scores[-2]}**"
        milliseconds, parameters = (latencies.get(key, {}).get(title(recipe)) for key in ("milliseconds", "parameters"))
        size = f"{parameters / 1e6:.1f} M" if parameters else "-"
        latency = f"{milliseconds:.0f} ms" if milliseconds else "-"
        training = f"{result['train_minutes']:.0f} min, {result['epochs']} epochs: `{name}`"
        lines.append(f"| {label(recipe)} | {' | '.join([*scores, size, latency, training])} |")
    for row in papers:
        cells = [*(row[one] for one in classes), row["mean_iou"], row["global_accuracy"], f"{row['parameters']} M", "-"]
        lines.append(f"| *{row['network']}* | {' | '.join(cells)} | *published: {row['source']}* |")
    return "\n".join(lines)


def best_table(rows=5):
    """The best recorded experiment on CamVid of each network, best first."""
    lines = [
        "| network | frontend | mean IoU | global accuracy | one image | training | experiment |",
        f"|{'---|' * 7}",
    ]
    milliseconds = json.loads(LATENCIES.read_text(encoding="utf-8"))["milliseconds"] if LATENCIES.is_file() else {}
    best = {}
    for name, experiment in recorded("camvid").items():
        best.setdefault(experiment["train"]["model"], (name, experiment))
    for name, experiment in list(best.values())[:rows]:
        result, latency = experiment["result"], milliseconds.get(title(experiment))
        cells = (
            label(experiment),
            experiment["train"].get("frontend", "-") if MODELS[experiment["train"]["model"]].frontend else "-",
            *(f"{score} %" for score in percent([result["mean_iou"], result["global_accuracy"]])),
            f"{latency:.0f} ms" if latency else "-",
            f"{result['train_minutes']:.0f} min",
            f"`{name}`",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def accuracy_table():
    """The class accuracies of the best recipe and of the suite's published run."""
    papers, classes = published("accuracy")
    lines = [f"| network | {' | '.join(classes)} | global accuracy |", f"|{'---|' * (len(classes) + 2)}"]
    for name, recipe in list(recorded("camvid").items())[:1]:
        result = recipe["result"]
        cells = percent([*(result["class_accuracy"][one] for one in classes), result["global_accuracy"]])
        lines.append(f"| {label(recipe)}: `{name}` | {' | '.join(cells)} |")
    for row in papers:
        cells = [*(row[one] for one in classes), row["global_accuracy"]]
        lines.append(f"| *{row['network']}, published: {row['source']}* | {' | '.join(cells)} |")
    return "\n".join(lines)


def streets_table():
    """A line per recorded recipe for Streets: IoU of each class."""
    lines = []
    for name, recipe in recorded("streets").items():
        result = recipe["result"]
        if not lines:
            classes = list(result["class_iou"])
            lines = [f"| | {' | '.join(classes)} | mean IoU | global accuracy |", f"|{'---|' * (len(classes) + 3)}"]
        scores = percent([*result["class_iou"].values(), result["mean_iou"], result["global_accuracy"]])
        lines.append(f"| `{name}` | {' | '.join(scores)} |")
    return "\n".join(lines)


def fine_tuning_table():
    """A line per recorded recipe that fine-tunes: training loss and validation mean IoU after each epoch."""
    lines = ["| start | loss | mean IoU, % | |", "|---|---|---|---|"]
    for name, recipe in sorted(recorded("fine_tuning").items()):
        history = recipe["result"]["history"]
        losses = ", ".join(f"{loss:.2f}" for loss in history["loss"])
        lines.append(f"| {recipe['about']} | {losses} | {', '.join(percent(history['val_mean_iou']))} | `{name}` |")
    return "\n".join(lines)


def scores_table(table):
    """A line per recorded recipe of a table, best first: what sets it apart, and its scores."""
    lines = ["| | mean IoU, % | global accuracy, % | |", "|---|---|---|---|"]
    for name, recipe in recorded(table).items():
        scores = percent([recipe["result"][key] for key in ("mean_iou", "global_accuracy")])
        lines.append(f"| {recipe['about']} | {' | '.join(scores)} | `{name}` |")
    return "\n".join(lines)


def published(measure):
    """The published results of a measure, "IoU" or "accuracy": a list of dicts, and the names of the classes."""
    with PAPERS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row["measure"] == measure], list(rows[0])[4:-2]


def label(recipe):
    """A recipe's network for the table, such as "`UNet-Frontend`, bfloat16, 6 views"."""
    name, comma, views = title(recipe).partition(",")
    return f"`{name}`{comma}{views}"


def percent(shares):
    """Shares in 0..1 as percentages with one digit."""
    return [f"{100 * share:.1f}" for share in shares]
