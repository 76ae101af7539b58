"""LabelMe (Wada, github.com/wkentaro/labelme): a JSON file of shapes for each image."""

import base64
import collections
import functools
import io
import pathlib

import numpy as np

from tools.formats.annotations import DrawnClasses, skipped_shapes
from tools.formats.base import SourceReader, read_json
from tools.formats.polygons import Canvas, to_stored_orientation
from utils.errors import UsageError

LAYOUT = "JSON files of LabelMe, in any subfolders, each with the image that it names"
AREAS = ("polygon", "rectangle", "circle", "mask")


def read(folder, options):
    """Reads the images that have a JSON file; images without one are left out. There are no splits."""
    reader, contents, kinds = SourceReader(folder, LAYOUT), {}, collections.Counter()
    for path in sorted(folder.rglob("*.json")):
        content = read_json(path)
        if isinstance(content, dict) and "shapes" in content and "imagePath" in content:
            contents[path] = content
    names = set()
    for content in contents.values():
        for shape in content["shapes"]:
            names.add(shape["label"])
            if shape.get("shape_type", "polygon") not in AREAS:
                kinds[shape["shape_type"]] += 1
    if not contents:
        return reader.finish(None)
    drawn = DrawnClasses(options, sorted(names))
    for path, content in contents.items():
        image = path.parent / pathlib.PureWindowsPath(content["imagePath"]).as_posix()
        name = "_".join(path.relative_to(folder).with_suffix("").parts)
        reader.add(None, name, image, functools.partial(draw, path, image, content, drawn))
    return reader.finish(drawn.classes, skipped_shapes(kinds))


def draw(path, image, content, drawn):
    """Draws the shapes of a JSON file.

    Args:
        path, image: paths of the JSON file and of the image.
        content: dict, the content of the file.
        drawn: `DrawnClasses`.

    Returns:
        uint8 array `(H, W)`.

    Raises:
        UsageError: if a shape is damaged or incomplete.
    """
    try:
        canvas = Canvas(content["imageHeight"], content["imageWidth"], drawn.background)
        for shape in content["shapes"]:
            draw_shape(canvas, shape, drawn.indices[shape["label"]])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UsageError(f"{path} is no LabelMe annotation: {type(error).__name__} {error}") from error
    return to_stored_orientation(canvas.label, image)


def draw_shape(canvas, shape, value):
    """Draws a shape with an area."""
    kind, points = shape.get("shape_type", "polygon"), shape["points"]
    if kind == "polygon":
        canvas.polygon(points, value)
    elif kind == "rectangle":
        canvas.rectangle(*points, value)
    elif kind == "circle":  # center, and a point of the circumference
        radius = float(np.hypot(*np.subtract(points[1], points[0])))
        canvas.ellipse(points[0], (radius, radius), value)
    elif kind == "mask":  # a PNG that fills the rectangle of the points
        from PIL import Image

        pixels = np.array(Image.open(io.BytesIO(base64.b64decode(shape["mask"]))))
        canvas.mask(round(points[0][0]), round(points[0][1]), pixels > 0, value)
