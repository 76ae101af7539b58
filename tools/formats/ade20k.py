"""ADE20K scene parsing (Zhou et al., CVPR 2017, 1608.05442), ADEChallengeData2016: 150 classes, 0 = unlabeled."""

from tools.formats.base import NO_PUBLIC_TEST, SourceReader
from tools.formats.classes import index_table, make_classes, read_table
from tools.formats.schema import read_lines
from utils.errors import UsageError

LAYOUT = "images/{training,validation}/*.jpg, annotations/{training,validation}/*.png and objectInfo150.txt"
SPLITS = {"training": "train", "validation": "val"}


def read(folder, options):
    """Reads the splits train and val. The first of the names in `objectInfo150.txt` is the name of the class."""
    reader = SourceReader(folder, LAYOUT, options)
    ids, official = read_table("ade20k")
    names = read_class_names(reader.find("objectInfo150.txt"), len(ids))
    classes = make_classes(names, [tuple(color) for color in official.label_values.tolist()])
    decode = reader.official_ids(index_table(ids), [0, *ids])
    for part, split in SPLITS.items():
        images, labels = reader.find(f"images/{part}"), reader.find(f"annotations/{part}")
        for image in sorted(images.glob("*.jpg")):
            reader.add(split, image.stem, image, decode, labels / f"{image.stem}.png")
    return reader.finish(classes, NO_PUBLIC_TEST)


def read_class_names(path, count):
    """Reads `objectInfo150.txt`: a header, then tab-separated index, ratio, two counts and comma-separated names."""
    rows = [(number, line.split("\t")) for number, line in read_lines(path)[1:]]
    if len(rows) != count:
        raise UsageError(f"{path} has {len(rows)} class lines; expected {count}")
    names = {}
    for number, row in rows:
        index = int(row[0]) if len(row) > 4 and row[0].strip().isdecimal() else 0
        if index not in range(1, count + 1) or index in names or not row[4].strip():
            raise UsageError(f"{path}, line {number}: expected a new index up to {count} and five columns with tabs")
        names[index] = row[4].split(",")[0].strip()
    return [names[index] for index in sorted(names)]
