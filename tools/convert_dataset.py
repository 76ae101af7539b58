"""Brings another dataset into the suite's layout: images unchanged, labels as PNGs of class indices, class_dict.csv.

    python tools/convert_dataset.py --format cityscapes --source Downloads/cityscapes --target datasets/Cityscapes

The source is not changed. After an interruption the same command goes on; class_dict.csv comes last, when all is there.
"""

import collections
import hashlib
import pathlib
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.datasets.splits import assign, fractions, pattern
from tools.formats import FORMATS
from tools.formats.base import Options, read_json
from tools.formats.classes import write_class_dict
from tools.formats.polygons import orientation
from utils.cli.arguments import Parser, natural, positive_int
from utils.data.checks import raise_problems
from utils.data.folder import SPLITS, list_pairs
from utils.data.labels import write_label
from utils.errors import UsageError, report_errors
from utils.files import copy_file, make_folder, write_json
from utils.threads import map_threads

SHARES = (0.8, 0.1, 0.1)  # of a source without splits


def parser():
    """Flags of this tool."""
    flags = Parser(prog="tools/convert_dataset.py", description=__doc__.splitlines()[0])
    flags.add_argument(
        "--format",
        required=True,
        choices=list(FORMATS),
        metavar="NAME",
        help=f"the source's format: {', '.join(FORMATS)}",
    )
    flags.add_argument("--source", required=True, help="folder of the dataset as it was downloaded or exported")
    flags.add_argument("--target", required=True, help="folder to make, such as datasets/Cityscapes")
    flags.add_argument(
        "--classes",
        help="cityscapes: 19 or 34; coco_stuff: 171 or 182; mapillary: v1.2 or v2.0; "
        "labelme, cvat, folder: a CSV file name,r,g,b or a text file with a name per line",
    )
    flags.add_argument(
        "--background",
        default="background",
        metavar="NAME",
        help="labelme, cvat: class of what no shape covers, or ignore; default: background",
    )
    flags.add_argument(
        "--unknown_colours",
        choices=("error", "ignore"),
        default="error",
        help="folder: what to do with values and colors of no class; default: error",
    )
    flags.add_argument(
        "--fractions",
        type=fractions,
        metavar="TRAIN,VAL,TEST",
        help="shares of the splits where the source has none; default: 0.8,0.1,0.1",
    )
    flags.add_argument(
        "--group",
        type=pattern,
        metavar="REGEX",
        help="keep images together in whose names this expression finds the same, such as a scene",
    )
    flags.add_argument("--seed", type=natural, default=0, help="of the split; default: 0")
    flags.add_argument("--link", action="store_true", help="link the images rather than copy them (same disk only)")
    flags.add_argument("--workers", type=positive_int, default=2, help="threads; default: 2")
    return flags


def convert(source, target, shares=None, group=None, seed=0, link=False, workers=2, settings=None):
    """Writes a source in the suite's layout, or goes on with it.

    Args:
        source: `tools.formats.base.Source`.
        target: path of the folder to make.
        shares, group, seed: as in `tools.datasets.splits.assign`, for a source without splits.
        link: whether to link images rather than copy them.
        workers: int, threads.
        settings: dict of what else decides on the result; an unfinished target is continued only with the same.

    Returns:
        `collections.Counter` of the images of each split.

    Raises:
        UsageError: if the target holds something else, or labels and images do not fit.
    """
    target = pathlib.Path(target)
    items = in_splits(source.items, shares, group, seed)
    listed = "\n".join(f"{item.split}/{item.name}" for item in items)
    settings = {
        **(settings or {}),
        "class_names": source.classes.class_names,
        "images": len(items),
        "images_sha256": hashlib.sha256(listed.encode()).hexdigest(),
    }
    prepare(target, items, settings)
    problems = map_threads(lambda item: convert_item(item, target, link), items, workers, "Converting")
    raise_problems([problem for problem in problems if problem])
    splits = collections.Counter(item.split for item in items)
    problems = []
    for split in splits:
        list_pairs(target, split, problems)
    raise_problems(problems)
    write_class_dict(target / "class_dict.csv", source.classes)
    return splits


def in_splits(items, shares, group, seed):
    """The items, each with a split, in the order of their names.

    Raises:
        UsageError: if the source's splits are fixed, or two items have the same name.
    """
    items = sorted(items, key=lambda item: (item.split or "", item.name))
    if any(item.split for item in items):
        if shares or group:
            raise UsageError("--fractions and --group: this source has splits of its own; see tools/split_dataset.py")
    else:
        splits = assign([item.name for item in items], shares or SHARES, seed, group)
        items = [item._replace(split=split) for item, split in zip(items, splits)]
    counts = collections.Counter((item.split, item.name) for item in items)
    twice = [key for key, number in counts.items() if number > 1]
    raise_problems([f"{split}: two images would be named {name}" for split, name in twice])
    return items


def prepare(target, items, settings):
    """Makes the folders, unless the target holds something else."""
    note = target / "conversion.json"
    if note.is_file():
        before = read_json(note)
        changed = [key for key in settings if before.get(key) != settings[key]]
        if changed:
            raise UsageError(
                f"{target} holds a conversion with another {changed[0]}; remove it or choose another --target"
            )
    elif target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} exists already; remove it or choose another --target")
    for split in {item.split for item in items}:
        make_folder(target / split)
        make_folder(target / f"{split}_labels")
    write_json(note, settings)


def convert_item(item, target, link):
    """Writes what is lacking of an image and its label. Returns what is wrong, or None."""
    label_path = target / f"{item.split}_labels" / f"{item.name}.png"
    image_path = target / item.split / f"{item.name}{item.image.suffix}"
    try:
        if not label_path.exists():
            label = item.label()
            problem = misfit(item.image, label.shape)
            if problem:
                return problem
            write_label(label_path, label)
    except UsageError as error:
        return str(error)
    if not image_path.exists():
        copy_file(item.image, image_path, link)
    return None


def misfit(path, shape):
    """What is wrong with the size of a label for the image at `path`, or None."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            size = (image.height, image.width)
    except OSError:
        return f"cannot read {path}: damaged, or not an image"
    if shape in (size, size[::-1] if orientation(path) > 4 else size):
        return None
    return f"{path} is {size[1]}x{size[0]} but its label is {shape[1]}x{shape[0]}; they must have the same size"


@report_errors
def main(argv=None):
    args = parser().parse_args(argv)
    folder = pathlib.Path(args.source)
    if not folder.is_dir():
        raise UsageError(f"--source {folder} is no folder")
    print(f"Reading {folder} ...", flush=True)
    source = FORMATS[args.format](folder, Options(args.classes, args.background, args.unknown_colours))
    settings = {"format": args.format, "background": args.background, "unknown_colours": args.unknown_colours}
    splits = convert(source, args.target, args.fractions, args.group, args.seed, args.link, args.workers, settings)
    counts = ", ".join(f"{splits[split]} {split}" for split in SPLITS if split in splits)
    print(f"{args.target} is ready: {counts} images, {source.classes.num_classes} classes")
    if source.notes:
        print(f"Note: {source.notes}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
