"""CVAT for images 1.1 and for video 1.1 (docs.cvat.ai/docs/dataset_management/formats): an XML file of shapes."""

import collections
import functools
import pathlib
import re

import numpy as np

from tools.datasets.splits import split_of
from tools.formats.annotations import DrawnClasses, skipped_shapes
from tools.formats.base import SourceReader
from tools.formats.cvat_tracks import read_frames
from tools.formats.images import draw_label
from tools.formats.schema import Fields, check_points, read_xml
from utils.errors import UsageError
from utils.text import brief

LAYOUT = "annotations.xml of CVAT's export 'CVAT for images 1.1', with the images in images/ or beside it"
AREAS = ("polygon", "box", "ellipse", "mask")


def read(folder, options):
    """Reads all images of a task or project.

    The subsets of a project become splits by their names, such as Train, Validation and Test. The images of other
    subsets have no split.
    """
    reader = SourceReader(folder, LAYOUT, options)
    if (folder / "labelmap.txt").is_file() and not (folder / "annotations.xml").is_file():
        raise UsageError(f"{folder} is CVAT's export 'Segmentation mask 1.1'; read it with --format voc")
    path = reader.find("annotations.xml")
    root = read_xml(path)
    is_video = root.find("track") is not None
    images = read_frames(root, path, folder) if is_video else list(read_images(root, path))
    labels = {label.findtext("name") or "": label.findtext("color") or "" for label in root.iterfind("meta//label")}
    colors = {name: rgb(color) for name, color in labels.items() if re.fullmatch("#[0-9a-fA-F]{6}", color)}
    names, kinds = dict.fromkeys(name for name in labels if name), collections.Counter()
    for _, shapes in images:
        for tag, shape in shapes:
            if labels and tag in AREAS and shape.text("label") not in labels:
                raise UsageError(f"{shape.place}: label {brief(shape.text('label'))} is not among those of the task")
        names.update((shape.text("label"), None) for tag, shape in shapes if tag in AREAS)
        kinds.update(tag for tag, _ in shapes if tag not in AREAS)
    if not images:
        return reader.finish(None)
    drawn = DrawnClasses(options, list(names), colors)
    for image, shapes in images:
        add_image(reader, image, [(tag, shape) for tag, shape in shapes if tag in AREAS], drawn)
    return reader.finish(drawn.classes, skipped_shapes(kinds))


def read_images(root, path):
    """Yields the `Fields` of each image, and its shapes as pairs of a tag and `Fields`."""
    for number, image in enumerate(root.findall("image"), 1):
        fields = Fields(image.attrib, f"{path}, image {number}")
        place = f"{path}, image {brief(fields.text('name'))}"
        shapes = [shape for shape in image if shape.tag != "tag"]  # that is of the whole image
        yield (
            fields,
            [
                (shape.tag, Fields(shape.attrib, f"{place}, shape {n} ({shape.tag})"))
                for n, shape in enumerate(shapes, 1)
            ],
        )


def add_image(reader, image, shapes, drawn):
    """Adds an image of the XML file to the reader, if its file is there."""
    name, subset = image.text("name"), image.text("subset", "")
    split = split_of(subset)
    file = reader.locate(name, *([reader.folder / "images" / subset] if subset else []))
    if file is None:
        return
    joined = "_".join(part for part in pathlib.PurePosixPath(name).parts if part not in ("/", ".."))
    joined = joined[: -len(file.suffix)] if joined.lower().endswith(file.suffix.lower()) else joined
    if subset and not split and subset.lower() != "default":
        joined = f"{subset}_{joined}"  # names are unique in a subset only
    if not shapes:
        reader.empty.append(name)
    reader.add(split, joined, file, functools.partial(draw, file, image, shapes, drawn))


def rgb(color):
    """Converts `#rrggbb` to an RGB tuple."""
    return tuple(bytes.fromhex(color.lstrip("#")))


def draw(file, image, shapes, drawn):
    """Draws the shapes of an image in the order of their layers, and within a layer in that of the file.

    Args:
        file: path of the image.
        image: `Fields` of the image.
        shapes: list of pairs of a tag and `Fields`.
        drawn: `DrawnClasses`.

    Returns:
        uint8 array `(H, W)`.

    Raises:
        UsageError: if a shape is damaged.
    """

    def draw_shapes(canvas):
        for tag, shape in sorted(shapes, key=lambda pair: pair[1].integer("z_order", 0)):
            draw_shape(canvas, tag, shape, drawn.indices[shape.text("label")])

    size = (image.integer("height"), image.integer("width")) if "height" in image.values else None
    return draw_label(file, size, drawn.background, draw_shapes)


def draw_shape(canvas, tag, shape, value):
    """Draws a shape with an area."""
    if tag == "polygon":
        canvas.polygon(polygon_points(shape), value)
    elif tag == "box":
        x1, y1, x2, y2 = (shape.number(side) for side in ("xtl", "ytl", "xbr", "ybr"))
        corners = check_points([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], shape.place)
        canvas.polygon(rotate_points(corners, shape.number("rotation", 0)), value)
    elif tag == "ellipse":
        places = [(shape.number("cx"), shape.number("cy")), (shape.number("rx"), shape.number("ry"))]
        center, radii = check_points(places, shape.place, 2)
        canvas.ellipse(center, radii, value, shape.number("rotation", 0))
    else:
        left, top, width, height = (shape.integer(side) for side in ("left", "top", "width", "height"))
        if height > canvas.label.shape[0] or width > canvas.label.shape[1]:
            raise UsageError(f"{shape.place}: the mask is {width}x{height}, larger than the image; export it again")
        canvas.mask(left, top, decode_runs(shape, height, width), value)


def polygon_points(shape):
    """Points of a polygon: `x,y;x,y;...`."""
    pairs = [pair.split(",") for pair in shape.text("points").split(";")]
    return check_points(pairs, f"{shape.place}, points")


def decode_runs(shape, height, width):
    """Decodes a mask of CVAT: lengths of runs along the rows, alternately outside and inside.

    Returns:
        bool array `(height, width)`.
    """
    try:
        runs = np.array(shape.text("rle").split(","), np.int64)
    except (ValueError, OverflowError):
        runs = np.zeros(0, np.int64)
    largest = height * width
    if not runs.size or (runs < 0).any() or (runs > largest).any() or largest < 1 or runs.sum() != largest:
        raise UsageError(f"{shape.place}: rle is not a mask of {width}x{height} pixels; export the annotations again")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)


def rotate_points(points, angle):
    """Rotates points clockwise about their center by an angle in degrees."""
    points, angle = np.array(points), np.deg2rad(angle)
    center = points.mean(axis=0)
    return center + (points - center) @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
