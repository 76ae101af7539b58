"""Splits images and labels into train, val and test or into folds: at random, by groups, or stratified by class.

    python tools/split_dataset.py --images photos --labels masks --class_dict class_dict.csv --target datasets/Mine
    python tools/split_dataset.py --dataset Mine --folds 5 --mode link --target datasets/Mine

The second line writes the datasets Mine_fold1 to Mine_fold5 for a cross-validation. The files keep their names. The
targets are created atomically; they must not exist.
"""

import pathlib
import sys
from typing import NamedTuple

import numpy as np

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.datasets.builtin import find_or_make_dataset
from tools.datasets.folders import name_prefixes, target_folders, write_datasets
from tools.datasets.splits import assign_splits, fold_count, fractions, pattern
from utils.class_dict import ClassDict
from utils.cli import Parser
from utils.cli.choices import LABEL_FORMATS, UNKNOWN_COLORS
from utils.cli.types import nonnegative_int, positive_int
from utils.data.checks import check_pairs, raise_problems
from utils.data.folder import CONVERSION, SPLITS, list_pairs, pair_folders, read_classes
from utils.errors import UsageError, report_errors
from utils.text import display_width, pad

CLASSES = "class_dict.csv"
DEFAULT_FRACTIONS = (0.7, 0.15, 0.15)


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/split_dataset.py", description=__doc__.splitlines()[0])
    source = parser.add_argument_group("source")
    source.add_argument(
        "--dataset", help="name or path of a dataset whose train split is to be split; with --folds, train and val"
    )
    source.add_argument("--images", help="without --dataset: folder of the images")
    source.add_argument("--labels", help="without --dataset: folder of the labels, paired by name")
    source.add_argument("--class_dict", help="without --dataset: class_dict.csv, for --stratify and the class shares")
    source.add_argument(
        "--label_format",
        choices=LABEL_FORMATS,
        default="auto",
        help="with --stratify and --dry_run: how labels are stored, class colors, class indices or masks of 0 and 255; "
        "default: auto, over all labels",
    )
    source.add_argument(
        "--unknown_colours",
        choices=UNKNOWN_COLORS,
        default="error",
        help="with --stratify and --dry_run: treatment of label colors that class_dict.csv does not list",
    )
    result = parser.add_argument_group("result")
    result.add_argument(
        "--target", help="folder to create, with --folds the beginning of its name; not needed with --dry_run"
    )
    result.add_argument(
        "--fractions",
        type=fractions,
        default=DEFAULT_FRACTIONS,
        metavar="TRAIN,VAL,TEST",
        help="shares of the splits; with --dataset, an existing val or test with share 0 is copied unchanged; "
        "default: 0.7,0.15,0.15",
    )
    result.add_argument(
        "--folds",
        type=fold_count,
        metavar="K",
        help="write K datasets <target>_fold1, <target>_fold2 ... instead: each image is in val of one of them and in "
        "train of the others; an existing test is the same in all",
    )
    result.add_argument("--seed", type=nonnegative_int, default=0, help="random seed of the split; default: 0")
    result.add_argument("--stratify", action="store_true", help="put every class into every split, the rarest first")
    result.add_argument(
        "--group",
        type=pattern,
        metavar="REGEX",
        help="keep images in one split if this expression matches the same text in their names, such as a video or "
        "scene: otherwise the test images resemble training images",
    )
    result.add_argument("--mode", choices=("copy", "link", "move"), default="copy", help="default: copy")
    result.add_argument("--dry_run", action="store_true", help="print the splits without writing them")
    result.add_argument("--workers", type=positive_int, default=2, help="threads; default: 2")
    return parser


class Source(NamedTuple):
    """Images and labels to split.

    Attributes:
        pairs: list of `Pair` to split.
        kept: dict from the names of unchanged splits to lists of `Pair`.
        classes: `ClassDict`, or None if there is no class_dict.csv.
        files: dict from names to paths of other files that the result gets.
    """

    pairs: list
    kept: dict
    classes: ClassDict | None
    files: dict


def read_source(args):
    """Lists the images to split, and those and other files to copy unchanged."""
    problems, kept, files, classes = [], {}, {}, None
    if args.dataset:
        if args.images or args.labels or args.class_dict:
            raise UsageError("--dataset has its own images, labels and class_dict.csv; leave out the other flags")
        folder = find_or_make_dataset(args.dataset)
        classes = read_classes(folder, (), args.unknown_colours, args.label_format)
        files = {name: folder / name for name in (CLASSES, CONVERSION) if (folder / name).is_file()}
        pairs = list_pairs(folder, "train", problems)
        for split, share in zip(SPLITS[1:], args.fractions[1:]):
            if (folder / split).is_dir():
                if args.folds and split == "val":
                    pairs += list_pairs(folder, split, problems)
                elif args.folds or not share:
                    kept[split] = list_pairs(folder, split, problems)
                else:
                    print(f"Images of {folder / split} are in no split of the result; a share of 0 would keep {split}")
    else:
        if not (args.images and args.labels):
            raise UsageError("give --dataset, or --images and --labels")
        folders = pathlib.Path(args.images), pathlib.Path(args.labels)
        raise_problems([f"there is no folder {folder}" for folder in folders if not folder.is_dir()])
        pairs = pair_folders(*folders, problems)
        if args.class_dict:
            classes = ClassDict.from_csv(args.class_dict, args.unknown_colours, args.label_format)
            files = {CLASSES: pathlib.Path(args.class_dict)}
    raise_problems(problems)
    return Source(pairs, kept, classes, files)


def read_pixels(source, workers):
    """Counts the pixels of each class in each label.

    Returns:
        int array `(N, C)`.
    """
    print(f"Reading {len(source.pairs)} labels ...", flush=True)
    others = [pair.label for pairs in source.kept.values() for pair in pairs]
    checked = check_pairs(source.pairs, source.classes, workers, other_labels=others, image_format=None)
    return np.array([one.pixels for one in checked])


def shares_table(splits, names, pixels, class_names):
    """Formats the number of images and the share of pixels of each class in each split or fold.

    Args:
        splits: list of N str.
        names: the different splits, in the order of the columns.
        pixels: int array `(N, C)`, pixels of each class in each image.
        class_names: list of C str.

    Returns:
        str of 1 + C lines.
    """
    splits, width = np.array(splits), max(map(display_width, class_names))
    lines = ["  " + " " * width + "".join(f"  {name + ': images':>14} {'pixels':>8}" for name in names)]
    for index, class_name in enumerate(class_names):
        cells = []
        for name in names:
            in_split = pixels[splits == name]
            share = in_split[:, index].sum() / max(in_split.sum(), 1)
            cells.append(f"  {(in_split[:, index] > 0).sum():>14} {100 * share:>6.2f} %")
        lines.append(f"  {pad(class_name, width)}" + "".join(cells))
    return "\n".join(lines)


def check_flags(args):
    """Checks flags that exclude or need each other.

    Raises:
        UsageError: for the first conflict.
    """
    if not (args.target or args.dry_run):
        raise UsageError("give --target, or --dry_run")
    if args.folds and args.fractions is not DEFAULT_FRACTIONS:
        raise UsageError("give --folds or --fractions, not both: split the test images off first, then make the folds")
    if args.folds and args.mode == "move":
        raise UsageError(f"--folds needs every image {args.folds} times; give --mode link, which takes no space")


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    check_flags(args)
    targets = target_folders(args.target, args.folds) if args.target else []
    source = read_source(args)
    pairs, kept, classes, files = source
    if args.stratify and not classes:
        raise UsageError("--stratify needs --class_dict")
    pixels = read_pixels(source, args.workers) if classes and (args.stratify or args.dry_run) else None
    names, shares = SPLITS, args.fractions
    if args.folds:
        names, shares = [f"fold{number}" for number in range(1, args.folds + 1)], [1 / args.folds] * args.folds
    presence = pixels > 0 if args.stratify else None
    parts = assign_splits([pair.name for pair in pairs], shares, args.seed, args.group, presence, names)
    names = [name for name in names if name in parts]
    if args.folds:
        counts = (
            f"{', '.join(str(parts.count(name)) for name in names)} of {len(parts)} images are in val, others in train"
        )
    else:
        counts = ", ".join(f"{parts.count(name)} {name}" for name in names)
    counts += "".join(f", {len(kept[split])} {split} unchanged" for split in kept)
    if args.dry_run:
        print(f"Dry run, nothing is written: {counts}")
        if classes:
            print(shares_table(parts, names, pixels, classes.class_names))
        return 0
    # The splits of each dataset: those that were assigned, or each fold in turn as val.
    splits = [[("train", "val")[part == name] for part in parts] for name in names] if args.folds else [parts]
    unchanged = [(split, pair, "") for split in kept for pair in kept[split]]
    prefixes = name_prefixes(pairs)
    datasets = {target: [*zip(split, pairs, prefixes), *unchanged] for target, split in zip(targets, splits)}
    if args.folds and args.mode == "copy":
        print(f"Every image is copied {args.folds} times; --mode link would take no space")
    write_datasets(datasets, files, args.mode == "link", args.workers)
    if args.mode == "move":
        for pair in pairs:
            pair.image.unlink()
            pair.label.unlink()
    listed = f"{targets[0]} to {targets[-1].name}" if args.folds else str(targets[0])
    print(f"{listed} {'are' if args.folds else 'is'} complete: {counts}")
    if not classes:
        print(f"There is no class_dict.csv yet: write one with the header name,r,g,b to {listed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
