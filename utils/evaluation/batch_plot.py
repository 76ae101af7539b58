"""Figure of a training batch: the augmented crops and their labels, as the network receives them."""

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from utils.class_dict import IGNORED, ClassDict
from utils.data.images import to_rgb
from utils.evaluation.plots import class_patch, legend_columns, save
from utils.inference.drawing import blend

MAX_CROPS = 8
TILE = 360  # pixels, the longer side of a crop in the figure
ROW_GAP, CAPTION, LEGEND_LINE = 8, 44, 26  # pixels
DPI = 100
OPACITY = 0.6  # of the label's colors
STRIPE = 6  # pixels, width of the stripes on ignored pixels
STRIPES = (0, 0, 0), (255, 255, 255)  # RGB


def plot_batch(path, images: np.ndarray, labels: np.ndarray, class_dict: ClassDict) -> None:
    """Draws up to eight crops, each beside its label, and a legend of the classes in them.

    Args:
        path: of the PNG.
        images: uint8 array `(B, H, W, channels)`; of more than three bands the first three are drawn.
        labels: uint8 array `(B, H, W)`, class indices; 255 = ignored, drawn as stripes.
        class_dict: `ClassDict`.
    """
    count = min(len(images), MAX_CROPS)
    tiles = [tile for crop in range(count) for tile in draw_crop(images[crop], labels[crop], class_dict)]
    columns = 2 if count == 1 else 4
    rows = -(-len(tiles) // columns)
    height, width = tiles[0].shape[:2]
    legend = legend_patches(labels[:count], class_dict)
    names = legend_columns(legend, columns * width)
    legend_lines = -(-len(legend) // names)
    size = columns * width * 1.03, rows * (height + ROW_GAP) + CAPTION + LEGEND_LINE * (legend_lines + 1)
    figure = Figure(figsize=(size[0] / DPI, size[1] / DPI), dpi=DPI, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, tile in zip(grid.flat, tiles):
        axes.imshow(tile)
    shown = f"{count} of {len(images)} crops" if count < len(images) else f"{count} crop{'s' if count > 1 else ''}"
    figure.suptitle(f"First training batch: {shown} of {images.shape[1]}x{images.shape[2]}, and labels", fontsize=10)
    figure.legend(handles=legend, ncols=names, loc="outside lower center", frameon=False)
    save(figure, path)


def draw_crop(image: np.ndarray, label: np.ndarray, class_dict: ClassDict) -> tuple[np.ndarray, np.ndarray]:
    """Draws a crop, and its label over it, at the size of a tile: uint8 arrays `(h, w, 3)`, RGB."""
    scale = TILE / max(label.shape)
    size = max(1, round(label.shape[1] * scale)), max(1, round(label.shape[0] * scale))
    image = cv2.resize(to_rgb(image), size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    label = cv2.resize(label, size, interpolation=cv2.INTER_NEAREST)
    drawn = blend(image, class_dict.decode(label), OPACITY)
    diagonal = np.add.outer(np.arange(size[1]), np.arange(size[0])) // STRIPE % 4
    for place, color in zip((0, 2), STRIPES):  # the image is seen between the stripes
        drawn[(label == IGNORED) & (diagonal == place)] = color
    between = (label == IGNORED) & (diagonal % 2 == 1)
    drawn[between] = image[between]
    return image, drawn


def legend_patches(labels: np.ndarray, class_dict: ClassDict) -> list[Patch]:
    """Returns a patch for each class in the labels, and a hatched one for ignored pixels."""
    occurring = np.unique(labels).tolist()
    classes = [index for index in occurring if index != IGNORED]
    patches = [class_patch(class_dict.class_names[index], class_dict.label_values[index]) for index in classes]
    if IGNORED in occurring:
        names = ", ".join(class_dict.ignored) or "unknown, or beyond the image"
        patches.append(Patch(facecolor="white", edgecolor="black", hatch="////", label=f"ignored: {names}"))
    return patches
