"""Result files of predictions, and their display in a window."""

import pathlib

import numpy as np

from utils.data.images import resize, write_image
from utils.data.labels import write_label
from utils.files import make_folder, write_rows
from utils.inference.drawing import UNKNOWN, Painter
from utils.inference.geotiff import can_write_geotiff, class_tags, write_geotiff
from utils.inference.scored import Scored, as_scored, confidence_bytes, write_probabilities
from utils.inference.video import Window
from utils.notices import tell_once
from utils.progress import Console
from utils.text import percentage

LARGE = 200_000_000  # bytes of probabilities that are told in advance


class Results:
    """Writer of predictions; also shows them in a window.

    Args:
        folder: `pathlib.Path` to write to.
        painter: `drawing.Painter`.
        console: `progress.Console`.
        overlay, indices, coverage, confidence, probabilities: bool, what to write besides the color maps.
        size: `(height, width)` to resize images to for the network, or None for their own.
        window: `video.Window` or None.
        below: 0..1, the confidence under which pixels are unknown, 255.

    Attributes:
        keep: str, what `Predictor` is to keep.
        picture_kinds, array_kinds: tuples of str, the results that are pictures (frames of a video), and those that
            are files of their own for each frame.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        painter: Painter,
        console: Console,
        overlay: bool = False,
        indices: bool = False,
        coverage: bool = False,
        size: tuple[int, int] | None = None,
        window: Window | None = None,
        confidence: bool = False,
        probabilities: bool = False,
        below: float = 0.0,
    ):
        self.folder, self.painter, self.console, self.size, self.window = folder, painter, console, size, window
        self.overlay, self.confidence, self.probabilities = overlay, confidence, probabilities
        self.coverage, self.below = coverage, below
        self.keep = "probabilities" if probabilities else "confidence" if confidence or below else "classes"
        self.picture_kinds = ("pred", *(("overlay",) if overlay else ()), *(("confidence",) if confidence else ()))
        self.array_kinds = (*(("indices",) if indices else ()), *(("probabilities",) if probabilities else ()))
        self._rows, self._counts = {}, []

    def resize_input(self, image: np.ndarray) -> np.ndarray:
        """Resizes an image to the size for the network."""
        return resize(image, self.size) if self.size else image

    def complete(self, image: np.ndarray, result: np.ndarray | Scored) -> Scored:
        """Returns a result of `Predictor` at the size of the image, with its unknown pixels."""
        return as_scored(result).resized(image.shape[:2]).with_unknown(self.below)

    def pictures(self, image: np.ndarray, scored: Scored, every_class: bool = False) -> dict[str, np.ndarray]:
        """Draws the results of an image.

        Args:
            image: uint8 array `(H, W, C)`, RGB or bands.
            scored: the completed prediction.
            every_class: whether the legend has all classes, see `Painter.overlay`.

        Returns:
            Dict from each of `picture_kinds` to a uint8 array `(h, w, 3)`, RGB.
        """
        draw = {
            "pred": lambda: self.painter.colors(scored.indices),
            "overlay": lambda: self.painter.overlay(image, scored.indices, every_class),
            "confidence": lambda: confidence_bytes(scored.confidence)[..., None].repeat(3, axis=2),
        }
        return {kind: draw[kind]() for kind in self.picture_kinds}

    def write(self, name: pathlib.Path, path: pathlib.Path, image: np.ndarray, result: np.ndarray | Scored):
        """Writes the results of an image.

        Args:
            name: of the results, relative to `folder` and without extension.
            path: of the image.
            image: uint8 array `(H, W, C)`, RGB or bands.
            result: of `Predictor`, of the network's size.
        """
        scored = self.complete(image, result)
        make_folder((self.folder / name).parent)
        files = {kind: self.folder / name.with_name(f"{name.name}_{kind}") for kind in self.picture_kinds}
        placed = {}
        if can_write_geotiff(path):
            colors, tags = self.painter.palette, class_tags(self.painter.class_dict.class_names)
            placed["pred"] = scored.indices, path, "class index", colors, tags
            if self.confidence:
                placed["confidence"] = confidence_bytes(scored.confidence), path, "confidence, 255 = 1"
        for kind, arguments in placed.items():
            write_geotiff(_with_extension(files.pop(kind), ".tif"), *arguments)
        for kind, picture in self.pictures(image, scored).items():
            if kind == "confidence" and kind in files:
                write_label(_with_extension(files[kind], ".png"), picture[..., 0])
            elif kind in files:
                write_image(_with_extension(files[kind], ".png"), picture)
        arrays = {kind: self.folder / name.with_name(f"{name.name}_{kind}") for kind in self.array_kinds}
        self.write_arrays(arrays, scored)
        self.add_coverage(str(path), scored.indices)

    def write_arrays(self, paths: dict[str, pathlib.Path], scored: Scored) -> None:
        """Writes class indices and probabilities.

        Args:
            paths: from each of `array_kinds` to a path without extension.
            scored: the completed prediction.
        """
        if "indices" in paths:
            write_label(_with_extension(paths["indices"], ".png"), scored.indices)
        if "probabilities" in paths:
            path = _with_extension(paths["probabilities"], ".npz")
            write_probabilities(path, scored.probabilities, self.painter.class_dict.class_names)

    def tell_size(self, path: pathlib.Path, image: np.ndarray) -> None:
        """Prints a notice if the probabilities of an image are large."""
        count = self.painter.class_dict.num_classes
        size = image.shape[0] * image.shape[1] * count * 2
        if self.probabilities and size > LARGE:
            tell_once(
                "large probabilities",
                f"the probabilities of {path} take {size / 1e9:.1f} GB of memory, and several times that without "
                f"--tile; --confidence takes {count} times less",
            )

    def add_coverage(self, name: str, indices: np.ndarray, frame: int | None = None, seconds: float | None = None):
        """Adds the share of each class in an image, or in a frame of a video, to the coverage table."""
        if self.below:
            self._counts.append((int((indices == 255).sum()), indices.size))
        if self.coverage:
            row = {"image": name, "frame": frame, "seconds": seconds}
            shares = self.painter.coverage(indices)
            if self.below:
                shares.setdefault(UNKNOWN, round(100 * self._counts[-1][0] / indices.size, 4))
            row |= {f"{column} (class)" if column in row else column: share for column, share in shares.items()}
            self._rows[name, frame] = row

    def write_coverage(self, name: str = "coverage.csv"):
        """Writes the coverage table: a row per image or frame, the share of each class in percent of the pixels."""
        if self._rows:
            in_order = sorted(self._rows.values(), key=lambda row: (row["image"], row["frame"] or 0))
            write_rows(self.folder / name, in_order)

    def unknown_share(self) -> str:
        """Describes the share of unknown pixels in all images so far; "" if there is no threshold or no image."""
        if not self._counts:
            return ""
        unknown, pixels = (sum(column) for column in zip(*self._counts))
        return f"Unknown, with a confidence below {self.below:g}: {percentage(unknown / pixels)} of the pixels"

    def show(self, image: np.ndarray, result: np.ndarray | Scored, wait: int = 1) -> bool:
        """Shows a result in the window, if there is one; arguments as `write` and `Window.show`.

        Returns:
            False if the user closed the window or pressed q or Escape.
        """
        if not self.window:
            return True
        indices = self.complete(image, result).indices
        drawn = self.painter.overlay(image, indices) if self.overlay else self.painter.colors(indices)
        return self.window.show(drawn, wait)


def _with_extension(path, extension):
    """Appends an extension; names may have dots."""
    return path.with_name(path.name + extension)
