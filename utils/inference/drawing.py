"""Drawing of class indices as color maps, and as overlays with outlines and a legend."""

from collections.abc import Iterable

import cv2
import numpy as np

from utils.class_dict import IGNORED, ClassDict
from utils.data.images import to_rgb
from utils.errors import UsageError
from utils.inference.legend import with_legend
from utils.text import percentage

UNKNOWN = "unknown"  # name of pixels with index 255
UNKNOWN_COLORS = (255, 255, 255), (255, 0, 255), (0, 0, 0), (128, 128, 128), (0, 255, 255), (255, 128, 0)
DISTINCT = 60  # least distance in RGB between the color of unknown pixels and those of the classes
OUTLINE_SIDE = 1200  # pixels of the longer side of an image per two pixels of outline
DARKER = 0.4  # factor on the class color of an outline


class Painter:
    """Renders class indices as color maps and overlays.

    Args:
        class_dict: `ClassDict`.
        classes: names of the only classes to paint; empty: all.
        alpha: 0..1, the share of the colors in overlays.
        outlines: whether overlays have a darker line along the borders of classes.

    Attributes:
        palette: uint8 array `(256, 3)`, RGB color of each index; black where it is not painted, and a color unlike
            those of all classes for 255, unknown.

    Raises:
        UsageError: if there is no such class.
    """

    def __init__(self, class_dict: ClassDict, classes: Iterable[str] = (), alpha: float = 0.5, outlines: bool = True):
        self.class_dict, self.alpha, self.outlines = class_dict, alpha, outlines
        names = class_dict.class_names
        for name in classes:
            if name not in names:
                raise UsageError(f"--classes: there is no class '{name}'; the classes are {', '.join(names)}")
        self._is_painted = np.zeros(256, bool)
        self._is_painted[[index for index, name in enumerate(names) if not classes or name in classes]] = True
        self._is_painted[IGNORED] = True
        self.palette = np.zeros((256, 3), np.uint8)
        self.palette[: len(names)] = class_dict.label_values
        self.palette[IGNORED] = unknown_color(class_dict.label_values)
        self.palette[~self._is_painted] = 0

    def colors(self, indices: np.ndarray) -> np.ndarray:
        """Renders a color map; classes that are not painted are black.

        Args:
            indices: uint8 array `(H, W)`.

        Returns:
            uint8 array `(H, W, 3)`, RGB.
        """
        return self.palette.take(indices, axis=0)

    def overlay(self, image: np.ndarray, indices: np.ndarray, every_class: bool = False) -> np.ndarray:
        """Blends the colors of the painted classes with the image, above a legend.

        Args:
            image: uint8 array `(H, W, C)`, RGB or bands, of which the first three are drawn.
            indices: uint8 array `(H, W)`, 255 = unknown.
            every_class: whether the legend has all painted classes in their order, as for the frames of a video, or
                those that occur, with their shares and the greatest first.

        Returns:
            uint8 array `(H + legend, W, 3)`, RGB.
        """
        image, colors, is_painted = to_rgb(image), self.colors(indices), self._is_painted[indices]
        drawn = blend(image, colors, self.alpha)
        drawn = drawn if is_painted.all() else np.where(is_painted[..., None], drawn, image)
        if self.outlines:
            drawn = draw_outlines(drawn, indices, colors, is_painted)
        return with_legend(drawn, self.legend(None if every_class else indices))

    def legend(self, indices: np.ndarray | None) -> list[tuple[str, str, list[int]]]:
        """Returns `(name, share, color)` of each painted class: of all, or of those in `indices` with their shares."""
        if indices is None:
            return [
                (name, "", self.palette[index].tolist())
                for index, name in enumerate(self.class_dict.class_names)
                if self._is_painted[index]
            ]
        counts = np.bincount(indices.ravel(), minlength=256)
        entries = []
        for index in np.argsort(-counts, kind="stable").tolist():
            if counts[index] and self._is_painted[index]:
                name = UNKNOWN if index == IGNORED else self.class_dict.class_names[index]
                share = percentage(counts[index] / indices.size).replace("less than ", "<").replace("more than ", ">")
                entries.append((name, share, self.palette[index].tolist()))
        return entries

    def coverage(self, indices: np.ndarray) -> dict[str, float]:
        """Computes the share of each class in percent of all pixels, by name in the order of the classes."""
        names = self.class_dict.class_names
        counts = np.bincount(indices.ravel(), minlength=len(names))[: len(names)]
        return {name: round(100 * count / indices.size, 4) for name, count in zip(names, counts.tolist())}


def unknown_color(class_colors: np.ndarray) -> tuple[int, int, int]:
    """Chooses a color for unknown pixels that is unlike those of all classes.

    Args:
        class_colors: uint8 array `(C, 3)`, RGB.

    Returns:
        The first of `UNKNOWN_COLORS` that is distinct enough, or the one that is most distinct.
    """
    candidates = np.array(UNKNOWN_COLORS, float)
    distances = np.linalg.norm(candidates[:, None] - np.asarray(class_colors, float)[None], axis=-1).min(axis=1)
    far = np.flatnonzero(distances >= DISTINCT)
    return UNKNOWN_COLORS[int(far[0] if far.size else distances.argmax())]


def blend(image: np.ndarray, colors: np.ndarray, alpha: float = 0.5) -> np.ndarray:
    """Blends an image with a color map.

    Args:
        image, colors: uint8 arrays `(H, W, 3)`.
        alpha: 0..1, the share of the colors.

    Returns:
        uint8 array `(H, W, 3)`.
    """
    return cv2.addWeighted(image, 1 - alpha, colors, alpha, 0)


def draw_outlines(picture: np.ndarray, indices: np.ndarray, colors: np.ndarray, is_painted: np.ndarray) -> np.ndarray:
    """Draws smooth lines along the borders of classes, on each side in a darker shade of its color.

    Args:
        picture: uint8 array `(H, W, 3)`, RGB.
        indices: uint8 array `(H, W)`.
        colors: uint8 array `(H, W, 3)`, the color of each pixel's class.
        is_painted: bool array `(H, W)`, the pixels on which lines may be.

    Returns:
        uint8 array `(H, W, 3)`; a line has one pixel on each side of the border, more on images above 1200 pixels.
    """
    width = max(1, round(max(indices.shape) / OUTLINE_SIDE))
    kernel = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    is_border = cv2.morphologyEx(indices, cv2.MORPH_GRADIENT, kernel, iterations=width) > 0
    opacity = cv2.GaussianBlur((is_border & is_painted).view(np.uint8) * 255, (3, 3), 0)
    drawn, at = picture.copy(), np.flatnonzero((opacity > 0) & is_painted)  # few pixels
    weight = np.minimum(opacity.take(at) / (255 * 0.75), 1)[:, None]  # a line of two pixels is opaque again
    pixels, lines = drawn.reshape(-1, 3), DARKER * colors.reshape(-1, 3).take(at, axis=0)
    pixels[at] = (1 - weight) * pixels.take(at, axis=0) + weight * lines + 0.5
    return drawn
