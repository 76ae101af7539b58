"""COCO-Stuff (Caesar et al., CVPR 2018, 1612.03716): pixel maps of 164k images, values 0..181, 255 = ignored."""

import functools

from tools.formats.base import SourceReader, choose
from tools.formats.classes import index_table, read_table
from tools.formats.masks import read_ids

LAYOUT = "stuffthingmaps/{train,val}2017/*.png and {train,val}2017/*.jpg, or images/{train,val}2017/*.jpg"
NOTES = "COCO's test split is left out, for its labels are not public: score with test.py --split val"


def read(folder, options):
    """Reads the splits train and val: the 171 classes that occur, or all 182, of which 11 never do."""
    ids, classes = read_table(f"cocostuff{choose(options, '171', '182')}")
    decode = functools.partial(read_ids, table=index_table(ids))
    listing = SourceReader(folder, LAYOUT)
    for split in ("train", "val"):
        labels = listing.find(f"stuffthingmaps/{split}2017", f"annotations/{split}2017")
        images = listing.find(f"images/{split}2017", f"{split}2017")
        for label in sorted(labels.glob("*.png")):
            listing.add(split, label.stem, images / f"{label.stem}.jpg", decode, label)
    return listing.finish(classes, NOTES)
