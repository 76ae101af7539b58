"""Pascal VOC (Everingham et al., IJCV 2010): palette PNGs of 21 classes, or of those of annotation tools."""

import functools
import re

import numpy as np

from tools.datasets.splits import split_of
from tools.formats.base import NO_PUBLIC_TEST, SourceReader
from tools.formats.classes import index_table, make_classes, read_class_file, read_table
from tools.formats.colors import color_classes, read_colors
from tools.formats.masks import read_ids, read_stored
from tools.formats.schema import read_lines
from utils.class_dict import IGNORED
from utils.errors import UsageError
from utils.safe_paths import SEPARATOR, safe_path

LAYOUT = "JPEGImages/*.jpg, SegmentationClass/*.png and ImageSets/Segmentation/{train,val}.txt or default.txt"
LABELMAP = re.compile(r"(?P<name>[^#].*?):(?P<r>\d+), *(?P<g>\d+), *(?P<b>\d+)(:.*)?")
BORDER = (224, 224, 192)  # the color of index 255


def read(folder, options):
    """Reads the splits of the lists; test only if it has labels, as in VOC 2007.

    CVAT's "Segmentation mask 1.1" has the same folders and names its classes and colors in `labelmap.txt`; labelme2voc
    names its classes in `class_names.txt`.
    """
    inner = sorted(folder.glob("VOCdevkit/VOC*")) or sorted(folder.glob("VOC*"))
    if not (folder / "ImageSets").is_dir() and len(inner) == 1:
        folder = inner[0]
    reader = SourceReader(folder, LAYOUT, options, folder / "JPEGImages")
    labels = folder / "SegmentationClassPNG"  # of older versions of labelme2voc
    labels = labels if labels.is_dir() else reader.find("SegmentationClass")
    reader.find("JPEGImages")
    classes, decode, is_official = read_classes(folder, options)
    lists = read_lists(folder, labels)
    if not any(path.is_file() for path in lists.get("test", {}).values()):
        lists.pop("test", None)
    for split, names in lists.items():
        for name, label in names.items():
            image = reader.locate(name)
            if image and not is_official and not label.is_file():
                reader.images.found.discard(image)  # CVAT lists images without annotation
            elif image:
                reader.add(split, SEPARATOR.sub("_", name), image, decode, label)
    return reader.finish(classes, NO_PUBLIC_TEST if is_official and set(lists) == {"train", "val"} else "")


def read_classes(folder, options):
    """Reads the classes: of `--classes`, `labelmap.txt` or `class_names.txt`, or else those of Pascal VOC.

    Returns:
        `(classes, decode, is_official)`: `ClassDict`, a function from the path of a mask to its label, and whether they
        are those of Pascal VOC.
    """
    labelmap, names_file = folder / "labelmap.txt", folder / "class_names.txt"
    if labelmap.is_file() and not options.classes:
        colors = read_colors(labelmap, LABELMAP, "road:128,64,128::")
        return *color_classes(colors, labelmap, options.unknown, BORDER), False
    if options.classes or names_file.is_file():
        names, colors = read_class_file(options.classes or names_file)
        classes, ids = make_classes(names, colors), list(range(len(names)))
    else:
        ids, classes = read_table("voc")
    decode = functools.partial(read_known_ids, table=index_table(ids), count=len(ids), unknown=options.unknown)
    return classes, decode, not (options.classes or names_file.is_file())


def read_known_ids(path, table, count, unknown):
    """Reads a mask of class numbers; numbers of no class but 255 are an error unless `unknown` is "ignore"."""
    label = read_ids(path, table)
    if unknown != "ignore" and (label == IGNORED).any():
        others = np.setdiff1d(read_stored(path)[0], [*range(count), IGNORED])
        if len(others):
            advice = "name the classes of this dataset with --classes FILE, a name per line"
            raise UsageError(f"{path} has the number {others[0]}, but there are {count} classes; {advice}")
    return label


def read_lists(folder, labels):
    """Reads the names of the images.

    Args:
        folder: `pathlib.Path`, with `ImageSets/Segmentation`.
        labels: folder of the masks.

    Returns:
        Dict from "train", "val", "test" or None to dicts from names to the paths of their masks: those of all lists
        with such names, or else of all other lists, or without lists all masks.

    Raises:
        UsageError: if a name leads out of the folder of the masks.
    """
    lists, others = {}, {}
    for path in sorted(folder.glob("ImageSets/Segmentation/*.txt")):
        split = split_of(path.stem)
        names = lists.setdefault(split, {}) if split else others
        for number, line in read_lines(path):
            name = line.strip('"')  # CVAT quotes names with spaces
            names[name] = safe_path(labels, f"{name}.png", f"{path}, line {number}", follow_links=True)
    if not {"train", "val"} & set(lists):
        lists[None] = others or {path.stem: path for path in sorted(labels.glob("*.png"))}
    return lists
