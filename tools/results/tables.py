"""Result tables of the documentation: recorded experiments, and published results on CamVid."""

import csv
import json
import pathlib
import statistics

from models import MODELS
from tools.results import records
from tools.results.records import recorded, scores_of_seeds, title

PAPERS = pathlib.Path(__file__).resolve().parent / "camvid_papers.csv"  # percent, millions of parameters


def iou_table() -> str:
    """A row per recorded CamVid experiment, best first: IoU of each class, size, latency and training; then papers."""
    papers, classes = published("IoU")
    lines = [
        f"| network | {' | '.join(classes)} | mean IoU | global accuracy | parameters | one image | training |",
        f"|{'---|' * (len(classes) + 6)}",
    ]
    latencies = read_latencies()
    for name, experiment in recorded("camvid").items():
        result, network = experiment["result"], title(experiment)
        class_iou = [result["class_iou"][class_name] for class_name in classes]
        scores = [*percent(class_iou), f"**{spread(experiment, 'mean_iou')}**", spread(experiment, "global_accuracy")]
        parameters, milliseconds = latencies["parameters"].get(network), latencies["milliseconds"].get(network)
        size = f"{parameters / 1e6:.1f} M" if parameters else "-"
        latency = f"{milliseconds:.0f} ms" if milliseconds else "-"
        training = f"{result['train_minutes']:.0f} min, {result['epochs']} epochs: `{name}`"
        lines.append(f"| {label(experiment)} | {' | '.join([*scores, size, latency, training])} |")
    for row in papers:
        scores = [*(row[class_name] for class_name in classes), row["mean_iou"], row["global_accuracy"]]
        cells = [*scores, f"{row['parameters']} M", "-", f"*published: {row['source']}*"]
        lines.append(f"| *{row['network']}* | {' | '.join(cells)} |")
    return "\n".join(lines)


def best_table(rows: int = 5) -> str:
    """The best recorded CamVid experiment of each network, best first."""
    lines = [
        "| network | frontend | mean IoU | global accuracy | one image | training | experiment |",
        f"|{'---|' * 7}",
    ]
    milliseconds = read_latencies()["milliseconds"]
    best = {}
    for name, experiment in recorded("camvid").items():
        best.setdefault(experiment["train"]["model"], (name, experiment))
    for name, experiment in list(best.values())[:rows]:
        result, latency = experiment["result"], milliseconds.get(title(experiment))
        train = experiment["train"]
        frontend = train.get("frontend", "-") if MODELS[train["model"]].frontend else "-"
        cells = (
            label(experiment).replace(f", {frontend}", ""),
            frontend,
            *(f"{score} %" for score in percent([result["mean_iou"], result["global_accuracy"]])),
            f"{latency:.0f} ms" if latency else "-",
            f"{result['train_minutes']:.0f} min",
            f"`{name}`",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def accuracy_table() -> str:
    """Class accuracies of the best CamVid experiment and of the published run of the original suite."""
    papers, classes = published("accuracy")
    lines = [f"| network | {' | '.join(classes)} | global accuracy |", f"|{'---|' * (len(classes) + 2)}"]
    for name, experiment in list(recorded("camvid").items())[:1]:
        result = experiment["result"]
        accuracies = [result["class_accuracy"][class_name] for class_name in classes]
        cells = percent([*accuracies, result["global_accuracy"]])
        lines.append(f"| {label(experiment)}: `{name}` | {' | '.join(cells)} |")
    for row in papers:
        cells = [*(row[class_name] for class_name in classes), row["global_accuracy"]]
        lines.append(f"| *{row['network']}, published: {row['source']}* | {' | '.join(cells)} |")
    return "\n".join(lines)


def streets_table() -> str:
    """A row per recorded Streets experiment: IoU of each class."""
    lines = []
    for name, experiment in recorded("streets").items():
        result = experiment["result"]
        if not lines:
            classes = list(result["class_iou"])
            lines = [f"| | {' | '.join(classes)} | mean IoU | global accuracy |", f"|{'---|' * (len(classes) + 3)}"]
        scores = percent([*result["class_iou"].values(), result["mean_iou"], result["global_accuracy"]])
        lines.append(f"| `{name}` | {' | '.join(scores)} |")
    return "\n".join(lines)


def fine_tuning_table() -> str:
    """A row per recorded fine-tuning experiment: training loss and validation mean IoU of each epoch."""
    lines = ["| start | loss | mean IoU, % | |", "|---|---|---|---|"]
    for name, experiment in sorted(recorded("fine_tuning").items()):
        history = experiment["result"]["history"]
        losses = ", ".join(f"{loss:.2f}" for loss in history["loss"])
        lines.append(f"| {experiment['about']} | {losses} | {', '.join(percent(history['val_mean_iou']))} | `{name}` |")
    return "\n".join(lines)


def scores_table(table: str) -> str:
    """Formats a table's recorded experiments as rows, best first: subject and scores."""
    lines = ["| | mean IoU, % | global accuracy, % | |", "|---|---|---|---|"]
    for name, experiment in recorded(table).items():
        scores = [spread(experiment, key) for key in ("mean_iou", "global_accuracy")]
        lines.append(f"| {experiment['about']} | {' | '.join(scores)} | `{name}` |")
    return "\n".join(lines)


def published(measure: str) -> tuple[list[dict], list[str]]:
    """Reads the published results of a measure, "IoU" or "accuracy", and the names of the classes."""
    with PAPERS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row["measure"] == measure], list(rows[0])[4:-2]


def read_latencies() -> dict:
    """Reads "milliseconds" and "parameters" by title; both are empty before the first measurement."""
    path = records.LATENCIES
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"milliseconds": {}, "parameters": {}}


def label(experiment: dict) -> str:
    """Formats the title of an experiment, such as "`UNet-Frontend`, bfloat16, 6 views"."""
    name, comma, views = title(experiment).partition(",")
    return f"`{name}`{comma}{views}"


def spread(experiment: dict, score: str) -> str:
    """Formats a score in percent; of several seeds mean and standard deviation, such as "61.2 ± 0.3"."""
    scores = [100 * value for value in scores_of_seeds(experiment, score)]
    deviation = f" ± {statistics.stdev(scores):.1f}" if len(scores) > 1 else ""
    return f"{statistics.mean(scores):.1f}{deviation}"


def percent(shares: list[float]) -> list[str]:
    """Formats shares in 0..1 as percentages with one decimal."""
    return [f"{100 * share:.1f}" for share in shares]
