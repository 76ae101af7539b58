"""Sample grids: images beside their truth, their prediction and its errors."""

import collections

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from utils.class_dict import IGNORED
from utils.data.labels import read_label, read_pair
from utils.evaluation.plots import save

COLUMNS = ("image", "truth", "prediction", "errors")
TILE = 400  # pixels, the longer side of a picture
GAP = 8  # pixels between pictures
HEADER, CAPTION, LINE = 30, 34, 26  # pixels of the line of column names, a row's caption, a line of the legend
DPI = 100
WRONG = 214, 39, 40  # RGB

Sample = collections.namedtuple("Sample", "title image label prediction")


def read_sample(pair, scores, folder, class_dict, crop=None, which=""):
    """Reads an image, its label and the prediction that `evaluate` wrote.

    Args:
        pair: `folder.Pair`.
        scores: its `image_scores`, for the title.
        folder: `pathlib.Path` with `<name>_pred.png`.
        class_dict: `ClassDict`.
        crop: `(height, width)` of the upper left part that was used, or None for whole images.
        which: str, what the title begins with.

    Returns:
        `Sample`: title, uint8 image `(H, W, 3)`, uint8 label and prediction `(H, W)`.
    """
    height, width = crop or (None, None)
    image, label = read_pair(pair.image, pair.label, class_dict)
    prediction = read_label(folder / f"{pair.name}_pred.png", class_dict)
    title = f"{which}: {pair.name}" if which else pair.name
    title += f", mean IoU {100 * scores.mean_iou:.1f} %, accuracy {100 * scores.accuracy:.1f} %"
    return Sample(title, image[:height, :width], label[:height, :width], prediction)


def worst_median_best(mean_ious):
    """The indices of the least, the middle and the greatest of the scores.

    Returns:
        Dict from "worst", "median" and "best" to an index; fewer for fewer than three scores.
    """
    order = np.argsort(mean_ious, kind="stable").tolist()
    worst, median, best = order[0], order[len(order) // 2], order[-1]
    names = {median: "median", worst: "worst", best: "best"}  # of an image that is two of them, the last
    return {names[index]: index for index in (worst, median, best)}


def plot_samples(path, samples, class_dict):
    """Draws a row of image, truth, prediction and errors for each sample, and a legend of the classes in them.

    Errors are red on the faint image; pixels that do not count are never errors.

    Args:
        path: of the PNG.
        samples: list of `Sample`.
        class_dict: `ClassDict`.
    """
    rows = [_tiles(sample, class_dict) for sample in samples]
    heights = [row[0].shape[0] for row in rows]
    tile_width = max(row[0].shape[1] for row in rows)
    width = 4 * tile_width + 5 * GAP
    legend, legend_columns = _legend(samples, class_dict, width)
    legend_height = LINE * -(-len(legend) // legend_columns) + 2 * GAP
    height = HEADER + sum(heights) + len(rows) * CAPTION + legend_height
    canvas = np.full((height, width, 3), 255, np.uint8)
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    lefts = [GAP + column * (tile_width + GAP) for column in range(4)]
    for left, name in zip(lefts, COLUMNS):
        figure.text((left + tile_width / 2) / width, 1 - 8 / height, name, ha="center", va="top", weight="bold")
    top = HEADER
    for sample, tiles in zip(samples, rows):
        top += CAPTION
        figure.text(GAP / width, 1 - (top - 6) / height, sample.title)
        for left, tile in zip(lefts, tiles):
            left += (tile_width - tile.shape[1]) // 2
            canvas[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
        top += tiles[0].shape[0]
    figure.figimage(canvas)
    figure.legend(
        handles=legend,
        ncols=legend_columns,
        loc="lower center",
        frameon=False,
        handlelength=1.4,
        columnspacing=1.5,
    )
    save(figure, path)


def _tiles(sample, class_dict):
    """The four pictures of a row, of equal size, the longer side `TILE`."""
    height, width = sample.label.shape
    scale = TILE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = cv2.resize(sample.image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    label, prediction = (
        cv2.resize(indices, size, interpolation=cv2.INTER_NEAREST) for indices in (sample.label, sample.prediction)
    )
    faint = 160 + cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) * 0.37
    errors = np.repeat(faint.astype(np.uint8)[..., None], 3, axis=2)
    errors[(label != prediction) & (label != IGNORED)] = WRONG
    return image, class_dict.decode(label), class_dict.decode(prediction), errors


def _legend(samples, class_dict, width):
    """`(patches, columns)`: the classes that occur, what is not scored, and errors."""
    occurring = np.unique(np.concatenate([np.unique(part) for s in samples for part in (s.label, s.prediction)]))
    found = occurring[occurring < class_dict.num_classes]
    entries = [(class_dict.class_names[i], class_dict.label_values[i]) for i in found]
    if IGNORED in occurring:
        name = ", ".join(class_dict.ignored) or "unknown"
        entries.append((f"{name} (not scored)", class_dict.decode(np.array([[IGNORED]]))[0, 0]))
    entries.append(("wrong", np.array(WRONG)))
    patches = [Patch(facecolor=color / 255, edgecolor="#888888", linewidth=0.5, label=name) for name, color in entries]
    longest = max(len(name) for name, _ in entries)
    return patches, max(1, min(len(patches), width // (longest * 9 + 60)))
