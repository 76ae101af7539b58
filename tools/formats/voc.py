"""Pascal VOC (Everingham et al., IJCV 2010): palette PNGs of 21 classes or, as CVAT exports, of other colors."""

import functools
import re

from tools.datasets.splits import split_of
from tools.formats.base import NO_PUBLIC_TEST, SourceReader
from tools.formats.classes import index_table, read_table
from tools.formats.colors import color_classes, read_colors
from tools.formats.masks import read_ids
from tools.formats.schema import read_lines

LAYOUT = "JPEGImages/*.jpg, SegmentationClass/*.png and ImageSets/Segmentation/{train,val}.txt or default.txt"
LABELMAP = re.compile(r"(?P<name>[^#].*?):(?P<r>\d+), *(?P<g>\d+), *(?P<b>\d+)(:.*)?")
BORDER = (224, 224, 192)  # the color of index 255


def read(folder, options):
    """Reads the splits of the lists; test only if it has labels, as in VOC 2007.

    CVAT's "Segmentation mask 1.1" has the same folders and names its classes and colors in `labelmap.txt`.
    """
    inner = sorted(folder.glob("VOCdevkit/VOC*")) or sorted(folder.glob("VOC*"))
    if not (folder / "ImageSets").is_dir() and len(inner) == 1:
        folder = inner[0]
    reader = SourceReader(folder, LAYOUT, folder / "JPEGImages")
    labels, labelmap = reader.find("SegmentationClass"), folder / "labelmap.txt"
    reader.find("JPEGImages")
    if labelmap.is_file():
        colors = read_colors(labelmap, LABELMAP, "road:128,64,128::")
        classes, decode = color_classes(colors, labelmap, options.unknown, BORDER)
    else:
        ids, classes = read_table("voc")
        decode = functools.partial(read_ids, table=index_table(ids))
    lists = read_lists(folder, labels)
    if not any((labels / f"{name}.png").is_file() for name in lists.get("test", ())):
        lists.pop("test", None)
    for split, names in lists.items():
        for name in names:
            image, label = reader.locate(name), labels / f"{name}.png"
            if image and labelmap.is_file() and not label.is_file():
                reader.images.found.discard(image)  # CVAT lists images without annotation
            elif image:
                reader.add(split, name.replace("/", "_"), image, decode, label)
    return reader.finish(classes, "" if "test" in lists or labelmap.is_file() else NO_PUBLIC_TEST)


def read_lists(folder, labels):
    """Reads the names of the images.

    Args:
        folder: `pathlib.Path`, with `ImageSets/Segmentation`.
        labels: folder of the masks.

    Returns:
        Dict from "train", "val", "test" or None to lists of names: those of all lists with such names, or else of all
        other lists, or without lists those of the masks.
    """
    lists, others = {}, []
    for path in sorted(folder.glob("ImageSets/Segmentation/*.txt")):
        names = [line.strip('"') for _, line in read_lines(path)]  # CVAT quotes names with spaces
        if split_of(path.stem):
            lists.setdefault(split_of(path.stem), []).extend(names)
        else:
            others += names
    if not {"train", "val"} & set(lists):
        lists[None] = others or [path.stem for path in sorted(labels.glob("*.png"))]
    return {split: list(dict.fromkeys(names)) for split, names in lists.items()}
