"""What predict.py makes of class indices: colors, overlays with a legend, and the share of each class."""

import cv2
import numpy as np

from utils.errors import UsageError


class Painter:
    """Paints class indices.

    Args:
        class_dict: `ClassDict`.
        classes: names of the only classes to paint; empty: all.
        alpha: float, 0..1, share of the colors in overlays.

    Raises:
        UsageError: if there is no such class.
    """

    def __init__(self, class_dict, classes=(), alpha=0.5):
        self.class_dict, self.alpha = class_dict, alpha
        names = class_dict.class_names
        for name in classes:
            if name not in names:
                raise UsageError(f"--classes: there is no class '{name}'; the classes are {', '.join(names)}")
        self._painted = np.zeros(256, bool)
        self._painted[[index for index, name in enumerate(names) if not classes or name in classes]] = True

    def colors(self, indices):
        """The classes in their colors, black where a class is not painted.

        Args:
            indices: uint8 array `(H, W)`.

        Returns:
            uint8 array `(H, W, 3)`, RGB.
        """
        return np.where(self._painted[indices][..., None], self.class_dict.decode(indices), 0).astype(np.uint8)

    def overlay(self, picture, indices, every_class=False):
        """The classes over their picture, with a legend below; where a class is not painted the picture is as it was.

        Args:
            picture: uint8 array `(H, W, 3)`, RGB.
            indices: uint8 array `(H, W)`.
            every_class: whether the legend has every painted class, or those that occur.

        Returns:
            uint8 array `(H + legend, W, 3)`, RGB.
        """
        colors = self.class_dict.decode(indices)
        blend = np.where(self._painted[indices][..., None], overlay(picture, colors, self.alpha), picture)
        shown = np.arange(256) if every_class else np.unique(indices)
        return with_legend(blend, self.class_dict, shown[self._painted[shown]])

    def coverage(self, indices):
        """The share of each class in percent of all pixels, a dict by name in the order of the classes."""
        names = self.class_dict.class_names
        counts = np.bincount(indices.ravel(), minlength=len(names))[: len(names)]
        return {name: round(100 * count / indices.size, 4) for name, count in zip(names, counts.tolist())}


def overlay(rgb, colors, alpha=0.5):
    """Lays a color map over a picture.

    Args:
        rgb, colors: uint8 arrays `(H, W, 3)`.
        alpha: share of the colors, 0..1.

    Returns:
        uint8 array `(H, W, 3)`.
    """
    return cv2.addWeighted(rgb, 1 - alpha, colors, alpha, 0)


def with_legend(rgb, class_dict, indices):
    """Adds a strip below a picture with the color and the name of each class that occurs in `indices`.

    Args:
        rgb: uint8 array `(H, W, 3)`.
        class_dict: `ClassDict`.
        indices: integer array of class indices.

    Returns:
        uint8 array `(H + strip, W, 3)`.
    """
    width = rgb.shape[1]
    scale = float(np.clip(width / 640, 0.8, 3.0))  # smaller letters are not legible
    line, margin = round(26 * scale), round(6 * scale)
    found = [i for i in np.unique(indices).tolist() if i < class_dict.num_classes]
    strip = np.full((line, width, 3), 255, np.uint8)
    x, y = margin, 0
    for index in found:
        name = class_dict.class_names[index]
        (text_width, _), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.5 * scale, 1)
        if x > margin and x + line + text_width > width:
            strip = np.concatenate([strip, np.full((line, width, 3), 255, np.uint8)])
            x, y = margin, y + line
        color = class_dict.label_values[index].tolist()
        cv2.rectangle(strip, (x, y + margin), (x + line - 2 * margin, y + line - margin), color, -1)
        baseline = y + line - round(8 * scale)
        cv2.putText(
            strip, name, (x + line - margin, baseline), cv2.FONT_HERSHEY_SIMPLEX, 0.5 * scale, (0, 0, 0), 1, cv2.LINE_AA
        )
        x += line + text_width + 2 * margin
    return np.concatenate([rgb, strip])
