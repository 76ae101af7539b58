"""COCO panoptic segmentation (Kirillov et al., CVPR 2019, 1801.00868): PNGs of segment numbers and a JSON file."""

import functools

import numpy as np

from tools.formats.base import NO_PUBLIC_TEST, SourceReader, read_json
from tools.formats.classes import colormap, make_classes, read_table
from tools.formats.masks import read_stored
from utils.class_dict import IGNORED
from utils.errors import UsageError

LAYOUT = (
    "annotations/panoptic_{train,val}2017.json, annotations/panoptic_{train,val}2017/*.png and {train,val}2017/*.jpg, "
    "or images/{train,val}2017/*.jpg"
)


def read(folder, options):
    """Reads the splits train and val. The classes are the categories of the JSON file, things and stuff."""
    if options.classes:
        raise UsageError("--classes: the classes of coco_panoptic are those of its JSON file")
    reader, classes, first = SourceReader(folder, LAYOUT), None, None
    for split in ("train", "val"):
        path = reader.find(f"annotations/panoptic_{split}2017.json", f"panoptic_{split}2017.json")
        content = read_json(path)
        labels = reader.find(f"annotations/panoptic_{split}2017", f"panoptic_{split}2017")
        images = reader.find(f"images/{split}2017", f"{split}2017")
        try:
            indices, names = {row["id"]: i for i, row in enumerate(content["categories"])}, names_of(content)
            if classes is None:
                classes, first = make_classes(names, colors_of(content["categories"])), indices
            elif indices != first:
                raise UsageError(f"{path} has other categories than the other split")
            for row in content["annotations"]:
                segments = {part["id"]: indices[part["category_id"]] for part in row["segments_info"]}
                name = row["file_name"].rsplit(".", 1)[0]
                decode = functools.partial(read_panoptic, segments=segments)
                reader.add(split, name, images / f"{name}.jpg", decode, labels / row["file_name"])
        except (KeyError, TypeError) as error:
            raise UsageError(f"{path} is no panoptic annotation: {error} is missing") from error
    return reader.finish(classes, NO_PUBLIC_TEST)


def names_of(content):
    """Names of the categories, in the order of the file and of the class indices."""
    return [row["name"] for row in content["categories"]]


def colors_of(categories):
    """Colors of the categories: their own, the official ones, or for other categories those of VOC."""
    ids, official = read_table("coco_panoptic")
    colors = dict(zip(ids, map(tuple, official.label_values.tolist())))
    if all("color" in row for row in categories):
        return [tuple(row["color"]) for row in categories]
    if all(row["id"] in colors for row in categories):
        return [colors[row["id"]] for row in categories]
    return colormap(len(categories), 1)


def read_panoptic(path, segments):
    """Reads a PNG of segment numbers R + 256 G + 65536 B, 0 = unlabeled.

    Args:
        path: of a PNG.
        segments: dict from segment numbers to class indices.

    Returns:
        uint8 array `(H, W)` of class indices.

    Raises:
        UsageError: if the JSON file has no such segment.
    """
    pixels, _ = read_stored(path)
    if pixels.ndim != 3:
        raise UsageError(f"{path} has one channel; expected segment numbers in three")
    numbers, places = np.unique(pixels @ np.array([1, 1 << 8, 1 << 16]), return_inverse=True)
    unknown = [number for number in numbers.tolist() if number and number not in segments]
    if unknown:
        raise UsageError(f"{path} has segment {unknown[0]}, which its JSON file does not name")
    indices = [segments.get(number, IGNORED) if number else IGNORED for number in numbers.tolist()]
    return np.array(indices, np.uint8)[places].reshape(pixels.shape[:2])
