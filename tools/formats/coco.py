"""COCO instances (Lin et al., ECCV 2014, 1405.0312): JSON files of polygons and of masks as run lengths."""

import collections
import functools

import numpy as np

from tools.datasets.splits import split_of
from tools.formats.annotations import DrawnClasses, skipped_shapes
from tools.formats.base import SourceReader
from tools.formats.images import draw_label, unique_names
from tools.formats.polygons import draw_by_area, polygon_area
from tools.formats.schema import Fields, check_points, read_json
from utils.errors import UsageError
from utils.text import brief

LAYOUT = "annotations/instances_*.json, {train,valid,test}/_annotations.coco.json or result.json, and images"
PATTERNS = ("annotations/instances_*.json", "instances_*.json", "*/_annotations.coco.json", "_annotations.coco.json",
            "result.json")  # fmt: skip
OTHER_PATTERNS = ("annotations/*.json", "*.json", "*/*.json")  # where files of other content may lie
KEYS = ("images", "annotations", "categories")
SMALLEST = 6  # numbers of a polygon


def read(folder, options):
    """Reads all annotation files of the first kind that is there.

    The name of the file or, where it has none, of its folder decides about the split: `instances_val2017.json` and
    `valid/_annotations.coco.json` are val.
    """
    reader = SourceReader(folder, LAYOUT, options)
    files = find_files(folder)
    if not files:
        return reader.finish(None)
    files = {path: Fields(content, str(path)) for path, content in files.items()}
    names, contents, kinds = {}, [], collections.Counter()
    unused = unused_category(files.values())
    if unused:
        reader.notes.append(f"category {unused}, which Roboflow adds, has no annotations and is left out")
    for path, content in files.items():
        rows = content.objects_by_id("categories", "category")
        categories = {id: row.text("name") for id, row in rows.items()}
        if unused:
            categories.pop("0", None)
        names.update(dict.fromkeys(categories.values()))
        contents.append((path, content, categories, read_annotations(content, categories, kinds)))
    drawn = DrawnClasses(options, list(names))
    items = []
    for path, content, categories, shapes in contents:
        indices = {id: drawn.indices[name] for id, name in categories.items()}
        for image in content.objects("images", "image"):
            parts = (shapes.get(image.id("id"), []), indices, drawn.background)
            file = locate_image(reader, path, image.text("file_name"))
            if file:
                items.append((split_of_file(path, folder), file, functools.partial(draw, file, image, *parts)))
            if file and not parts[0]:
                reader.empty.append(file.name)
    names = unique_names([file for _, file, _ in items], [split for split, _, _ in items])
    for name, (split, file, draw_image) in zip(names, items):
        reader.add(split, name, file, draw_image)
    return reader.finish(drawn.classes, skipped_shapes(kinds))


def find_files(folder):
    """Finds annotation files.

    Returns:
        Dict from paths to the contents of JSON files.

    Raises:
        UsageError: if a file cannot be read.
    """
    for pattern in (*PATTERNS, *OTHER_PATTERNS):
        contents = {path: read_json(path) for path in sorted(folder.glob(pattern))}
        if pattern in OTHER_PATTERNS:
            contents = {path: x for path, x in contents.items() if isinstance(x, dict) and set(KEYS) <= set(x)}
        if contents:
            return contents
    return {}


def unused_category(files):
    """Returns the name of category 0 if it is the supercategory of others and has no annotations, as Roboflow's."""
    rows = [row for content in files for row in content.objects("categories", "category")]
    above = {row.text("supercategory", "") for row in rows if row.id("id") != "0"}
    name = next((row.text("name") for row in rows if row.id("id") == "0" and row.text("name") in above), None)
    if name is None:
        return None
    annotations = (row for content in files for row in content.objects("annotations", "annotation"))
    return None if any(row.id("category_id") == "0" for row in annotations) else name


def read_annotations(content, categories, kinds):
    """Groups the annotations of a file by their image.

    Args:
        content: `Fields` of the file.
        categories: dict from ids to names.
        kinds: counter of what has no area.

    Returns:
        Dict from image ids to lists of `Fields`.
    """
    images = content.objects_by_id("images", "image")
    shapes, boxes = collections.defaultdict(list), 0
    for row in content.objects("annotations", "annotation"):
        if row.id("category_id") not in categories:
            raise UsageError(f"{row.place}: category_id {brief(row.id('category_id'))} is not among the categories")
        segmentation = row.values.get("segmentation")
        if row.id("image_id") not in images:
            kinds["annotation of an image that is not listed"] += 1
        elif not segmentation:
            boxes += 1
        elif isinstance(segmentation, list) and all(isinstance(x, list) and len(x) < SMALLEST for x in segmentation):
            kinds["polygon of fewer than 3 points"] += 1
        else:
            shapes[row.id("image_id")].append(row)
    if boxes and not shapes:
        raise UsageError(f"{content.place} has boxes only, no segmentation; export instance segmentation (polygons)")
    if boxes:
        kinds["annotation without segmentation"] += boxes
    return shapes


def split_of_file(path, folder):
    """Returns the split of an annotation file by its name or that of its folder, or None."""
    return split_of(path.stem) or (split_of(path.parent.name) if path.parent != folder else None)


def locate_image(reader, path, name):
    """Returns the path of an image of the annotation file `path`, or None."""
    part, images = path.stem.removeprefix("instances_"), reader.folder / "images"
    return reader.locate(
        name, reader.folder / part, images / part, path.parent, path.parent / "images", images, reader.folder
    )


def draw(file, image, shapes, indices, background):
    """Draws the annotations of an image, larger ones below smaller ones.

    Crowds (iscrowd), which outline many objects coarsely, come below all others.

    Args:
        file: path of the image.
        image: `Fields` of the image.
        shapes: list of `Fields`.
        indices: dict from category ids to class indices.
        background: int.

    Returns:
        uint8 array `(H, W)`.

    Raises:
        UsageError: if an annotation is damaged.
    """
    size = (image.integer("height"), image.integer("width")) if "height" in image.values else None

    def draw_shapes(canvas):
        parts = []
        for shape in shapes:
            area, draw_shape = parse_shape(shape, canvas, indices[shape.id("category_id")])
            parts.append((shape.integer("iscrowd", 0) == 0, area, draw_shape))
        draw_by_area(parts)

    return draw_label(file, size, background, draw_shapes)


def parse_shape(shape, canvas, value):
    """Parses a segmentation.

    Returns:
        `(area, draw)`: square pixels, and a function that draws it.

    Raises:
        UsageError: if it is neither polygons nor a mask of the size of the canvas.
    """
    segmentation = shape.values["segmentation"]
    if isinstance(segmentation, dict):
        counts = read_counts(Fields(segmentation, f"{shape.place}, segmentation"), canvas.label.shape)
        return sum(counts[1::2]), lambda: canvas.mask(0, 0, decode_mask(counts, canvas.label.shape), value)
    if not isinstance(segmentation, list):
        raise UsageError(f"{shape.place}: segmentation is {brief(segmentation)}, neither polygons nor run lengths")
    if all(isinstance(part, (int, float)) for part in segmentation):
        segmentation = [segmentation]  # one polygon that is not in a list
    polygons = []
    for part in segmentation:
        if not isinstance(part, list) or len(part) % 2:
            raise UsageError(f"{shape.place}: {brief(part)} is no polygon x1, y1, x2, y2, ...")
        if len(part) >= SMALLEST:  # fewer points have no area
            polygons.append(check_points(list(zip(part[::2], part[1::2])), shape.place))
    return sum(map(polygon_area, polygons)), lambda: canvas.polygons(polygons, value)


def read_counts(fields, size):
    """Reads the run lengths of a mask.

    Args:
        fields: `Fields` with size, `[height, width]`, and counts: a list, or COCO's compressed string.
        size: `(height, width)` of the image.

    Returns:
        List of int.

    Raises:
        UsageError: if they are no mask of this size.
    """
    counts = fields.values.get("counts")
    counts = decode_counts(counts) if isinstance(counts, str) else counts
    valid = isinstance(counts, list) and all(isinstance(count, int) and 0 <= count < 1 << 40 for count in counts)
    if fields.items("size") != list(size) or not valid or sum(counts) != size[0] * size[1]:
        raise UsageError(
            f"{fields.place}: counts are no mask of the image's {size[1]}x{size[0]} pixels; export it again"
        )
    return counts


def decode_mask(counts, size):
    """Decodes run lengths along the columns, alternately outside and inside, to a bool array of `size`."""
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(size[::-1]).T


def decode_counts(text):
    """Decodes COCO's compressed run lengths.

    Each number is a sequence of characters of 6 bits, counted from "0": the lowest 5 bits first, the sixth bit says
    that another character follows, and the highest bit of the last one is the sign. From the fourth number on they are
    differences to the number before the last.

    Args:
        text: str.

    Returns:
        List of int; None if the text is damaged.
    """
    counts, value, shift = [], 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 40:
            return None
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (bits & 16) and 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return None if shift else counts
