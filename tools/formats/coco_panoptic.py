"""COCO panoptic segmentation (Kirillov et al., CVPR 2019, 1801.00868): PNGs of segment numbers and a JSON file."""

import functools

import numpy as np

from tools.datasets.splits import split_of
from tools.formats.base import NO_PUBLIC_TEST, SourceReader
from tools.formats.classes import colormap, make_classes, read_table
from tools.formats.masks import read_stored
from tools.formats.schema import Fields, read_json
from utils.class_dict import IGNORED
from utils.errors import UsageError
from utils.safe_paths import safe_path
from utils.text import brief

LAYOUT = "annotations/panoptic_*.json, a folder of PNGs of the same name, and {train,val}2017/*.jpg or images/"
PATTERNS = ("annotations/panoptic_*.json", "panoptic_*.json", "annotations/*.json", "*.json")


def read(folder, options):
    """Reads the splits whose files are there. The classes are the categories of the JSON file, things and stuff."""
    reader, classes, first = SourceReader(folder, LAYOUT, options), None, None
    for path in find_files(folder):
        content = Fields(read_json(path), str(path))
        rows = content.objects_by_id("categories", "category")
        categories, indices = list(rows.values()), {id: index for index, id in enumerate(rows)}
        if len(categories) < 2:
            raise UsageError(f"{path} has {len(categories)} categories; at least two are needed")
        if classes is None:
            classes = make_classes([row.text("name") for row in categories], colors_of(categories))
            first = indices
        elif indices != first:
            raise UsageError(f"{path} has other categories than the other split")
        add_images(reader, path, content, indices)
    is_official = {item.split for item in reader.items} == {"train", "val"}
    return reader.finish(classes, NO_PUBLIC_TEST if is_official else "")


def find_files(folder):
    """Returns the paths of the JSON files: those named as COCO's, or else those with segments."""
    for number, pattern in enumerate(PATTERNS):
        paths = sorted(folder.glob(pattern))
        if number > 1:
            paths = [path for path in paths if path.is_file() and b'"segments_info"' in path.read_bytes()]
        if paths:
            return paths
    return []


def add_images(reader, path, content, indices):
    """Adds the images of a JSON file to the reader.

    Args:
        reader: `SourceReader`.
        path: of the JSON file; the folder of PNGs has the same name.
        content: `Fields` of the file.
        indices: dict from category ids to class indices.
    """
    part = path.stem.removeprefix("panoptic_")
    labels = next((place for place in (path.with_suffix(""), reader.folder / path.stem) if place.is_dir()), None)
    if labels is None:
        raise UsageError(f"{path} needs a folder {path.stem} of PNGs beside it; unpack {path.stem}.zip there")
    names = {}
    if isinstance(content.values.get("images"), list):
        rows = content.objects_by_id("images", "image")
        names = {id: image.text("file_name") for id, image in rows.items()}
    for row in content.objects("annotations", "annotation"):
        segments = {}
        for segment in row.objects_by_id("segments_info", "segment").values():
            category = segment.id("category_id")
            if category not in indices:
                raise UsageError(f"{segment.place}: category_id {brief(category)} is not among the categories")
            segments[segment.integer("id")] = indices[category]
        label = safe_path(labels, row.text("file_name"), row.place, follow_links=True)
        name = names.get(row.id("image_id"), label.stem)
        image = reader.locate(name, reader.folder / "images" / part, reader.folder / part)
        if image:
            decode = functools.partial(read_panoptic, segments=segments)
            reader.add(split_of(part), label.stem, image, decode, label)


def colors_of(categories):
    """Colors of the categories: their own, the official ones, or for other categories those of VOC."""
    ids, official = read_table("coco_panoptic")
    colors = dict(zip(map(str, ids), map(tuple, official.label_values.tolist())))
    own = [row.color("color", None) for row in categories]
    if all(own):
        return own
    if all(row.id("id") in colors for row in categories):
        return [colors[row.id("id")] for row in categories]
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
