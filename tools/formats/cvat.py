"""CVAT for images 1.1 (docs.cvat.ai/docs/dataset_management/formats/format-cvat): an XML file of shapes."""

import collections
import functools
import pathlib
import xml.etree.ElementTree as ElementTree

import numpy as np

from tools.formats.annotations import DrawnClasses, skipped_shapes
from tools.formats.base import SourceReader
from tools.formats.polygons import Canvas, to_stored_orientation
from utils.errors import UsageError

LAYOUT = "annotations.xml of CVAT's export 'CVAT for images 1.1', with the images in images/ or beside it"
AREAS = ("polygon", "box", "ellipse", "mask")
LINES = ("polyline", "points", "cuboid", "skeleton")
SUBSETS = {"train": "train", "training": "train", "val": "val", "validation": "val", "test": "test"}


def read(folder, options):
    """Reads all images. Their splits are the subsets of CVAT if each image has one named Train, Validation or Test."""
    reader, drawn, kinds = SourceReader(folder, LAYOUT), None, collections.Counter()
    path = reader.find("annotations.xml")
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    if root.find("track") is not None:
        raise UsageError(f"{path} is an annotation of a video; export the task as 'CVAT for images 1.1'")
    images = root.findall("image")
    colors = {label.findtext("name"): label.findtext("color") for label in root.iterfind("meta//label")}
    names = dict.fromkeys(colors)
    for image in images:
        names.update(dict.fromkeys(shape.get("label") for shape in image if shape.tag in AREAS))
        kinds.update(shape.tag for shape in image if shape.tag in LINES)
    if not images:
        return reader.finish(None)
    drawn = DrawnClasses(options, list(names), {name: rgb(color) for name, color in colors.items() if color})
    splits = [SUBSETS.get((image.get("subset") or "").lower()) for image in images]
    for image, split in zip(images, splits if all(splits) else [None] * len(images)):
        name = image.get("name")
        path_in_images = folder / "images" / name
        file = path_in_images if path_in_images.is_file() else folder / name
        joined = "_".join(pathlib.PurePosixPath(name).with_suffix("").parts)
        reader.add(split, joined, file, functools.partial(draw, path, file, image, drawn))
    return reader.finish(drawn.classes, skipped_shapes(kinds))


def rgb(color):
    """Converts `#rrggbb` to an RGB tuple."""
    return tuple(bytes.fromhex(color.lstrip("#")))


def draw(path, file, image, drawn):
    """Draws the shapes of an image in the order of their layers.

    Args:
        path, file: paths of the XML file and of the image.
        image: XML element of the image.
        drawn: `DrawnClasses`.

    Returns:
        uint8 array `(H, W)`.

    Raises:
        UsageError: if a shape is damaged.
    """
    try:
        canvas = Canvas(int(image.get("height")), int(image.get("width")), drawn.background)
        shapes = [shape for shape in image if shape.tag in AREAS]
        for shape in sorted(
            shapes, key=lambda shape: int(shape.get("z_order", 0))
        ):  # stable: within a layer as in the file
            draw_shape(canvas, shape, drawn.indices[shape.get("label")])
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path}, image {image.get('name')}: a shape is damaged ({error})") from error
    return to_stored_orientation(canvas.label, file)


def draw_shape(canvas, shape, value):
    """Draws a shape with an area."""
    if shape.tag == "polygon":
        canvas.polygon([point.split(",") for point in shape.get("points").split(";")], value)
    elif shape.tag == "box":
        x1, y1, x2, y2 = (float(shape.get(side)) for side in ("xtl", "ytl", "xbr", "ybr"))
        canvas.polygon(rotate_points([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], float(shape.get("rotation", 0))), value)
    elif shape.tag == "ellipse":
        x, y, radius_x, radius_y = (float(shape.get(side)) for side in ("cx", "cy", "rx", "ry"))
        canvas.ellipse((x, y), (radius_x, radius_y), value, float(shape.get("rotation", 0)))
    else:
        left, top, width, height = (int(float(shape.get(side))) for side in ("left", "top", "width", "height"))
        runs = np.array(shape.get("rle").split(","), int)  # run lengths, alternately outside and inside
        canvas.mask(left, top, np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width), value)


def rotate_points(points, angle):
    """Rotates points clockwise about their center by an angle in degrees."""
    points, angle = np.array(points), np.deg2rad(angle)
    center = points.mean(axis=0)
    return center + (points - center) @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
