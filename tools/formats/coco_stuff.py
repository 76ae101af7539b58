"""COCO-Stuff (Caesar et al., CVPR 2018, 1612.03716): pixel maps of 164k images, values 0..181, 255 = ignored."""

from tools.formats.base import NO_PUBLIC_TEST, SourceReader, choose_class_list
from tools.formats.classes import index_table, read_table

LAYOUT = "stuffthingmaps/{train,val}2017/*.png and {train,val}2017/*.jpg, or images/{train,val}2017/*.jpg"


def read(folder, options):
    """Reads the splits train and val, with the 171 classes that occur or all 182, of which 11 never occur."""
    ids, classes = read_table(f"cocostuff{choose_class_list(options, '171', '182')}")
    reader = SourceReader(folder, LAYOUT, options)
    decode = reader.official_ids(index_table(ids), [*range(182), 255])
    for split in ("train", "val"):
        labels = reader.find(f"stuffthingmaps/{split}2017", f"annotations/{split}2017")
        images = reader.find(f"images/{split}2017", f"{split}2017")
        for label in sorted(labels.glob("*.png")):
            reader.add(split, label.stem, images / f"{label.stem}.jpg", decode, label)
    return reader.finish(classes, NO_PUBLIC_TEST)
