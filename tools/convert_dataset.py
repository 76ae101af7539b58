"""Converts a dataset to the layout of the suite: images unchanged, labels as PNGs of class indices, class_dict.csv.

    python tools/convert_dataset.py --format cityscapes --source Downloads/cityscapes --target datasets/Cityscapes

The source is not changed. After an interruption, the same command resumes. class_dict.csv is written last, when all
other files are complete.
"""

import collections
import hashlib
import os
import pathlib
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.datasets.folders import make_split_folders
from tools.datasets.splits import complete_splits, fractions, pattern
from tools.formats import FORMATS, Options, Source, hint
from tools.formats.base import listed
from tools.formats.classes import write_class_dict
from tools.formats.images import image_size
from tools.formats.schema import read_json
from utils.cli import Parser
from utils.cli.choices import LABEL_FORMATS, UNKNOWN_COLORS
from utils.cli.flags import add_max_pixels
from utils.cli.types import nonnegative_int, positive_int
from utils.data.checks import raise_problems
from utils.data.folder import CONVERSION, SPLITS, list_pairs
from utils.data.image_size import set_max_pixels
from utils.data.labels import write_label
from utils.errors import UsageError, report_errors
from utils.files import atomic_write, copy_file, write_json
from utils.safe_paths import safe_path
from utils.threads import map_threads

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
SHARES = (0.8, 0.1, 0.1)  # of train, val and test, for a source without splits


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/convert_dataset.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--format",
        required=True,
        choices=list(FORMATS),
        metavar="NAME",
        help=f"format of the source: {', '.join(FORMATS)}",
    )
    parser.add_argument("--source", required=True, help="folder of the dataset as downloaded or exported")
    parser.add_argument("--target", required=True, help="folder to create, such as datasets/Cityscapes")
    parser.add_argument(
        "--classes",
        help="".join(f"{name}: {' or '.join(FORMATS[name].class_lists)}; " for name in having("class_lists"))
        + f"{', '.join(having('own_classes'))}: a CSV file name,r,g,b or a text file with a name per line",
    )
    parser.add_argument(
        "--background",
        metavar="NAME",
        help=f"{', '.join(having('drawn'))}: class of pixels that no shape covers, or ignore; default: background",
    )
    parser.add_argument(
        "--unknown_colours",
        choices=UNKNOWN_COLORS,
        default="error",
        help=f"{', '.join(having('unknown'))}: treatment of values and colors of no class; default: error",
    )
    parser.add_argument(
        "--label_format",
        choices=LABEL_FORMATS,
        default="auto",
        help="folder: how masks are stored; default: auto, decided over all masks",
    )
    parser.add_argument("--images", metavar="PATTERN", help="folder: images, such as '*/photos/*.jpg'")
    parser.add_argument("--masks", metavar="PATTERN", help="folder: their masks, such as '*/truth/*.png'")
    parser.add_argument(
        "--match",
        type=pattern,
        metavar="REGEX",
        help="folder: an image and the mask in which this expression matches the same text belong together",
    )
    parser.add_argument(
        "--fractions",
        type=fractions,
        metavar="TRAIN,VAL,TEST",
        help="shares of the splits, for sources without splits; default: 0.8,0.1,0.1",
    )
    parser.add_argument(
        "--group",
        type=pattern,
        metavar="REGEX",
        help="keep images in one split if this expression matches the same text in their names, such as a scene",
    )
    parser.add_argument("--seed", type=nonnegative_int, default=0, help="random seed of the split; default: 0")
    parser.add_argument("--follow_links", action="store_true", help="follow symbolic links that lead out of the source")
    parser.add_argument("--link", action="store_true", help="hard-link the images instead of copying (same disk only)")
    parser.add_argument("--workers", type=positive_int, default=2, help="threads; default: 2")
    add_max_pixels(parser, "default: 400 million")
    return parser


def having(property: str) -> list[str]:
    """Returns the names of the formats whose row has a property."""
    return [name for name, row in FORMATS.items() if getattr(row, property)]


def convert(source: Source, target, link=False, workers=2, settings=None) -> collections.Counter:
    """Writes a source in the layout of the suite, or resumes an interrupted conversion.

    Args:
        source: `Source`, all of whose items have a split.
        target: path of the folder to create.
        link: whether to hard-link images instead of copying them.
        workers: number of threads.
        settings: dict of further settings of the conversion. An unfinished target is resumed only with the same ones.

    Returns:
        Number of images of each split.

    Raises:
        UsageError: if the target holds something else, or labels and images do not match.
    """
    target, items = pathlib.Path(target), source.items
    names = "\n".join(f"{item.split}/{item.name}" for item in items)
    settings = {
        **(settings or {}),
        "class_names": source.classes.class_names,
        "images": len(items),
        "images_sha256": hashlib.sha256(os.fsencode(names)).hexdigest(),
    }
    prepare_target(target, items, settings)
    problems = map_threads(lambda item: convert_item(item, target, link), items, workers, "Converting")
    raise_problems([problem for problem in problems if problem])
    splits = collections.Counter(item.split for item in items)
    problems = []
    for split in splits:
        list_pairs(target, split, problems)
    raise_problems(problems)
    write_class_dict(target / "class_dict.csv", source.classes)
    return splits


def divide(source: Source, shares=None, group=None, seed=0) -> Source:
    """Assigns the images to the splits that a source lacks.

    Args:
        source: `Source`.
        shares, group, seed: as in `complete_splits`.

    Returns:
        `Source` with a split for each item, sorted by split and name, or by name.

    Raises:
        UsageError: if the splits of the source are fixed, or two items have the same name.
    """
    items = sorted(source.items, key=lambda item: (item.split or "", item.name))
    before, notes = [item.split for item in items], list(source.notes)
    if {"train", "val"} <= set(before) and (shares or group):
        raise UsageError("--fractions and --group: this source has splits of its own; see tools/split_dataset.py")
    names = [item.name for item in items]
    counts = collections.Counter(names)
    if not {"train", "val"} <= set(before):  # images of two splits of the source may meet in one
        names = [
            f"{item.split}_{name}" if counts[name] > 1 and item.split else name for item, name in zip(items, names)
        ]
    splits = complete_splits(before, names, shares or SHARES, seed, group)
    moved = [name for name, split, given in zip(names, splits, before) if split != given]
    missing = [split for split in ("train", "val") if split not in before]
    if moved and missing:
        lacks = f"no {' and no '.join(missing)} split" if any(before) else "no splits"
        rest = " but those of test" if "test" in before and set(before) != {"test"} else ""
        notes.append(f"the source has {lacks}: all images{rest} were divided by --fractions")
    elif moved:
        notes.append(f"{len(moved)} of the images have no split and were put into train: {listed(moved)}")
    items = [item._replace(split=split, name=name) for item, split, name in zip(items, splits, names)]
    repeated = collections.Counter((item.split, item.name) for item in items)
    raise_problems([f"{key[0]}: two images would be named {key[1]}" for key, number in repeated.items() if number > 1])
    return source._replace(items=items, notes=notes)


def prepare_target(target, items, settings):
    """Creates the folders and conversion.json, or checks that those of an interrupted conversion match."""
    record = target / CONVERSION
    if record.is_file():
        before = read_json(record)
        changed = [key for key in settings if before.get(key) != settings[key]]
        if changed:
            raise UsageError(
                f"{target} holds a conversion with another {changed[0]}; remove it or choose another --target"
            )
    elif target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} exists already; remove it or choose another --target")
    make_split_folders(target, {item.split for item in items})
    write_json(record, settings)


def convert_item(item, target, link):
    """Writes the missing files of an item. Returns its problem, or None."""
    try:
        label_path = safe_path(target, f"{item.split}_labels/{item.name}.png", "--target")
        image_path = safe_path(target, f"{item.split}/{item.name}{item.image.suffix}", "--target")
        if not label_path.exists():
            label = item.label()
            problem = size_problem(item, label.shape)
            if problem:
                return problem
            write_label(label_path, label)
        if image_path.exists():
            return None
        if item.data is None:
            copy_file(item.image, image_path, link)
        else:
            with atomic_write(image_path) as temporary:
                temporary.write_bytes(item.data())
    except UsageError as error:
        return str(error)
    return None


def size_problem(item, shape):
    """Describes a mismatch between the size of an item's image and the shape of its label; None if they match."""
    size, orientation = image_size(item.data() if item.data else item.image)
    if shape in (size, size[::-1] if orientation > 4 else size):
        return None
    return f"{item.image} is {size[1]}x{size[0]} but its label is {shape[1]}x{shape[0]}; they must have the same size"


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    folder = pathlib.Path(args.source)
    if not folder.is_dir():
        remedy = "; unpack it" if folder.suffix.lower() in ARCHIVES else f"; try {folder.parent}"
        raise UsageError(f"--source {folder} is no folder{remedy if folder.is_file() else ''}")
    check_options(args)
    set_max_pixels(args.max_pixels)
    print(f"Reading {folder} ...", flush=True)
    background = args.background or "background"
    names = ("label_format", "images", "masks", "match")
    values = (getattr(args, name) for name in (*names, "follow_links"))
    options = Options(args.classes, background, args.unknown_colours, *values)
    try:
        source = FORMATS[args.format].read(folder, options)
    except UsageError as error:
        raise UsageError(f"{hint(folder, args.format)}{error}") from error
    source = divide(source, args.fractions, args.group, args.seed)
    settings = {"format": args.format, "background": background, "unknown_colours": args.unknown_colours}
    settings["label_format"] = args.label_format
    splits = convert(source, args.target, args.link, args.workers, settings)
    counts = ", ".join(f"{splits[split]} {split}" for split in SPLITS if split in splits)
    print(f"{args.target} is complete: {counts} images, {source.classes.num_classes} classes")
    for note in [*source.notes, *filter(None, (note() for note in source.late_notes))]:
        print(f"note: {note}")
    return 0


def check_options(args):
    """Refuses flags that the format does not have."""
    row = FORMATS[args.format]
    for name in ("images", "masks", "match"):
        if getattr(args, name) and args.format != "folder":
            raise UsageError(f"--{name} is for --format folder; {args.format} says itself where its files are")
    if args.label_format != "auto" and args.format != "folder":
        raise UsageError(f"--label_format is for --format folder; how {args.format} stores masks is known")
    if args.unknown_colours != "error" and not row.unknown:
        raise UsageError(f"--unknown_colours is for {', '.join(having('unknown'))}; {args.format} knows all its values")
    if args.classes and not (row.class_lists or row.own_classes):
        raise UsageError(f"--classes: the classes of {args.format} are those of the dataset")
    if args.background and not row.drawn:
        raise UsageError(f"--background is for {', '.join(having('drawn'))}; masks of {args.format} say it themselves")


if __name__ == "__main__":
    sys.exit(main())
