"""Cityscapes (Cordts et al., CVPR 2016, 1604.01685): `leftImg8bit` and `gtFine`, 19 classes or all 34 label ids."""

from tools.formats.base import NO_PUBLIC_TEST, SourceReader, choose_class_list
from tools.formats.classes import index_table, read_table

IMAGE, LABEL = "_leftImg8bit.png", "_gtFine_labelIds.png"
LAYOUT = f"leftImg8bit/{{train,val}}/<city>/*{IMAGE} and gtFine/{{train,val}}/<city>/*{LABEL}"


def read(folder, options):
    """Reads the splits train and val, with the file names without `_leftImg8bit`."""
    ids, classes = read_table(f"cityscapes{choose_class_list(options, '19', '34')}")
    reader = SourceReader(folder, LAYOUT, options)
    decode = reader.official_ids(index_table(ids), [*range(34), 255])  # 255 is -1, of license plates
    for split in ("train", "val"):
        images, labels = reader.find(f"leftImg8bit/{split}"), reader.find(f"gtFine/{split}")
        for image in sorted(images.glob(f"*/*{IMAGE}")):
            name = image.name.removesuffix(IMAGE)
            reader.add(split, name, image, decode, labels / image.parent.name / f"{name}{LABEL}")
    return reader.finish(classes, NO_PUBLIC_TEST)
