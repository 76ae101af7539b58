"""Drawing of class indices as color maps and overlays with a legend."""

from collections.abc import Iterable

import cv2
import numpy as np

from utils.class_dict import ClassDict
from utils.data.images import to_rgb
from utils.errors import UsageError


class Painter:
    """Renders class indices as color maps and overlays.

    Args:
        class_dict: `ClassDict`.
        classes: names of the only classes to paint; empty: all.
        alpha: 0..1, the share of the colors in overlays.

    Raises:
        UsageError: if there is no such class.
    """

    def __init__(self, class_dict: ClassDict, classes: Iterable[str] = (), alpha: float = 0.5):
        self.class_dict, self.alpha = class_dict, alpha
        names = class_dict.class_names
        for name in classes:
            if name not in names:
                raise UsageError(f"--classes: there is no class '{name}'; the classes are {', '.join(names)}")
        self._is_painted = np.zeros(256, bool)
        self._is_painted[[index for index, name in enumerate(names) if not classes or name in classes]] = True

    def colors(self, indices: np.ndarray) -> np.ndarray:
        """Renders a color map; classes that are not painted are black.

        Args:
            indices: uint8 array `(H, W)`.

        Returns:
            uint8 array `(H, W, 3)`, RGB.
        """
        return np.where(self._is_painted[indices][..., None], self.class_dict.decode(indices), 0).astype(np.uint8)

    def overlay(self, image: np.ndarray, indices: np.ndarray, every_class: bool = False) -> np.ndarray:
        """Blends the colors of the painted classes with the image, above a legend.

        Args:
            image: uint8 array `(H, W, C)`, RGB or bands, of which the first three are drawn.
            indices: uint8 array `(H, W)`.
            every_class: whether the legend has all painted classes, or only those that occur.

        Returns:
            uint8 array `(H + legend, W, 3)`, RGB.
        """
        image, colors = to_rgb(image), self.class_dict.decode(indices)
        blended = np.where(self._is_painted[indices][..., None], blend(image, colors, self.alpha), image)
        shown = np.arange(256) if every_class else np.unique(indices)
        return with_legend(blended, self.class_dict, shown[self._is_painted[shown]])

    def coverage(self, indices: np.ndarray) -> dict[str, float]:
        """Computes the share of each class in percent of all pixels, by name in the order of the classes."""
        names = self.class_dict.class_names
        counts = np.bincount(indices.ravel(), minlength=len(names))[: len(names)]
        return {name: round(100 * count / indices.size, 4) for name, count in zip(names, counts.tolist())}


def blend(image: np.ndarray, colors: np.ndarray, alpha: float = 0.5) -> np.ndarray:
    """Blends an image with a color map.

    Args:
        image, colors: uint8 arrays `(H, W, 3)`.
        alpha: 0..1, the share of the colors.

    Returns:
        uint8 array `(H, W, 3)`.
    """
    return cv2.addWeighted(image, 1 - alpha, colors, alpha, 0)


def with_legend(image: np.ndarray, class_dict: ClassDict, indices: np.ndarray) -> np.ndarray:
    """Adds a legend below an image: color and name of each class in `indices`.

    Args:
        image: uint8 array `(H, W, 3)`, RGB.
        class_dict: `ClassDict`.
        indices: integer array of class indices; others are left out.

    Returns:
        uint8 array `(H + legend, W, 3)`.
    """
    width = image.shape[1]
    scale = float(np.clip(width / 640, 0.8, 3.0))  # smaller letters are not legible
    line, margin, font = round(26 * scale), round(6 * scale), (cv2.FONT_HERSHEY_SIMPLEX, 0.5 * scale)
    legend = np.full((line, width, 3), 255, np.uint8)
    x, y = margin, 0
    for index in np.unique(indices).tolist():
        if index >= class_dict.num_classes:
            continue
        name, color = class_dict.class_names[index], class_dict.label_values[index].tolist()
        (text_width, _), _ = cv2.getTextSize(name, *font, 1)
        if x > margin and x + line + text_width > width:
            legend = np.concatenate([legend, np.full((line, width, 3), 255, np.uint8)])
            x, y = margin, y + line
        cv2.rectangle(legend, (x, y + margin), (x + line - 2 * margin, y + line - margin), color, -1)
        baseline = y + line - round(8 * scale)
        cv2.putText(legend, name, (x + line - margin, baseline), *font, (0, 0, 0), 1, cv2.LINE_AA)
        x += line + text_width + 2 * margin
    return np.concatenate([image, legend])
