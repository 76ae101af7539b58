"""Sample grid: images beside their label, prediction and errors."""

import pathlib
from collections.abc import Sequence

import cv2
import numpy as np
from matplotlib.figure import Figure

from utils.class_dict import IGNORED, ClassDict
from utils.data.folder import Pair
from utils.data.image_format import ImageFormat
from utils.data.images import RGB_BYTES, read_image, to_rgb
from utils.data.labels import read_pair
from utils.evaluation.evaluate import Sample
from utils.evaluation.plots import class_patch, legend_columns, save
from utils.metrics import ImageScores
from utils.text import printable

COLUMNS = ("image", "truth", "prediction", "errors")
TILE = 400  # pixels, the longer side of an image in the grid
CAPTION, LEGEND_LINE = 36, 26  # pixels
DPI = 100
WRONG = 214, 39, 40  # RGB


def read_sample(
    pair: Pair,
    scores: ImageScores,
    folder: pathlib.Path,
    class_dict: ClassDict,
    crop: tuple[int, int] | None = None,
    image_format: ImageFormat = RGB_BYTES,
) -> Sample:
    """Reads an image, its label and the prediction that `evaluate` wrote.

    Args:
        pair: image and label.
        scores: of the prediction.
        folder: with `<name>_pred.png`.
        class_dict: `ClassDict`.
        crop: `(height, width)` of the upper left part that was used, or None for whole images.
        image_format: bands and value range of the image.
    """
    height, width = crop or (None, None)
    image, label = read_pair(pair.image, pair.label, pair.class_dict or class_dict, image_format)
    prediction = class_dict.encode(read_image(folder / f"{pair.name}_pred.png"))
    return Sample(pair.name, scores, to_rgb(image)[:height, :width], label[:height, :width], prediction)


def worst_median_best(mean_ious: Sequence[float]) -> dict[str, int]:
    """Returns the indices of the least, the middle and the greatest score; NaN is none of them if there are others.

    Returns:
        Dict from "worst", "median" and "best" to an index; fewer for fewer than three scores.
    """
    order = np.argsort(mean_ious, kind="stable").tolist()  # NaN last
    order = order[: np.count_nonzero(~np.isnan(mean_ious)) or len(order)]
    worst, median, best = order[0], order[len(order) // 2], order[-1]
    names = {median: "median", worst: "worst", best: "best"}  # an image that is two of them has the last name
    return {names[index]: index for index in (worst, median, best)}


def plot_samples(path, samples: Sequence[Sample], class_dict: ClassDict):
    """Writes `samples_figure` to the PNG `path`."""
    save(samples_figure(samples, class_dict), path)


def samples_figure(samples: Sequence[Sample], class_dict: ClassDict) -> Figure:
    """Draws a row of image, label, prediction and errors for each sample, and a legend of the classes in them.

    Errors are red on the faded image. Ignored pixels are never errors.

    Args:
        samples: at least one.
        class_dict: `ClassDict`.
    """
    rows = [_tiles(sample, class_dict) for sample in samples]
    heights = [tiles[0].shape[0] for tiles in rows]
    width = 4.1 * max(tiles[0].shape[1] for tiles in rows)
    legend = _legend_patches(samples, class_dict)
    columns = legend_columns(legend, width)
    height = sum(heights) + CAPTION * (len(rows) + 1) + LEGEND_LINE * (1 - -len(legend) // columns)
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, layout="constrained")
    grid = figure.subplots(len(rows), 4, squeeze=False, height_ratios=heights)
    for sample, tiles, row in zip(samples, rows, grid):
        for axes, tile in zip(row, tiles):
            axes.imshow(tile)
            axes.set_axis_off()
        mean_iou, accuracy = 100 * sample.scores.mean_iou, 100 * sample.scores.accuracy
        scores = f"mean IoU {mean_iou:.1f} %, accuracy {accuracy:.1f} %" if accuracy == accuracy else "no labeled pixel"
        row[0].set_title(f"{printable(sample.name)}, {scores}", loc="left", fontsize=10)
    for axes, name in zip(grid[0], COLUMNS):
        axes.set_title(f"{name}\n", fontsize=10, weight="bold", linespacing=1.8)  # a line above the caption
    figure.legend(handles=legend, ncols=columns, loc="outside lower center", frameon=False)
    return figure


def _tiles(sample, class_dict):
    """Returns the four images of a row, of equal size, whose longer side is `TILE`."""
    height, width = sample.label.shape
    scale = TILE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = cv2.resize(sample.image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    label, prediction = (
        cv2.resize(indices, size, interpolation=cv2.INTER_NEAREST) for indices in (sample.label, sample.prediction)
    )
    faded = 160 + cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) * 0.37
    errors = np.repeat(faded.astype(np.uint8)[..., None], 3, axis=2)
    errors[(label != prediction) & (label != IGNORED)] = WRONG
    return image, class_dict.decode(label), class_dict.decode(prediction), errors


def _legend_patches(samples, class_dict):
    """Returns patches for the classes that occur, for ignored pixels and for errors."""
    images = [image for sample in samples for image in (sample.label, sample.prediction)]
    occurring = np.unique(np.concatenate([np.unique(image) for image in images])).tolist()
    entries = [(class_dict.class_names[i], class_dict.label_values[i]) for i in occurring if i < class_dict.num_classes]
    if IGNORED in occurring:
        name = ", ".join(class_dict.ignored) or "unknown"
        entries.append((f"{name} (not scored)", class_dict.decode(np.array([[IGNORED]]))[0, 0]))
    entries.append(("wrong", np.array(WRONG)))
    return [class_patch(name, color) for name, color in entries]
