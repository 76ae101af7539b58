"""Interface of the format readers: options, images with label decoders, and a reader that collects problems."""

import functools
import json
import pathlib
from collections.abc import Callable
from typing import NamedTuple

from utils.class_dict import ClassDict
from utils.data.checks import raise_problems
from utils.data.images import is_image
from utils.errors import UsageError

NO_PUBLIC_TEST = "the test split is left out, as its labels are not public: score with test.py --split val"


class Options(NamedTuple):
    """Options of the user; each reader uses those that its format has.

    Attributes:
        classes: str or None, the name of one of the format's class lists, or the path of a class file.
        background: str, the class of pixels that no shape covers, or "ignore".
        unknown: "error" or "ignore", for label values and colors of no class.
    """

    classes: str | None = None
    background: str = "background"
    unknown: str = "error"


class Item(NamedTuple):
    """An image and its label decoder.

    Attributes:
        split: "train", "val", "test", or None where the source has no splits.
        name: str, unique in its split.
        image: `pathlib.Path`.
        label: function without arguments that returns a uint8 array `(H, W)` of class indices; 255 = ignored.
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
        notes: str, a note for the user, or "".
    """

    classes: ClassDict
    items: list
    notes: str = ""


class SourceReader:
    """Collects the items of a source, and all missing files to report them together.

    Args:
        folder: `pathlib.Path` of the source.
        layout: str, the expected files, for errors.

    Attributes:
        items: list of `Item`.
        problems: list of str.
    """

    def __init__(self, folder, layout):
        self.folder, self.layout, self.items, self.problems = folder, layout, [], []

    def find(self, *candidates):
        """Returns the first of several paths below the source that exists.

        Raises:
            UsageError: if none exists.
        """
        for candidate in candidates:
            if (self.folder / candidate).exists():
                return self.folder / candidate
        raise UsageError(f"--source {self.folder} has no {' or '.join(candidates)}; expected {self.layout}")

    def add(self, split, name, image, decode, label=None):
        """Adds an item, or the problems of its files.

        Args:
            split, name, image: as in `Item`.
            decode: function of the path `label` that returns the label; without `label`, of no arguments.
            label: `pathlib.Path` of the label file, or None.
        """
        problems = [f"{image} is missing"] if not image.is_file() else []
        if image.is_file() and not is_image(image):
            problems.append(f"{image}: images must be JPEG, PNG, BMP, TIFF or WebP")
        if label is not None and not label.is_file():
            problems.append(f"{image} has no label {label}")
        self.problems += problems
        if not problems:
            self.items.append(Item(split, name, image, decode if label is None else functools.partial(decode, label)))

    def finish(self, classes, notes=""):
        """Returns the `Source`.

        Raises:
            UsageError: with all problems, or if there are no items.
        """
        if not self.items and not self.problems:
            raise UsageError(f"--source {self.folder} has no images with labels; expected {self.layout}")
        raise_problems(self.problems)
        return Source(classes, self.items, notes)


def read_json(path: pathlib.Path):
    """Reads a JSON file.

    Raises:
        UsageError: if it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def choose_class_list(options: Options, default: str, *others: str) -> str:
    """Returns the class list that `--classes` selects, or the default.

    Raises:
        UsageError: if the format has no such list.
    """
    choices = (default, *others)
    if options.classes not in (None, *choices):
        raise UsageError(f"--classes {options.classes}: this format has {' or '.join(choices)}")
    return options.classes or default
