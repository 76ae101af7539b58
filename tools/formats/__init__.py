"""Readers of dataset formats; `FORMATS` maps the name of each format to its `read(folder, options)`."""

from tools.formats import ade20k, cityscapes, coco_panoptic, coco_stuff, cvat, folder, labelme, mapillary, voc
from tools.formats.base import Item, Options, Source, SourceReader

__all__ = ["FORMATS", "Item", "Options", "Source", "SourceReader"]

FORMATS = {
    "cityscapes": cityscapes.read,
    "voc": voc.read,
    "ade20k": ade20k.read,
    "coco_stuff": coco_stuff.read,
    "coco_panoptic": coco_panoptic.read,
    "mapillary": mapillary.read,
    "labelme": labelme.read,
    "cvat": cvat.read,
    "folder": folder.read,
}
