"""Readers of dataset formats; `FORMATS` has a row for each, from which `--help` and the documentation are made."""

import pathlib
from collections.abc import Callable
from typing import NamedTuple

from tools.formats import (
    ade20k,
    camvid,
    cityscapes,
    coco,
    coco_panoptic,
    coco_stuff,
    cvat,
    folder,
    labelme,
    mapillary,
    roboflow_masks,
    voc,
    yolo,
)
from tools.formats.base import Item, Options, Source, SourceReader

__all__ = ["FORMATS", "Format", "Item", "Options", "Source", "SourceReader", "hint"]


class Format(NamedTuple):
    """A row of `FORMATS`.

    Attributes:
        read: function of a folder and `Options` that returns a `Source`.
        contains: str, the files of the source, in Markdown.
        result: str, the classes and other decisions, in Markdown.
        class_lists: names of class lists, the values of `--classes`.
        own_classes: whether `--classes` takes a class file.
        unknown: whether `--unknown_colours` decides about values and colors of no class.
        drawn: whether labels are drawn from shapes, so that there is a background.
        marks: patterns of files and folders that only sources of this format have.
    """

    read: Callable
    contains: str
    result: str
    class_lists: tuple = ()
    own_classes: bool = False
    unknown: bool = False
    drawn: bool = False
    marks: tuple = ()


FORMATS = {
    "cityscapes": Format(
        cityscapes.read,
        "`leftImg8bit/`, `gtFine/` with `*_labelIds.png`",
        "the 19 training classes, others ignored; `--classes 34`: all label ids",
        class_lists=("19", "34"),
        marks=("gtFine",),
    ),
    "voc": Format(
        voc.read,
        "`JPEGImages/`, `SegmentationClass/`, `ImageSets/Segmentation/`, or `VOCdevkit/` around them; CVAT's "
        '"Segmentation mask 1.1" with `labelmap.txt`; labelme2voc\'s folder with `class_names.txt`',
        "21 classes, or those of these files; borders ignored; a test split only where it has labels (2007)",
        own_classes=True,
        unknown=True,
        marks=("JPEGImages", "VOCdevkit"),
    ),
    "camvid": Format(
        camvid.read,
        '`label_colors.txt`, `701_StillsRaw_full/`, `LabeledApproved_full/`; CVAT\'s "CamVid 1.0"',
        "the classes and colors of `label_colors.txt`",
        unknown=True,
        marks=("label_colors.txt",),
    ),
    "ade20k": Format(
        ade20k.read,
        "ADEChallengeData2016: `images/`, `annotations/`, `objectInfo150.txt`",
        "150 classes, 0 ignored",
        marks=("objectInfo150.txt",),
    ),
    "coco": Format(
        coco.read,
        "instances: `annotations/instances_train2017.json` and images; Roboflow's `train/_annotations.coco.json`; "
        '`result.json` of Label Studio; CVAT\'s "COCO 1.0"',
        "polygons and masks (RLE) of all categories, larger ones below smaller ones, crowds at the bottom",
        own_classes=True,
        drawn=True,
        marks=("annotations/instances_*.json", "*/_annotations.coco.json", "_annotations.coco.json", "result.json"),
    ),
    "coco_stuff": Format(
        coco_stuff.read,
        "`stuffthingmaps/train2017`, `train2017` or `images/train2017`, and the same of `val2017`",
        "the 171 classes that occur; `--classes 182`: with the 11 that do not",
        class_lists=("171", "182"),
        marks=("stuffthingmaps",),
    ),
    "coco_panoptic": Format(
        coco_panoptic.read,
        "`annotations/panoptic_train2017.json` (any year or name) and its folder of PNGs, images as above",
        "the categories of the JSON file (133), unlabeled ignored",
        marks=("annotations/panoptic_*.json", "panoptic_*.json"),
    ),
    "mapillary": Format(
        mapillary.read,
        "`config_v1.2.json`, `training/`, `validation/`",
        "the evaluated classes; `--classes v2.0`: those of that version",
        class_lists=("v1.2", "v2.0"),
        marks=("config_v*.json",),
    ),
    "labelme": Format(
        labelme.read,
        "LabelMe's JSON files, with their images beside or inside them",
        "all shapes, later ones over earlier ones; lines 10 pixels wide, points as disks of radius 5, as LabelMe draws",
        own_classes=True,
        drawn=True,
    ),
    "cvat": Format(
        cvat.read,
        '`annotations.xml` of "CVAT for images 1.1" or "CVAT for video 1.1", images in `images/` or beside it',
        "polygons, boxes, ellipses and masks by z-order; the subsets of a project become splits",
        own_classes=True,
        drawn=True,
        marks=("annotations.xml",),
    ),
    "yolo": Format(
        yolo.read,
        "`data.yaml` or, from Label Studio, `classes.txt`; `images/` and `labels/` with polygons (YOLO segmentation)",
        "the names of these files, larger polygons below smaller ones; boxes are refused",
        own_classes=True,
        drawn=True,
        marks=("data.yaml",),
    ),
    "roboflow_masks": Format(
        roboflow_masks.read,
        'Roboflow\'s "Semantic Segmentation Masks": `train/`, `valid/`, `test/` with `x.jpg`, `x_mask.png`, '
        "`_classes.csv`",
        "the classes of `_classes.csv`",
        unknown=True,
        marks=("*/_classes.csv",),
    ),
    "folder": Format(
        folder.read,
        "`images/` and `masks/` (or `labels/`, `annotations/` ...), with folders of splits inside or around them; "
        "`train/` and `trainannot/`; `x_sat.jpg` and `x_mask.png` in one folder; others by `--images`, `--masks`",
        "masks of class numbers or colors, black and white masks",
        own_classes=True,
        unknown=True,
    ),
}


def hint(folder: pathlib.Path, name: str) -> str:
    """Suggests another format or folder for a source that cannot be read, by its files; "" if nothing is known.

    Args:
        folder: the source.
        name: of the format that failed.
    """

    def has_marks(folder, row):
        return any(True for mark in row.marks for _ in folder.glob(mark))

    if has_marks(folder, FORMATS[name]):
        return ""
    inner = [path for path in sorted(folder.iterdir()) if path.is_dir() and has_marks(path, FORMATS[name])]
    if inner:
        return f"try --source {inner[0]}, which has the files of {name}; "
    others = [other for other, row in FORMATS.items() if has_marks(folder, row)]
    return f"try --format {others[0]}, whose files are there; " if others else ""
