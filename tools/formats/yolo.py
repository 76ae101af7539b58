"""YOLO segmentation (docs.ultralytics.com/datasets/segment): text files of polygons, and a YAML file of names."""

import functools
import os
import pathlib

from tools.formats.annotations import DrawnClasses
from tools.formats.base import SourceReader
from tools.formats.images import draw_label, unique_names
from tools.formats.polygons import draw_by_area, polygon_area
from tools.formats.schema import check_points, read_lines
from tools.formats.simple_yaml import parse_value, read_yaml
from utils.data.images import is_image
from utils.errors import UsageError
from utils.text import brief

LAYOUT = "data.yaml with names, train and val, and in the folders of it images/*.jpg and labels/*.txt"
SPLITS = {"train": ("train",), "val": ("val", "valid"), "test": ("test",)}  # keys of the YAML file
BOX = 4  # numbers after the class


def read(folder, options):
    """Reads the splits of the YAML file, or without splits or YAML file all of `images/`, as Label Studio exports.

    Without YAML file, `classes.txt` has the names. An image without a label file has no objects, as for YOLO.
    """
    reader = SourceReader(folder, LAYOUT, options)
    path = find_yaml(folder)
    if path is None and (folder / "classes.txt").is_file():
        path = folder / "classes.txt"
        names, items = {str(number): line for number, (_, line) in enumerate(read_lines(path))}, []
    elif path is None:
        reader.find("data.yaml", "classes.txt")
    else:
        names, items = read_index(reader, path)
    if not items and not reader.absent:
        items = [(None, image) for image in sorted((folder / "images").rglob("*")) if is_image(image)]
    items = without_repeated(items, reader.notes)
    drawn = DrawnClasses(options, list(names.values()))
    indices = {id: drawn.indices[name] for id, name in names.items()}
    images = [image for _, image in items]
    for (split, image), name in zip(items, unique_names(images, [split for split, _ in items])):
        draw_image = functools.partial(draw, image, label_path(image), indices, drawn.background)
        reader.add(split, name, image, draw_image)
    reader.empty += check_labels(path, images)
    return reader.finish(drawn.classes)


def read_index(reader, path):
    """Reads the YAML file.

    Returns:
        `(names, items)`: dict from class numbers, as texts, to names, and a list of `(split, path of an image)`.

    Raises:
        UsageError: if it has no names.
    """
    entries = read_yaml(path)
    if "masks_dir" in entries:
        raise UsageError(f"{path} has masks_dir: its labels are masks, no polygons; read them with --format folder")
    if "names" not in entries:
        raise UsageError(f"{path} has no 'names'; add a line such as names: [road, car]")
    names = parse_value(entries["names"], f"{path}, names")
    names = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(names, dict) or not names or not all(names.values()):
        raise UsageError(f"{path}, names: '{brief(str(names))}' is no list of class names")
    items = []
    for split, keys in SPLITS.items():
        entry = next((entries[key] for key in keys if key in entries), None)
        items += [(split, image) for image in images_of(reader, path, entries, split, entry)] if entry else []
    return {str(id): name for id, name in names.items()}, items


def without_repeated(items, notes):
    """Leaves out images that belong to an earlier split too, as in YAML files whose train and val are one folder."""
    first = {}
    for split, image in items:
        first.setdefault(image.resolve(), (split, image))
    if len(first) < len(items):
        notes.append(f"{len(items) - len(first)} of the images are in two splits, and belong to the first one")
    return list(first.values())


def find_yaml(folder):
    """Returns the path of the YAML file, by its usual name or as the only one, or None."""
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".yaml", ".yml")]
    usual = [path for path in files if path.stem == "data"]
    return (usual or files)[0] if usual or len(files) == 1 else None


def check_labels(path, images):
    """Refuses a dataset of boxes, and one without polygons, before all images are converted.

    Args:
        path: of the YAML file.
        images: list of paths.

    Returns:
        List of str, the names of images without polygons.
    """
    empty, first = [], None
    for image in images:
        label = label_path(image)
        lines = read_lines(label) if label.is_file() else []
        if not lines:
            empty.append(image.name)
        elif first is None:
            first = parse_polygon(lines[0][1], f"{label}, line {lines[0][0]}")
    if images and first is None:
        where = "/".join(label_path(images[0]).parts[-3:])
        raise UsageError(f"{path}: no image has a label file with polygons, such as {where}; export for segmentation")
    return empty


def images_of(reader, path, entries, split, entry):
    """Lists the images of a split: of a folder, of several ones, or of a text file of paths.

    Paths may be relative to `path:` of the YAML file, to the YAML file or, as Roboflow's `../train/images`, to a folder
    in it; of paths on another computer the last parts count.

    Raises:
        UsageError: if a folder or file of the split is not there.
    """
    values = parse_value(entry, f"{path}, {split}")
    root = parse_value(entries.get("path", [""]), f"{path}, path")
    roots = [reader.folder / root, reader.folder] if isinstance(root, str) else [reader.folder]
    images = []
    for value in [values] if isinstance(values, str) else list(values):
        found = find_tail(value, roots, reader.folder) if value else None
        if value and found is None:
            missing = f"there is no folder or file {brief(value, 80)} in --source"
            raise UsageError(f"{path}, {split}: {missing}; correct the path, or give a folder that has both")
        if found and found.is_dir():
            images += sorted(image for image in found.rglob("*") if is_image(image))
        elif found:
            lines = [line for _, line in read_lines(found)]
            listed = [find_tail(line, [found.parent, *roots], reader.folder) for line in lines]
            reader.absent += [line for line, image in zip(lines, listed) if image is None]
            images += [image for image in listed if image]
    return images


def find_tail(name, roots, inside):
    """Returns the first existing path of a name, or of its last parts, in one of several folders; None if none is.

    No path leaves the folder `inside`. The folders themselves come before what is beside them: Roboflow's
    `../train/images` is in the folder.
    """
    parts = pathlib.PureWindowsPath(name).parts
    tails = [parts[number:] for number in range(len(parts))]
    tails = sorted(tails, key=lambda tail: tail[0] == "..")  # stable: the longest first
    places = (pathlib.Path(os.path.normpath(root / pathlib.Path(*tail))) for tail in tails for root in roots)
    inside = os.path.abspath(inside)
    places = (place for place in places if pathlib.Path(os.path.abspath(place)).is_relative_to(inside))
    return next((place for place in places if os.path.exists(place)), None)


def label_path(image):
    """Returns the path of the label file: the last folder `images` becomes `labels`."""
    parts = list(image.with_suffix(".txt").parts)
    if "images" in parts[:-1]:
        number = len(parts) - 2 - parts[-2::-1].index("images")
        parts[number] = "labels"
    return pathlib.Path(*parts)


def draw(image, label, indices, background):
    """Draws the polygons of a label file, larger ones below smaller ones.

    Args:
        image, label: paths.
        indices: dict from class numbers, as texts, to class indices.
        background: int.

    Returns:
        uint8 array `(H, W)`.

    Raises:
        UsageError: if a line is no polygon.
    """
    lines = read_lines(label) if label.is_file() else []

    def draw_shapes(canvas):
        parts = []
        for number, line in lines:
            id, points = parse_polygon(line, f"{label}, line {number}")
            if id not in indices:
                raise UsageError(f"{label}, line {number}: class {brief(id)} has no name in the list of classes")
            points *= canvas.label.shape[::-1]
            parts.append((True, polygon_area(points), functools.partial(canvas.polygon, points, indices[id])))
        draw_by_area(parts)

    return draw_label(image, None, background, draw_shapes)


def parse_polygon(line, place):
    """Parses a line `class x1 y1 x2 y2 ...` with shares of the width and height.

    Returns:
        `(class, points)`: str, and a float array `(N, 2)`.

    Raises:
        UsageError: for boxes, odd numbers of coordinates, and pixels.
    """
    id, *values = line.split()
    if len(values) == BOX:
        raise UsageError(f"{place} is a box, no polygon; export the dataset for segmentation (YOLO segment)")
    if len(values) % 2 or len(values) < 6:
        raise UsageError(f"{place} has {len(values)} numbers after the class; a polygon has x y x y x y ...")
    points = check_points(list(zip(values[::2], values[1::2])), place)
    if points.min() < -1 or points.max() > 2:
        raise UsageError(f"{place} has the coordinate {points.max():g}; they must be shares of the image, from 0 to 1")
    return id, points
