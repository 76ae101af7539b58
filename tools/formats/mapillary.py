"""Mapillary Vistas (Neuhold et al., ICCV 2017): the evaluated classes of `config_v1.2.json` or `config_v2.0.json`."""

import functools

from tools.formats.base import NO_PUBLIC_TEST, SourceReader, choose_class_list
from tools.formats.classes import index_table, make_classes
from tools.formats.masks import read_stored
from tools.formats.schema import Fields, read_json
from utils.class_dict import ClassDict
from utils.errors import UsageError

SPLITS = {"training": "train", "validation": "val"}


def read(folder, options):
    """Reads the splits train and val of version 1.2 or, with `--classes v2.0`, of version 2.0."""
    version = choose_class_list(options, "v1.2", "v2.0")
    layout = f"config_{version}.json, {{training,validation}}/images/*.jpg and {{...}}/{version}/labels/*.png"
    reader = SourceReader(folder, layout, options)
    candidates = [f"config_{version}.json"] + (["config.json"] if version == "v1.2" else [])
    path = reader.find(*candidates)
    labels = Fields(read_json(path), str(path)).objects("labels", "label")
    evaluated = [index for index, label in enumerate(labels) if label.values.get("evaluate")]
    colors = [label.color("color") for label in labels]
    if len(evaluated) < 2:
        raise UsageError(f"{path} has {len(evaluated)} evaluated labels; at least two are needed")
    classes = make_classes(names_of(labels, evaluated), [colors[index] for index in evaluated])
    decode = functools.partial(
        read_vistas, ids=reader.official_ids(index_table(evaluated), range(len(labels))), colors=colors
    )
    for part, split in SPLITS.items():
        maps = [f"{part}/{version}/labels"] + ([f"{part}/labels"] if version == "v1.2" else [])
        images, maps = reader.find(f"{part}/images"), reader.find(*maps)
        for image in sorted(images.glob("*.jpg")):
            reader.add(split, image.stem, image, decode, maps / f"{image.stem}.png")
    return reader.finish(classes, NO_PUBLIC_TEST)


def names_of(labels, evaluated):
    """Readable names of the evaluated classes; full names if the readable ones are not unique."""
    names = [labels[index].text("readable", None) or labels[index].text("name") for index in evaluated]
    return names if len(set(names)) == len(names) else [labels[index].text("name") for index in evaluated]


def read_vistas(path, ids, colors):
    """Reads a label: numbers in a palette or grayscale PNG, or colors.

    Args:
        path: of a PNG.
        ids: `OfficialIds`, the class index of each number.
        colors: the color of each number.

    Returns:
        uint8 array `(H, W)` of class indices.
    """
    pixels, _ = read_stored(path)
    if pixels.ndim == 2:
        return ids.decode(pixels)
    return ids.decode(ClassDict(list(map(str, range(len(colors)))), colors).encode(pixels, name=path))
