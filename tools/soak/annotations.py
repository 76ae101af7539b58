"""Targets of fuzzing: annotations of all dataset formats, class files, settings and records of runs."""

import contextlib
import functools
import io
import json
import pathlib
import random
import re

import numpy as np

from tools import convert_dataset
from tools.formats import FORMATS, Options
from tools.soak import mask_sources, mutators
from tools.soak.target import Target
from utils.class_dict import IGNORED, ClassDict
from utils.cli import train_parser
from utils.cli.config import read_config
from utils.errors import UsageError
from utils.runs.reading import read_log
from utils.runs.scores import read_test

SOURCE, CONVERTED = "source", "converted"  # folders of a case
ANNOTATIONS = (".json", ".xml", ".txt", ".csv", ".yaml")
BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">{}]>'
EXTERNAL = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
ENTITIES = "".join(f'<!ENTITY {name} "{10 * f"&{before};"}">' for before, name in zip("abcdefgh", "bcdefghi"))
SETTINGS = {
    "model": "DeepLabV3_plus",
    "frontend": "MobileNet",
    "num_epochs": 3,
    "crop_height": 64,
    "scale_range": [0.75, 1.25],
    "h_flip": True,
    "ignore_class": ["Sky"],
    "learning_rate": 1e-3,
    "dataset_path": "datasets/Streets",
    "class_names": ["Sky", "Road"],
    "label_values": [[0, 0, 0], [1, 2, 3]],
    "ignored": {},
    "reasons": ["network: custom"],
    "versions": {"keras": "3"},
}
FILES = {
    "class_dict.csv": "name,r,g,b\nSky,128,128,128\nRoad, 128,64,128\nCar,64,0,128\n",
    "classes.txt": "Sky\nRoad\nCar\n",
    "settings.json": json.dumps(SETTINGS),
    "log.csv": "epoch,loss,val_mean_iou\n1,0.5,\n2,0.25,0.5\n",
    "scores.json": json.dumps(
        {
            "settings": {"checkpoint_path": "a.keras", "output_dir": "Test/a", "checkpoint": {"weights": "a"}},
            "mean_iou": 1,
        }
    ),
}


def make_source(folder: pathlib.Path, write, pattern: str) -> pathlib.Path:
    """Writes a dataset in `source/` of a folder; returns the first annotation file that matches the pattern."""
    write(folder / SOURCE)
    return sorted((folder / SOURCE).glob(pattern))[0]


def read_source(path: pathlib.Path, format: str) -> dict[str, np.ndarray]:
    """Converts the dataset in which an annotation file is, to the folder `converted` beside it.

    Returns:
        Dict from names of images to labels, uint8 `(H, W)`.

    Raises:
        UsageError: of several problems, with the longest one, so that each is known to be short.
    """
    folder = next(parent for parent in path.parents if parent.name == SOURCE)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            source = FORMATS[format].read(folder, Options())
            source = convert_dataset.divide(source)
            convert_dataset.convert(source, folder.with_name(CONVERTED), workers=1)
        labels = {f"{item.split}/{item.name}": item.label() for item in source.items}
    except UsageError as error:
        raise UsageError(max(str(error).splitlines(), key=len)) from error
    for name, label in labels.items():
        is_known = (label < source.classes.num_classes) | (label == IGNORED)
        assert label.dtype == np.uint8 and label.ndim == 2 and is_known.all(), name
    return labels


def mutate(path: pathlib.Path, rng: random.Random) -> None:
    """Changes an annotation file: its bytes, its text, or values and constructs of its type of file."""
    choices = [mutators.mutate_bytes, mutators.mutate_text]
    choices += {".json": [mutators.mutate_json] * 4, ".xml": [mutate_xml] * 2}.get(path.suffix, [mutators.mutate_text])
    rng.choice(choices)(path, rng)


def mutate_xml(path: pathlib.Path, rng: random.Random) -> None:
    """Changes an XML file: an attribute, an element, the nesting, or entities that expand to gigabytes."""
    text = path.read_text(encoding="utf-8")
    change = rng.choice(("value", "value", "value", "drop", "twice", "element", "nest", "bomb", "external"))
    attribute, element = re.compile(r' (\w+)="([^"]*)"'), re.compile(r"<(\w+)[^<>]*>")
    if change == "value":
        value = rng.choice((*mutators.HUGE, *mutators.ODD_TEXTS[:-4]))
        found = rng.choice(list(attribute.finditer(text)))
        text = f'{text[: found.start()]} {found[1]}="{value}"{text[found.end() :]}'
    elif change in ("drop", "twice"):
        found = rng.choice(list(attribute.finditer(text)))
        text = text[: found.start()] + 2 * (change == "twice") * found[0] + text[found.end() :]
    elif change == "element":
        text = mutators.replace_one(element, text, rng, "<skeleton>")
    elif change == "nest":
        text = mutators.replace_one(element, text, rng, "<a>" * mutators.DEPTH)
    else:
        doctype = BOMB.format(ENTITIES) if change == "bomb" else EXTERNAL
        text = text.replace("<annotations>", f"{doctype}<annotations>&{'i' if change == 'bomb' else 'a'};", 1)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))


def make_file(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Writes one of `FILES`."""
    path = folder / name
    path.write_text(FILES[name], encoding="utf-8")
    return path


def read_class_list(path: pathlib.Path) -> ClassDict:
    """Reads a text file of class names as `--classes` does."""
    from tools.formats.classes import make_classes, read_class_file

    return make_classes(*read_class_file(path))


READERS = {
    "class_dict.csv": ClassDict.from_csv,
    "classes.txt": read_class_list,
    "settings.json": lambda path: read_config(train_parser(), path),
    "log.csv": read_log,
    "scores.json": read_test,
}


def source_targets() -> dict[str, Target]:
    """Returns the targets of the dataset formats: one for each kind of annotation file of each tiny dataset."""
    patterns = {
        "labelme": ["a.json"],
        "labelme_inside": ["a.json"],
        **dict.fromkeys(("cvat", "cvat_project", "cvat_frames", "cvat_video"), ["annotations.xml"]),
        "coco": ["annotations/instances_train2017.json"],
        "coco_roboflow": ["train/_annotations.coco.json"],
        "coco_label_studio": ["result.json"],
        "yolo": ["data.yaml", "labels/train/*.txt"],
        "yolo_roboflow": ["data.yaml"],
        "roboflow_masks": ["train/_classes.csv"],
        "camvid": ["label_colors.txt"],
        "cvat_masks": ["labelmap.txt"],
        "coco_panoptic": ["annotations/panoptic_train2018.json"],
        "ade20k": ["objectInfo150.txt"],
        "mapillary": ["config_v1.2.json"],
        "voc": ["ImageSets/Segmentation/train.txt"],
    }
    targets = {}
    for name, files in patterns.items():
        format, write = (mask_sources.WRITERS | mask_sources.OFFICIAL)[name]
        for pattern in files:
            targets[f"{name}:{pathlib.PurePath(pattern).suffix[1:]}" if len(files) > 1 else name] = Target(
                make=functools.partial(make_source, write=write, pattern=pattern),
                mutate=mutate,
                read=functools.partial(read_source, format=format),
            )
    return targets


TARGETS = source_targets() | {
    name: Target(make=functools.partial(make_file, name=name), mutate=mutate, read=read)
    for name, read in READERS.items()
}
