"""Pascal VOC (Everingham et al., IJCV 2010): palette PNGs of 21 classes, 255 on the borders of objects."""

import functools

from tools.formats.base import NO_PUBLIC_TEST, SourceReader
from tools.formats.classes import index_table, read_table
from tools.formats.masks import read_ids
from utils.errors import UsageError

LAYOUT = "JPEGImages/*.jpg, SegmentationClass/*.png and ImageSets/Segmentation/{train,val}.txt"


def read(folder, options):
    """Reads the splits of the lists; test only if it has labels, as in VOC 2007."""
    if options.classes:
        raise UsageError("--classes: the classes of voc are fixed")
    inner = sorted(folder.glob("VOCdevkit/VOC*")) or sorted(folder.glob("VOC*"))
    if not (folder / "ImageSets").is_dir() and len(inner) == 1:
        folder = inner[0]
    ids, classes = read_table("voc")
    decode = functools.partial(read_ids, table=index_table(ids))
    reader = SourceReader(folder, LAYOUT)
    images, labels = reader.find("JPEGImages"), reader.find("SegmentationClass")
    notes = NO_PUBLIC_TEST
    for split in ("train", "val", "test"):
        path = folder / "ImageSets" / "Segmentation" / f"{split}.txt"
        if split != "test":
            reader.find(f"ImageSets/Segmentation/{split}.txt")
        names = path.read_text(encoding="utf-8").split() if path.is_file() else []
        if split == "test":
            if not names or not any((labels / f"{name}.png").is_file() for name in names):
                continue
            notes = ""
        for name in names:
            reader.add(split, name, images / f"{name}.jpg", decode, labels / f"{name}.png")
    return reader.finish(classes, notes)
