"""What a run tells: tables on the console, CSV and JSON files. Files appear whole or not at all."""

import csv
import io
import json
import pathlib

from utils.errors import RunError
from utils.files import atomic_write
from utils.metrics import mean_scores

SCORE_COLUMNS = ("precision", "recall", "f1 score", "mean iou")
HEADLINE = {"mean IoU": "mean_iou", "global accuracy": "global_accuracy"}
SUITE_MEANS = ("accuracy", "precision", "recall", "F1 score", "mean IoU")


def make_folder(path):
    """Makes a folder for results and returns it as a `pathlib.Path`.

    Raises:
        RunError: if that is not possible.
    """
    try:
        pathlib.Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot make the folder {path}: {error.strerror}") from error
    return pathlib.Path(path)


def write_text(path, text):
    """Writes a text file under a temporary name and renames it.

    Raises:
        RunError: if the disk refuses.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, values):
    """Writes JSON for people and programs; NaN becomes null."""
    write_text(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def write_rows(path, rows):
    """Writes a list of dicts as CSV; the columns are those of all rows, in order of appearance."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_image_scores(path, first_columns, pairs, rows, class_names):
    """Writes the original suite's `val_scores.csv` or `test_scores.csv`: a line per image.

    Args:
        path: of the file.
        first_columns: the names of the first two columns, such as `("val_name", "avg_accuracy")`.
        pairs: list of `folder.Pair`.
        rows: their `image_scores`.
        class_names: list of str.
    """
    header = ", ".join([*first_columns, *SCORE_COLUMNS, *class_names])
    lines = [
        ", ".join([pair.name, *(f"{value:.6f}" for value in scores.flatten())]) for pair, scores in zip(pairs, rows)
    ]
    write_text(path, "\n".join([header, *lines]) + "\n")


def class_table(scores):
    """The per-class part of `ConfusionMatrix.result` as lines of text, in percent."""
    width = max(map(len, scores["class_iou"]))
    lines = [f"  {'class':{width}}  accuracy     IoU"]
    for name, iou in scores["class_iou"].items():
        lines.append(f"  {name:{width}}  {_percent(scores['class_accuracy'][name])}  {_percent(iou)}")
    return "\n".join(lines)


def headline(scores):
    """The scores over the whole set as lines of text, in percent."""
    lines = [f"  {name:15}  {_percent(scores[key])}" for name, key in HEADLINE.items()]
    for name in ("precision", "recall", "f1"):
        weighted, unweighted = _percent(scores[name]), _percent(scores[f"macro_{name}"])
        lines.append(f"  {name:15}  {weighted}   (weighted by pixels; mean over classes {unweighted})")
    return "\n".join(lines)


def suite_means(rows):
    """The original suite's figures, means of per-image scores, as one line of text in percent."""
    parts = [f"{name} {100 * value:.2f}" for name, value in zip(SUITE_MEANS, mean_scores(rows))]
    return "  the original suite's means over images: " + ", ".join(parts)


def duration(seconds):
    """Seconds as the original suite words them."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} hours {minutes} minutes {seconds} seconds"


def _percent(value):
    return "       -" if value is None else f"{100 * value:6.2f} %"
