"""Interface of the format readers: options, images with label decoders, and a reader that collects problems."""

import functools
import pathlib
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tools.formats.images import ImageFinder
from tools.formats.masks import OfficialIds
from utils.class_dict import ClassDict
from utils.data.checks import raise_problems
from utils.data.images import is_image
from utils.errors import UsageError
from utils.safe_paths import SEPARATOR, leaves, problem_of_name
from utils.text import brief

NO_PUBLIC_TEST = "the test split is left out, as its labels are not public: score with test.py --split val"
MAX_NAMED = 20  # names in a note; the rest is counted
LONGEST_NAMED = 60  # characters of such a name


class Options(NamedTuple):
    """Options of the user; each reader uses those that its format has.

    Attributes:
        classes: str or None, the name of one of the format's class lists, or the path of a class file.
        background: str, the class of pixels that no shape covers, or "ignore".
        unknown: "error", "ignore" or "nearest", for label values and colors of no class.
        label_format: "auto", "colors", "indices" or "binary", see `label_format.choose_reading`.
        images, masks: patterns of files, or None for the usual layouts.
        match: compiled regular expression that images and masks have in common, or None.
        follow_links: whether symbolic links may lead out of the source.
    """

    classes: str | None = None
    background: str = "background"
    unknown: str = "error"
    label_format: str = "auto"
    images: str | None = None
    masks: str | None = None
    match: re.Pattern | None = None
    follow_links: bool = False


class Item(NamedTuple):
    """An image and its label decoder.

    Attributes:
        split: "train", "val", "test", or None where the source has no splits.
        name: str, unique in its split.
        image: `pathlib.Path`; of an image inside an annotation file, only the extension is used.
        label: function without arguments that returns a uint8 array `(H, W)` of class indices; 255 = ignored.
        data: function without arguments that returns the bytes of an image inside an annotation file, or None.
    """

    split: str | None
    name: str
    image: pathlib.Path
    label: Callable
    data: Callable | None = None


class Source(NamedTuple):
    """A dataset in another format.

    Attributes:
        classes: `ClassDict`.
        items: list of `Item`.
        notes: sequence of str, notes for the user.
        late_notes: functions that return a note, or "", once all labels have been decoded.
    """

    classes: ClassDict
    items: list
    notes: Sequence[str] = ()
    late_notes: Sequence[Callable] = ()


class SourceReader:
    """Collects the items of a source, and all missing files to report them together.

    Args:
        folder: `pathlib.Path` of the source.
        layout: str, the expected files, for errors.
        options: `Options`.
        roots: folders in which `locate` looks for images; by default `images/` and the source itself.

    Attributes:
        items: list of `Item`.
        problems: list of str, which are an error.
        notes, late_notes: as in `Source`.
        images: `ImageFinder`.
        absent: list of str, images that the annotations name and that are not there.
        empty: list of str, images whose annotations have no shape.
        links: list of paths that lead out of the source by a symbolic link.
    """

    def __init__(self, folder, layout, options, *roots):
        self.folder, self.layout, self.items, self.problems = folder, layout, [], []
        self.notes, self.late_notes, self.absent, self.empty, self.links = [], [], [], [], []
        self.images = ImageFinder(*(roots or (folder / "images", folder)), inside=folder)
        self.follow_links, self._outside = options.follow_links, {}

    def find(self, *candidates):
        """Returns the first of several paths below the source that exists.

        Raises:
            UsageError: if none exists.
        """
        for candidate in candidates:
            if (self.folder / candidate).exists():
                return self.folder / candidate
        raise UsageError(f"--source {self.folder} has no {' or '.join(candidates)}; expected {self.layout}")

    def official_ids(self, table, values):
        """Returns an `OfficialIds`, whose note follows the conversion."""
        decode = OfficialIds(table, values)
        self.late_notes.append(decode.note)
        return decode

    def locate(self, name, *roots):
        """Returns the path of an image that the annotations name, as `ImageFinder.find`; counts it if it is absent."""
        path = self.images.find(name, *roots)
        if path is None:
            self.absent.append(name)
        return path

    def add(self, split, name, image, decode, label=None, data=None):
        """Adds an item, or the problems of its files.

        Args:
            split, name, image, data: as in `Item`.
            decode: function of the path `label` that returns the label; without `label`, of no arguments.
            label: `pathlib.Path` of the label file, or None.
        """
        there = data is not None or image.is_file()
        problems = [] if there else [f"{image} is missing"]
        if there and not is_image(image):
            problems.append(f"{image}: this kind of image is not supported")
        if label is not None and not label.is_file():
            problems.append(f"{image} has no label {label}")
        if problem := problem_of_name(name) or ("has slashes" if SEPARATOR.search(name) else None):
            problems.append(
                f"{brief(str(image), 150)}: its name in the result, '{brief(name)}', {problem}; rename the file"
            )
        if not self.follow_links:
            self.links += [
                path for path in (image, label) if path is not None and data is None and self._is_outside(path)
            ]
        self.problems += problems
        if not problems:
            decode = decode if label is None else functools.partial(decode, label)
            self.items.append(Item(split, name, image, decode, data))

    def _is_outside(self, path):
        """Returns whether a symbolic link, of a file or of one of its folders, leads out of the source."""
        if path.parent not in self._outside:
            self._outside[path.parent] = leaves(path.parent, self.folder)
        return self._outside[path.parent] or path.is_symlink() and leaves(path, self.folder)

    def finish(self, classes, *notes):
        """Returns the `Source`.

        Its notes name images without annotation and annotations without image, and end with `notes`.

        Raises:
            UsageError: with all problems, or if there are no items.
        """
        if self.links:
            others = f" and {len(self.links) - 1} more lead" if len(self.links) > 1 else " leads"
            raise UsageError(
                f"{self.links[0]}{others} out of --source by a symbolic link; pass --follow_links if the link is yours"
            )
        if self.images.outside:
            raise UsageError(
                f"{len(self.images.outside)} of the annotated images, such as {brief(self.images.outside[0])}, are "
                f"outside --source {self.folder}; give a folder that has the images and their annotations"
            )
        if not self.items and not self.problems:
            if self.absent:
                missing = f"none of the {len(self.absent)} annotated images, such as {brief(self.absent[0][-40:])}"
                raise UsageError(f"--source {self.folder} has {missing}; export with images; expected {self.layout}")
            raise UsageError(f"--source {self.folder} has no images with labels; expected {self.layout}")
        raise_problems(self.problems)
        unnamed = [path.name for path in self.images.not_named()]
        for names, meaning in (
            (self.absent, "of the annotated images left out, as their files are not there"),
            (unnamed, "of the images left out, as no annotation names them"),
            (self.empty, "of the images only background, as they have no shape"),
        ):
            if names:
                self.notes.append(f"{len(names)} {meaning}: {listed(names)}")
        return Source(classes, self.items, [*self.notes, *filter(None, notes)], self.late_notes)


def listed(names: Sequence[str], most: int = MAX_NAMED) -> str:
    """Returns names separated by commas; of more than `most`, the number of the others."""
    others = len(names) - most
    return ", ".join(brief(name, LONGEST_NAMED) for name in names[:most]) + (
        f" and {others} more" if others > 0 else ""
    )


def choose_class_list(options: Options, default: str, *others: str) -> str:
    """Returns the class list that `--classes` selects, or the default.

    Raises:
        UsageError: if the format has no such list.
    """
    choices = (default, *others)
    if options.classes not in (None, *choices):
        raise UsageError(f"--classes {options.classes}: this format has {' or '.join(choices)}")
    return options.classes or default
