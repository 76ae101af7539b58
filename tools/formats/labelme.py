"""LabelMe (Wada, github.com/wkentaro/labelme): a JSON file of shapes for each image."""

import base64
import collections
import functools
import io

import numpy as np

from tools.formats.annotations import DrawnClasses, skipped_shapes
from tools.formats.base import SourceReader
from tools.formats.images import draw_label
from tools.formats.schema import Fields, read_json
from utils.errors import UsageError

LAYOUT = "JSON files of LabelMe, in any subfolders, each with the image that it names or inside it"
POINTS = {"polygon": 3, "rectangle": 2, "oriented_rectangle": 4, "circle": 2, "line": 2, "linestrip": 2, "point": 1,
          "mask": 2, "rotation": 4}  # fmt: skip
TOO_LARGE = "larger than the image"
LINE_WIDTH, DOT_RADIUS = 10, 5  # pixels, as in labelme.utils.shape_to_mask
SUFFIXES = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"BM": ".bmp", b"RI": ".webp", b"II": ".tif", b"MM": ".tif"}


def read(folder, options):
    """Reads the images that have a JSON file; images without one are left out. There are no splits."""
    reader, files, names, kinds = SourceReader(folder, LAYOUT, options), {}, set(), collections.Counter()
    for path in sorted(folder.rglob("*.json")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts) or path.is_dir():
            continue
        content = read_json(path)
        if not (isinstance(content, dict) and "shapes" in content and "imagePath" in content):
            continue
        content = Fields(content, str(path))
        shapes = content.objects("shapes", "shape")
        names.update(shape.text("label") for shape in shapes)
        kinds.update(shape.text("shape_type", "polygon") for shape in shapes)
        files[path] = content.text("imagePath"), len(shapes), bool(content.text("imageData", ""))
    if not files and any(True for _ in folder.rglob("*.xml")):
        raise UsageError(f"{folder} has XML files, no JSON files; of CVAT's tasks, export 'CVAT for images 1.1'")
    if not files:
        return reader.finish(None)
    drawn = DrawnClasses(options, sorted(names))
    for path, (name, count, has_data) in files.items():
        add_image(reader, path, name, count, has_data, drawn)
    lines = [f"{kinds[kind]} {kind}" for kind in ("line", "linestrip", "point") if kinds[kind]]
    if lines:
        reader.notes.append(f"drawn as LabelMe does, {LINE_WIDTH} pixels wide: {', '.join(lines)}")
    return reader.finish(drawn.classes, skipped_shapes({kind: n for kind, n in kinds.items() if kind not in POINTS}))


def add_image(reader, path, image_name, shape_count, has_data, drawn):
    """Adds the image of a JSON file to the reader: a file, or else the image inside the JSON file."""
    name = "_".join(path.relative_to(reader.folder).with_suffix("").parts)
    image, data = reader.images.find(image_name, path.parent), None
    if image is None and has_data:
        data = functools.partial(image_data, path)
        image = path.with_suffix(SUFFIXES.get(data()[:2], ".unknown"))
    if image is None:
        reader.absent.append(image_name)
        return
    if not shape_count:
        reader.empty.append(image.name)
    reader.add(None, name, image, functools.partial(draw, path, image, data, drawn), data=data)


def image_data(path):
    """Decodes the image inside a JSON file."""
    try:
        return base64.b64decode(Fields(read_json(path), str(path)).text("imageData"))
    except ValueError as error:
        raise UsageError(f"{path}: imageData is damaged; put the image beside the file") from error


def draw(path, image, data, drawn):
    """Draws the shapes of a JSON file.

    Args:
        path, image: paths of the JSON file and of the image.
        data: function that returns the image inside the JSON file, or None.
        drawn: `DrawnClasses`.

    Returns:
        uint8 array `(H, W)`.

    Raises:
        UsageError: if a shape is damaged or incomplete.
    """
    content = Fields(read_json(path), str(path))
    size = [content.integer(side, 0) for side in ("imageHeight", "imageWidth")]

    def draw_shapes(canvas):
        for shape in content.objects("shapes", "shape"):
            if shape.text("shape_type", "polygon") in POINTS:
                draw_shape(canvas, shape, drawn.indices[shape.text("label")])

    try:
        return draw_label(data() if data else image, tuple(size) if all(size) else None, drawn.background, draw_shapes)
    except UsageError as error:
        raise UsageError(f"{path}: {error}" if data and str(path) not in str(error) else str(error)) from error


def draw_shape(canvas, shape, value):
    """Draws a shape."""
    kind = shape.text("shape_type", "polygon")
    points = shape.points("points", POINTS[kind])
    if kind == "rectangle":
        canvas.rectangle(points.min(axis=0), points.max(axis=0), value)  # two corners, in X-AnyLabeling four
    elif kind == "circle":  # center, and a point of the circumference
        radius = float(np.hypot(*(points[1] - points[0])))
        canvas.ellipse(points[0], (radius, radius), value)
    elif kind in ("line", "linestrip"):
        canvas.line(points, LINE_WIDTH, value)
    elif kind == "point":
        canvas.dot(points[0], DOT_RADIUS, value)
    elif kind == "mask":
        canvas.mask(round(points[0][0]), round(points[0][1]), mask_pixels(shape, canvas.label.shape), value)
    else:  # a polygon, an oriented rectangle, or one of X-AnyLabeling, "rotation"
        canvas.polygon(points, value)


def mask_pixels(shape, size):
    """Decodes a mask: a PNG that fills the rectangle of the points.

    Args:
        shape: `Fields`.
        size: `(height, width)` of the image.

    Returns:
        bool array `(H, W)`.

    Raises:
        UsageError: if it is damaged, or larger than the image.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(base64.b64decode(shape.text("mask"))), formats=("PNG",)) as image:
            if image.height > size[0] + 1 or image.width > size[1] + 1:
                raise ValueError(TOO_LARGE)
            return np.array(image.convert("L")) > 0
    except (ValueError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        cause = str(error) if str(error) == TOO_LARGE else "or not an image"
        raise UsageError(f"{shape.place}: mask is damaged, {cause}; draw the shape again") from error
