"""Folders of images and of masks with class numbers or colors; classes from a class file or from the masks."""

import functools

import numpy as np

from tools.formats.base import SourceReader
from tools.formats.classes import colormap, index_table, make_classes, read_class_file
from tools.formats.layouts import find_pairs
from tools.formats.masks import read_ids, read_stored
from utils.class_dict import IGNORED, UNKNOWN, ClassDict
from utils.data.checks import check_pairs
from utils.data.folder import Pair
from utils.data.label_files import read_stored as read_label_file
from utils.data.label_statistics import summarize
from utils.data.labels import read_label
from utils.data.report import describe_labels
from utils.errors import UsageError

LAYOUT = "images and masks in usual folders, or --images and --masks"
SUSPICIOUS = range(200, 255)  # values that index masks hardly have, and soft borders of black and white masks do


def read(folder, options):
    """Reads pairs of images and masks in one of the usual layouts, or of patterns, see `layouts.find_pairs`."""
    reader = SourceReader(folder, LAYOUT, options)
    pairs, layout = find_pairs(folder, options.images, options.masks, options.match, reader.problems)
    if not pairs:
        return reader.finish(None)
    if options.classes or options.label_format == "binary":
        classes, decode, notes = classes_from_file(pairs, options, reader.problems)
    else:
        classes, decode, notes = classes_from_masks([pair.mask for pair in pairs], options)
    for pair in pairs:
        reader.add(pair.split, pair.name, pair.image, decode, pair.mask)
    return reader.finish(classes, f"read as {layout}", *notes, *unused_lists(folder))


def unused_lists(folder):
    """Returns a note about lists of splits that are not read, as a list."""
    names = [path.name for path in sorted(folder.rglob("*.txt")) if path.stem in ("train", "val", "test", "trainval")]
    has_folders = any((folder / path).is_dir() for path in ("train", "images/train"))
    if not names or has_folders:
        return []
    return [f"{', '.join(dict.fromkeys(names))}: lists are not read, the splits are drawn at random by --fractions"]


def classes_from_file(pairs, options, problems):
    """Reads the classes of a class file; without one, those of binary masks are background and object.

    With colors, masks are decoded as labels of a dataset; without, as class numbers.

    Returns:
        As `classes_from_masks`.
    """
    label_format = options.label_format
    if options.classes:
        names, colors = read_class_file(options.classes)
    else:
        names, colors = ["background", "object"], [(0, 0, 0), (255, 255, 255)]
    if colors is None:
        colors, label_format = colormap(len(names)), "indices" if label_format == "auto" else label_format
    classes = make_classes(names, colors, unknown=options.unknown)
    exact = ClassDict(names, colors, unknown=options.unknown, label_format=label_format)  # colors may include white
    checked = [Pair(pair.name, pair.image, pair.mask) for pair in pairs]
    statistics = check_pairs(checked, exact, problems=problems, image_format=None)
    problems.clear()  # all have been raised
    return (
        classes,
        lambda path: read_label(path, exact),
        [describe_labels(summarize(statistics, exact.num_classes), exact)],
    )


def classes_from_masks(paths, options):
    """Determines the classes from the values or colors of the masks, which must all be of one kind.

    Values of a single channel become classes in ascending order, with the colors of the palette, if there is one. 255
    is ignored unless 0 and 255 are the only values. Colors become classes in the order of their channels.

    Args:
        paths: of all masks.
        options: `Options`; its `label_format` "indices" or "colors" allows values that look like soft borders.

    Returns:
        `(classes, decode, notes)`: `ClassDict`, a function from a path to its label, and a list of notes.

    Raises:
        UsageError: if there are too many values, masks of both kinds, or masks with inexact values.
    """
    values, palette, ndim = set(), None, None
    for path in paths:
        stored = read_label_file(path)
        pixels = stored.pixels
        if ndim is None:
            ndim, palette = pixels.ndim, stored.palette
        if pixels.ndim != ndim:
            raise UsageError(f"{path} has {'colors' if ndim == 2 else 'one channel'}, {paths[0]} has not")
        packed = pixels if ndim == 2 else pixels @ np.array([1 << 16, 1 << 8, 1])
        values.update(np.unique(packed).tolist())
        check_exact(path, stored, values, options)
    values = sorted(values)
    if ndim == 3:
        colors = [(value >> 16, value >> 8 & 255, value & 255) for value in values]
        classes = make_classes([f"color_{red}_{green}_{blue}" for red, green, blue in colors], colors)
        exact = ClassDict(classes.class_names, colors)
        return classes, lambda path: exact.encode(read_stored(path)[0], name=path), [f"found {len(values)} colors"]
    if values != [0, IGNORED]:
        values = [value for value in values if value != IGNORED]
    in_palette = palette is not None and values and values[-1] < len(palette)
    colors = [tuple(palette[value].tolist()) for value in values] if in_palette else colormap(len(values))
    classes = make_classes([f"class_{value}" for value in values], colors)
    note = f"found {len(values)} values: {', '.join(map(str, values[:12]))}{', ...' if len(values) > 12 else ''}"
    return classes, functools.partial(read_ids, table=index_table(values)), [f"{note}; rename them in class_dict.csv"]


def check_exact(path, stored, values, options):
    """Raises UsageError if the values found so far are those of a photo, a lossy file or a mask with soft borders."""
    remedy = (
        "give --label_format binary for masks of 0 and 255, or the colors as --classes FILE.csv, with "
        "--unknown_colours nearest"
    )
    if stored.lossy and len(values) > 2:
        raise UsageError(f"{path} is a {stored.lossy} file with inexact values ({len(values)} so far); {remedy}")
    if len(values) > UNKNOWN + 1:
        raise UsageError(f"more than {UNKNOWN} values in the masks up to {path}; if they are no photos, {remedy}")
    soft = stored.pixels.ndim == 2 and {0, IGNORED} < values and any(value in SUSPICIOUS for value in values)
    if soft and options.label_format == "auto":
        raise UsageError(
            f"{path} has values between 0 and 255, as black and white masks with soft borders have; {remedy}; or "
            "--label_format indices if each value is a class"
        )
