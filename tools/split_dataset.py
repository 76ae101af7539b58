"""Splits images and labels into train, val and test: at random, by groups, or stratified by class.

    python tools/split_dataset.py --images photos --labels masks --class_dict class_dict.csv --target datasets/Mine

The files keep their names. The target is created atomically; it must not exist.
"""

import pathlib
import sys

import numpy as np

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.datasets.builtin import find_or_make_dataset
from tools.datasets.folders import make_split_folders, new_dataset
from tools.datasets.splits import assign_splits, fractions, pattern
from utils.class_dict import ClassDict
from utils.cli import Parser
from utils.cli.types import nonnegative_int, positive_int
from utils.data.checks import check_pairs, raise_problems
from utils.data.folder import SPLITS, list_pairs, pair_folders
from utils.errors import UsageError, report_errors
from utils.files import copy_file
from utils.threads import map_threads


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/split_dataset.py", description=__doc__.splitlines()[0])
    source = parser.add_argument_group("source")
    source.add_argument("--dataset", help="name or path of a dataset whose train split is to be split")
    source.add_argument("--images", help="without --dataset: folder of the images")
    source.add_argument("--labels", help="without --dataset: folder of the labels, paired by name")
    source.add_argument("--class_dict", help="without --dataset: class_dict.csv, for --stratify and the class shares")
    result = parser.add_argument_group("result")
    result.add_argument("--target", help="folder to create; not needed with --dry_run")
    result.add_argument(
        "--fractions",
        type=fractions,
        default=(0.7, 0.15, 0.15),
        metavar="TRAIN,VAL,TEST",
        help="shares of the splits; with --dataset, an existing val or test with share 0 is copied unchanged; "
        "default: 0.7,0.15,0.15",
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


def read_source(args):
    """Lists the images to split and those to copy unchanged.

    Returns:
        `(pairs, kept, classes_path)`: list of `Pair`, dict from the names of unchanged splits to lists of `Pair`, and
        the path of class_dict.csv or None.
    """
    problems, kept = [], {}
    if args.dataset:
        if args.images or args.labels or args.class_dict:
            raise UsageError("--dataset has its own images, labels and class_dict.csv; leave out the other flags")
        folder = find_or_make_dataset(args.dataset)
        pairs, classes_path = list_pairs(folder, "train", problems), folder / "class_dict.csv"
        for split, share in zip(SPLITS[1:], args.fractions[1:]):
            if not share and (folder / split).is_dir():
                kept[split] = list_pairs(folder, split, problems)
    else:
        if not (args.images and args.labels):
            raise UsageError("give --dataset, or --images and --labels")
        folders = pathlib.Path(args.images), pathlib.Path(args.labels)
        raise_problems([f"there is no folder {folder}" for folder in folders if not folder.is_dir()])
        pairs = pair_folders(*folders, problems)
        classes_path = pathlib.Path(args.class_dict) if args.class_dict else None
    raise_problems(problems)
    return pairs, kept, classes_path


def shares_table(splits, pixels, class_names):
    """Formats the number of images and the share of pixels of each class in each split.

    Args:
        splits: list of N str.
        pixels: int array `(N, C)`, pixels of each class in each image.
        class_names: list of C str.

    Returns:
        str of 1 + C lines.
    """
    splits, width = np.array(splits), max(map(len, class_names))
    used = [split for split in SPLITS if (splits == split).any()]
    lines = ["  " + " " * width + "".join(f"  {split + ': images':>14} {'pixels':>8}" for split in used)]
    for index, name in enumerate(class_names):
        cells = []
        for split in used:
            in_split = pixels[splits == split]
            share = in_split[:, index].sum() / max(in_split.sum(), 1)
            cells.append(f"  {(in_split[:, index] > 0).sum():>14} {100 * share:>6.2f} %")
        lines.append(f"  {name:{width}}" + "".join(cells))
    return "\n".join(lines)


def write_dataset(target, jobs, classes_path, mode, workers):
    """Writes the dataset atomically. With mode "move", the originals are deleted at the end.

    Args:
        target: `pathlib.Path` of the folder to create.
        jobs: list of `(split, Pair, whether it may be moved)`.
        classes_path: path of class_dict.csv, or None.
        mode: "copy", "link" or "move".
        workers: int, threads.
    """
    with new_dataset(target) as folder:
        make_split_folders(folder, {split for split, _, _ in jobs})

        def copy_pair(job):
            split, pair, _ = job
            copy_file(pair.image, folder / split / pair.image.name, link=mode == "link")
            copy_file(pair.label, folder / f"{split}_labels" / pair.label.name, link=mode == "link")

        map_threads(copy_pair, jobs, workers, "Copying")
        if classes_path:
            copy_file(classes_path, folder / "class_dict.csv")
    if mode == "move":
        for _, pair, movable in jobs:
            if movable:
                pair.image.unlink()
                pair.label.unlink()


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    if not (args.target or args.dry_run):
        raise UsageError("give --target, or --dry_run")
    target = pathlib.Path(args.target) if args.target else None
    if target and target.exists():
        raise UsageError(f"{target} exists already; choose another --target")
    pairs, kept, classes_path = read_source(args)
    if args.stratify and not classes_path:
        raise UsageError("--stratify needs --class_dict")
    classes = ClassDict.from_csv(classes_path) if classes_path else None
    pixels = presence = None
    if classes and (args.stratify or args.dry_run):
        print(f"Reading {len(pairs)} labels ...", flush=True)
        pixels = np.array([checked.pixels for checked in check_pairs(pairs, classes, workers=args.workers)])
        presence = pixels > 0 if args.stratify else None
    splits = assign_splits([pair.name for pair in pairs], args.fractions, args.seed, args.group, presence)
    counts = ", ".join(f"{splits.count(split)} {split}" for split in SPLITS if split in splits)
    unchanged = "".join(f", {len(kept[split])} {split} unchanged" for split in kept)
    if args.dry_run:
        print(f"Dry run, nothing is written: {counts}{unchanged}")
        if classes:
            print(shares_table(splits, pixels, classes.class_names))
        return 0
    jobs = [(split, pair, True) for split, pair in zip(splits, pairs)]
    jobs += [(split, pair, False) for split in kept for pair in kept[split]]
    write_dataset(target, jobs, classes_path, args.mode, args.workers)
    print(f"{target} is complete: {counts}{unchanged}")
    if not classes_path:
        print(f"It has no class_dict.csv yet: write one with the header name,r,g,b to {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
