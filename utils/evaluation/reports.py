"""Score tables on the console and as CSV."""

from collections.abc import Sequence

from utils.data.folder import Pair
from utils.files import write_text
from utils.metrics import ImageScores, mean_scores
from utils.text import display_width, pad, printable

SCORE_COLUMNS = ("precision", "recall", "f1 score", "mean iou")
HEADLINE = {"mean IoU": "mean_iou", "global accuracy": "global_accuracy"}
SUITE_MEANS = ("accuracy", "precision", "recall", "F1 score", "mean IoU")


def write_image_scores(
    path,
    first_columns: tuple[str, str],
    pairs: Sequence[Pair],
    images: Sequence[ImageScores],
    class_names: Sequence[str],
):
    """Writes the original suite's `val_scores.csv` or `test_scores.csv`: a line per image; NaN is an empty cell.

    Args:
        path: of the file.
        first_columns: the names of the first two columns, such as `("val_name", "avg_accuracy")`.
        pairs: images and labels, for the names.
        images: the scores of each image.
        class_names: the names of the last C columns.
    """
    header = ", ".join(map(_csv_cell, [*first_columns, *SCORE_COLUMNS, *class_names]))
    lines = [
        ", ".join([_csv_cell(printable(pair.name)), *map(_score_cell, scores.flatten())])
        for pair, scores in zip(pairs, images)
    ]
    write_text(path, "\n".join([header, *lines]) + "\n")


def class_table(scores: dict) -> str:
    """Formats the per-class scores of `ConfusionMatrix.result` as lines of text, in percent."""
    width = max(map(display_width, scores["class_iou"]))
    lines = [f"  {'class':{width}}  accuracy     IoU"]
    for name, iou in scores["class_iou"].items():
        lines.append(f"  {pad(name, width)}  {_percent(scores['class_accuracy'][name])}  {_percent(iou)}")
    return "\n".join(lines)


def headline(scores: dict) -> str:
    """Formats the scores of the whole dataset in `ConfusionMatrix.result` as lines of text, in percent."""
    lines = [f"  {name:15}  {_percent(scores[key])}" for name, key in HEADLINE.items()]
    for name in ("precision", "recall", "f1"):
        weighted, unweighted = _percent(scores[name]), _percent(scores[f"macro_{name}"])
        lines.append(f"  {name:15}  {weighted}   (weighted by pixels; mean over classes {unweighted})")
    return "\n".join(lines)


def suite_means(images: Sequence[ImageScores]) -> str:
    """Formats the means of per-image scores, the original suite's figures, as a line of text in percent."""
    means = mean_scores(images)
    parts = [f"{name} {'-' if value != value else f'{100 * value:.2f}'}" for name, value in zip(SUITE_MEANS, means)]
    return "  the original suite's means over images: " + ", ".join(parts)


def _percent(value):
    return "       -" if value is None else f"{100 * value:6.2f} %"


def _score_cell(value):
    """Formats a score; NaN is an empty cell."""
    return "" if value != value else f"{value:.6f}"


def _csv_cell(text):
    """Quotes a name that would be several cells of a CSV file."""
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\n\r') else text
