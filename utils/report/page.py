"""Page of results: one HTML file with its style, script, data and images, which needs no server and no network."""

import json
import pathlib
from collections.abc import Sequence

import numpy as np

from utils.class_dict import IGNORED, ClassDict
from utils.files import write_text

TEMPLATES = pathlib.Path(__file__).parent / "templates"
SCRIPTS = ("dom.js", "scores.js", "charts.js", "gallery.js", "viewer.js", "page.js")


def report_data(
    title: str,
    about: dict[str, str],
    scores: dict,
    matrix: np.ndarray,
    class_dict: ClassDict,
    measures: dict | None = None,
    images: Sequence[dict] = (),
    log: Sequence[dict] = (),
) -> dict:
    """Gathers the content of the page.

    Args:
        title: of the page.
        about: names and values of the header, such as "checkpoint" and its path.
        scores: of `ConfusionMatrix.result`.
        matrix: int64 array `(C, C)`, the confusion matrix.
        class_dict: `ClassDict`.
        measures, images: of `Collector`.
        log: rows of log.csv.

    Returns:
        Dict of JSON types.
    """
    pixels = np.asarray(matrix).sum(axis=1)
    share = (pixels / max(int(pixels.sum()), 1)).tolist()
    border = (measures or {}).get("border", {}).get("class_iou", {})
    classes = [
        {
            "name": name,
            "color": class_dict.label_values[index].tolist(),
            "iou": scores["class_iou"][name],
            "accuracy": scores["class_accuracy"][name],
            "share": share[index],
            "border_iou": border.get(name),
        }
        for index, name in enumerate(class_dict.class_names)
    ]
    ignored = class_dict.decode(np.array([[IGNORED]], np.uint8))[0, 0].tolist()
    return {
        "title": title,
        "about": {name: str(value) for name, value in about.items() if value not in (None, "")},
        "scores": scores,
        "classes": classes,
        "ignored": {"name": ", ".join(class_dict.ignored) or "not labeled", "color": ignored},
        "confusion": np.asarray(matrix).tolist(),
        "measures": measures or {},
        "images": list(images),
        "log": [{key: value for key, value in row.items() if value is not None} for row in log],
    }


def render(data: dict) -> str:
    """Renders the page of `report_data` as HTML."""
    parts = {
        "style": _read("style.css"),
        "script": "\n".join(map(_read, SCRIPTS)),
        # In a script element, "</script>" and "<!--" would end the data.
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "title": data["title"].replace("&", "&amp;").replace("<", "&lt;"),
    }
    head, *pieces = _read("page.html").split("{{")
    rendered = [head]
    for piece in pieces:
        name, _, text = piece.partition("}}")
        rendered += [parts[name], text]
    return "".join(rendered)


def write_report(path, data: dict) -> None:
    """Writes the page of `report_data` atomically.

    Raises:
        RunError: if the file cannot be written.
    """
    write_text(path, render(data))


def _read(name):
    return (TEMPLATES / name).read_text(encoding="utf-8")
