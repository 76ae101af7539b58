"""Figures of the dataset report: class shares, examples of rare classes, near duplicates."""

import io

import cv2
import numpy as np
from matplotlib.figure import Figure

from utils.data.images import RGB_BYTES, read_image, to_rgb
from utils.data.labels import read_pair
from utils.errors import UsageError
from utils.fonts import save_png
from utils.text import short_percentage

COLORS = {"train": "#4477aa", "val": "#ee9944", "test": "#66aa55"}
SIDE = 300  # pixels, the longer side of a crop in the report


def shares_chart(analysis):
    """Plots the share of pixels and of images of each class in each split.

    Args:
        analysis: `tools.analysis.collect.Analysis` with classes.

    Returns:
        bytes of a PNG.
    """
    names, splits = analysis.classes.class_names, analysis.splits
    figure = Figure(figsize=(11, 1.2 + len(names) * (0.14 + 0.11 * len(splits))), dpi=90, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    thickness = 0.8 / max(len(splits), 1)
    for number, split in enumerate(splits):
        positions = np.arange(len(names)) - 0.4 + (number + 0.5) * thickness
        pixels = 100 * analysis.pixels(split) / max(analysis.pixels(split).sum(), 1)
        images = 100 * analysis.images(split) / len(analysis.of_split(split))
        for axes, values in ((left, pixels), (right, images)):
            axes.barh(positions, values, thickness * 0.9, color=COLORS[split], label=split)
        for position, value in zip(positions, pixels):
            left.annotate(
                short_percentage(value), (value, position), (2, 0), textcoords="offset points", va="center", fontsize=6
            )
    left.set_yticks(range(len(names)), names)
    left.set_ylim(len(names) - 0.5, -0.5)
    left.set_title("% of the labeled pixels", loc="left", fontsize=10)
    right.set_title("% of the images", loc="left", fontsize=10)
    left.margins(x=0.08)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", color="#dddddd")
        axes.set_axisbelow(True)
    right.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(splits), frameon=False)
    file = io.BytesIO()
    save_png(figure, file)
    return file.getvalue()


def rare_classes(analysis, number):
    """Draws the rarest classes, each in the image where it has most pixels.

    Args:
        analysis: `tools.analysis.collect.Analysis` with classes.
        number: int, number of classes.

    Returns:
        List of `(class name, caption, bytes of a PNG)`.
    """
    total = sum(analysis.pixels(split) for split in analysis.splits)
    rarest = [index for index in np.argsort(total, kind="stable").tolist() if total[index]][:number]
    figures = []
    for index in rarest:
        counts = [inspected.pixels[index] for inspected in analysis.inspected]
        largest = analysis.inspected[int(np.argmax(counts))]
        try:
            pair = largest.pair
            image, label = read_pair(pair.image, pair.label, analysis.classes, analysis.image_format)
        except UsageError:
            continue  # reported among the problems
        text = f"{largest.split}/{largest.pair.image.name}: {largest.pixels[index]:,} of {total[index]:,} pixels"
        figures.append((analysis.classes.class_names[index], text, highlight(to_rgb(image), label == index)))
    return figures


def highlight(image, mask):
    """Crops an image around the largest connected component of a mask, and draws it plain and with the rest dimmed.

    Args:
        image: uint8 array `(H, W, 3)`.
        mask: bool array `(H, W)`, not empty.

    Returns:
        bytes of a PNG.
    """
    _, _, components, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    x, y, width, height, _ = components[1 + components[1:, cv2.CC_STAT_AREA].argmax()].tolist()
    side = max(round(2 * max(width, height)), 80)
    rows, columns = (
        _window(start + extent / 2, side, length)
        for start, extent, length in ((y, height, mask.shape[0]), (x, width, mask.shape[1]))
    )
    image, mask = image[rows, columns], mask[rows, columns]
    scale = SIDE / max(mask.shape)
    size = (max(round(mask.shape[1] * scale), 1), max(round(mask.shape[0] * scale), 1))
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    mask = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    dimmed = np.where(mask[..., None] > 0, image, (0.35 * image + 20).astype(np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    dimmed = cv2.drawContours(np.ascontiguousarray(dimmed), contours, -1, (255, 230, 0), 1, cv2.LINE_AA)
    return encode_png(np.concatenate([image, np.full((size[1], 6, 3), 255, np.uint8), dimmed], axis=1))


def side_by_side(first, second, image_format=RGB_BYTES):
    """Concatenates two images horizontally, for near duplicates.

    Args:
        first, second: paths of images.
        image_format: `ImageFormat`.

    Returns:
        bytes of a PNG.
    """
    parts = []
    for path in (first, second):
        image = to_rgb(read_image(path, image_format=image_format))
        height = round(SIDE * image.shape[0] / image.shape[1])
        parts.append(cv2.resize(image, (SIDE, height), interpolation=cv2.INTER_AREA))
    height = max(len(part) for part in parts)
    parts = [cv2.copyMakeBorder(part, 0, height - len(part), 0, 6, 0, value=(255, 255, 255)) for part in parts]
    return encode_png(np.concatenate(parts, axis=1))


def encode_png(rgb):
    """Encodes a uint8 RGB image `(H, W, 3)` as the bytes of a PNG."""
    return cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


def _window(center, side, length):
    """Slice of up to `side` pixels around a center, within `length` pixels."""
    side = min(side, length)
    start = min(max(round(center - side / 2), 0), length - side)
    return slice(start, start + side)
