"""Image files that annotations name: finding them, their sizes, and EXIF orientation of labels."""

import collections
import os
import pathlib

import numpy as np

from tools.formats.polygons import Canvas
from utils.data.decoding import decode_image
from utils.data.image_size import check_size, read_size
from utils.data.images import is_image, read_bytes
from utils.data.orientation import orientation_of, undo_orientation
from utils.errors import UsageError


class ImageFinder:
    """Finds the image files that annotations name.

    Args:
        roots: folders to look in, in this order.
        inside: the folder that no path may leave; None for the last of the roots.

    Attributes:
        outside: list of str, names of files that exist, but outside this folder.
    """

    def __init__(self, *roots, inside=None):
        self.roots, self.found, self._listings, self.outside = roots, set(), {}, []
        self.inside = pathlib.Path(os.path.abspath(roots[-1] if inside is None else inside))

    def find(self, name: str, *roots: pathlib.Path) -> pathlib.Path | None:
        """Finds an image by the name in the annotation.

        The name may be a relative path with slashes or backslashes, or lack the extension. If the folders of the name
        are not there, as on another computer, its last parts decide, once for each file.

        Args:
            name: str.
            roots: folders to look in before the others.

        Returns:
            Path of a file, or None.
        """
        relative = pathlib.PureWindowsPath(name)
        relative = pathlib.PurePosixPath(*relative.parts[1 if relative.anchor else 0 :])
        roots = list(dict.fromkeys((*roots, *self.roots)))
        path = self._look_up(roots, relative)
        for number in range(1, len(relative.parts)):
            if path is None:
                path = self._look_up(roots, pathlib.PurePosixPath(*relative.parts[number:]))
                path = None if path in self.found else path
        if path is None and any(os.path.isfile(root / relative) for root in roots):
            self.outside.append(name)
        self.found.add(path)
        return path

    def not_named(self) -> list[pathlib.Path]:
        """Returns the images beside those that were found which no annotation names, sorted."""
        self.found.discard(None)
        folders = {path.parent for path in self.found}
        return sorted({path for folder in folders for path in self._list(folder).values()} - self.found)

    def _look_up(self, roots, relative):
        """Returns the first file of this relative path; its extension may be absent, or differ in case."""
        for root in roots:
            path = pathlib.Path(os.path.normpath(root / relative))
            if not pathlib.Path(os.path.abspath(path)).is_relative_to(self.inside):
                continue
            if os.path.isfile(path):
                return path
            for known in (relative.name.lower(), None if is_image(path) else f"{relative.name}."):
                match = self._list(path.parent).get(known) if known else None
                if match:
                    return match
        return None

    def _list(self, folder):
        """Maps file names in lower case, and stems with a dot, to the images of a folder."""
        if folder not in self._listings:
            try:
                files = sorted(folder / entry.name for entry in os.scandir(folder) if entry.is_file())
            except (OSError, ValueError):
                files = []
            files = [path for path in files if is_image(path)]
            self._listings[folder] = {path.name.lower(): path for path in files}
            self._listings[folder] |= {f"{path.stem}.": path for path in files}
        return self._listings[folder]


def unique_names(paths: list[pathlib.Path], splits: list) -> list[str]:
    """Returns names for images: the file names without extension, with names of folders before where they repeat.

    Args:
        paths: of N images.
        splits: list of N; names must differ in a split only.

    Returns:
        List of N str.
    """
    folders = [[part for part in path.parts[:-1] if part != "images"] for path in paths]
    names = [path.stem for path in paths]
    for depth in range(1, max(map(len, folders), default=0)):
        counts = collections.Counter(zip(splits, names))
        repeated = [number for number, key in enumerate(zip(splits, names)) if counts[key] > 1]
        for number in repeated:
            names[number] = "_".join([*folders[number][-depth:], paths[number].stem])
        if not repeated:
            break
    return names


def image_size(image) -> tuple[tuple[int, int], int]:
    """Reads the size of an image, where it is possible without decoding it.

    Args:
        image: path, or the bytes of a file.

    Returns:
        `(size, orientation)`: height and width as stored, and the EXIF orientation, 1..8; 1 = upright.

    Raises:
        UsageError: if it is damaged, not an image or too large.
    """
    data, name = (image, "the image inside") if isinstance(image, bytes) else (read_bytes(image), image)
    check_size(data, name)
    width, height = read_size(data) or decode_image(data, name).pixels.shape[1::-1]
    return (height, width), orientation_of(data)


def draw_label(image, size, background: int, draw) -> np.ndarray:
    """Draws a label in the pixels of its image as stored.

    Args:
        image: path, or the bytes of a file.
        size: `(height, width)` that the annotation names, or None. Annotation tools show images upright, except those
            that do not know EXIF: either size is accepted.
        background: int, the value of pixels that no shape covers.
        draw: function that draws the shapes on a `Canvas`.

    Returns:
        uint8 array `(H, W)`.

    Raises:
        UsageError: if the image has another size.
    """
    stored, orientation = image_size(image)
    upright = stored[::-1] if orientation > 4 else stored
    size = size or upright
    if size not in (upright, stored):
        name = "the image" if isinstance(image, bytes) else image
        raise UsageError(
            f"{name} is {upright[1]}x{upright[0]} but its annotation is for {size[1]}x{size[0]}; "
            "they must have the same size"
        )
    canvas = Canvas(*size, background, "the image" if isinstance(image, bytes) else image)
    draw(canvas)
    return undo_orientation(canvas.label, orientation) if size == upright else canvas.label
