"""What every reader returns: the classes of a source and its images, each with a function that makes its label."""

import functools
import json
import pathlib
from collections.abc import Callable
from typing import NamedTuple

from utils.class_dict import ClassDict
from utils.data.checks import raise_problems
from utils.data.images import is_image
from utils.errors import UsageError

NO_PUBLIC_TEST = "its test split is left out, for its labels are not public: score with test.py --split val"


class Options(NamedTuple):
    """What the user can choose; each reader uses what concerns it.

    Attributes:
        classes: str or None, the name of one of the format's lists of classes, or the path of a file of classes.
        background: str, the class of pixels that no polygon covers, or "ignore".
        unknown: "error" or "ignore", what to do with values and colors of no class.
    """

    classes: str | None = None
    background: str = "background"
    unknown: str = "error"


class Item(NamedTuple):
    """An image and what its label is made of.

    Attributes:
        split: "train", "val", "test", or None where the source has no splits.
        name: str, unique in its split.
        image: `pathlib.Path`.
        label: function without arguments that gives a uint8 array `(H, W)` of class indices; 255 = ignored.
    """

    split: str | None
    name: str
    image: pathlib.Path
    label: Callable


class Source(NamedTuple):
    """A dataset in another format.

    Attributes:
        classes: `ClassDict`.
        items: list of `Item`.
        notes: str, what its user should know, or "".
    """

    classes: ClassDict
    items: list
    notes: str = ""


class SourceReader:
    """Gathers the items of a source and everything that is missing, to be reported at once.

    Args:
        folder: `pathlib.Path` of the source.
        layout: str, what it should have, for errors.
    """

    def __init__(self, folder, layout):
        self.folder, self.layout, self.items, self.problems = folder, layout, [], []

    def find(self, *candidates):
        """The first of several paths below the source that exists.

        Raises:
            UsageError: if none does.
        """
        for candidate in candidates:
            if (self.folder / candidate).exists():
                return self.folder / candidate
        raise UsageError(f"--source {self.folder} has no {' or '.join(candidates)}; expected {self.layout}")

    def add(self, split, name, image, decode, label=None):
        """Takes an item.

        Args:
            split, name, image: as in `Item`.
            decode: function of the path `label` that gives the label; without `label`, of nothing.
            label: `pathlib.Path` of the file that it needs, or None.
        """
        missing = [f"{image} is missing"] if not image.is_file() else []
        if image.is_file() and not is_image(image):
            missing.append(f"{image}: images must be JPEG, PNG, BMP, TIFF or WebP")
        if label is not None and not label.is_file():
            missing.append(f"{image} has no label {label}")
        self.problems += missing
        if not missing:
            self.items.append(Item(split, name, image, decode if label is None else functools.partial(decode, label)))

    def finish(self, classes, notes=""):
        """The source.

        Raises:
            UsageError: naming everything that is missing, or if there is nothing.
        """
        if not self.items and not self.problems:
            raise UsageError(f"--source {self.folder} has no images with labels; expected {self.layout}")
        raise_problems(self.problems)
        return Source(classes, self.items, notes)


def read_json(path):
    """Reads a JSON file.

    Raises:
        UsageError: if it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def choose(options, default, *others):
    """The list of classes that `--classes` chooses.

    Raises:
        UsageError: if the format has no such list.
    """
    choices = (default, *others)
    if options.classes not in (None, *choices):
        raise UsageError(f"--classes {options.classes}: this format has {' or '.join(choices)}")
    return options.classes or default
