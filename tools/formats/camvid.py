"""CamVid (Brostow et al., PRL 2009) in its original layout: masks in the colors of `label_colors.txt`."""

import re

from tools.datasets.splits import split_of
from tools.formats.base import SourceReader
from tools.formats.colors import color_classes, read_colors
from utils.data.images import is_image

LAYOUT = "label_colors.txt, 701_StillsRaw_full/*.png and LabeledApproved_full/*_L.png, or x/ and xannot/ of CVAT"
LINE = re.compile(r"(?P<r>\d+)\s+(?P<g>\d+)\s+(?P<b>\d+)\s+(?P<name>.+)")
FOLDERS = (("701_StillsRaw_full", "LabeledApproved_full"), ("images", "labels"))
GROUP = "frames of one drive resemble each other: --group '^([^_]+)_' keeps drives in one split"


def read(folder, options):
    """Reads the pairs of the original folders, or of CVAT's `train/` and `trainannot/`, and so on."""
    reader = SourceReader(folder, LAYOUT, options)
    path = reader.find("label_colors.txt")
    classes, decode = color_classes(read_colors(path, LINE, "128 64 128 Road"), path, options.unknown)
    pairs = [(folder / images, folder / labels) for images, labels in FOLDERS if (folder / labels).is_dir()]
    pairs += [(path.with_name(path.name.removesuffix("annot")), path) for path in sorted(folder.glob("?*annot"))]
    for images, labels in pairs:
        by_name = {re.sub("_L$", "", name): path for name, path in named_files(labels)}
        for name, image in named_files(images):
            if name in by_name:
                reader.images.found.add(image)
                split = split_of(images.name) if labels.name.endswith("annot") else None
                reader.add(split, name.replace("/", "_"), image, decode, by_name.pop(name))
        reader.absent += list(by_name)
    return reader.finish(classes, GROUP if (folder / FOLDERS[0][1]).is_dir() else "")


def named_files(folder):
    """Returns pairs of the name and the path of all images in a folder; names have subfolders and no extension."""
    paths = [path for path in sorted(folder.rglob("*")) if is_image(path)]
    return [(path.relative_to(folder).with_suffix("").as_posix(), path) for path in paths]
