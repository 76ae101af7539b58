"""Deals images and labels to train, val and test: at random, by scenes, or so that rare classes are in each split.

    python tools/split_dataset.py --images photos --labels masks --class_dict class_dict.csv --target datasets/Mine

The files keep their names. The target must not exist; it appears when everything is in it.
"""

import pathlib
import shutil
import sys

import numpy as np

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.datasets.builtin import find_or_make_dataset
from tools.datasets.splits import assign, fractions, pattern
from utils.class_dict import ClassDict
from utils.cli.arguments import Parser, natural, positive_int
from utils.data.checks import check_pairs, raise_problems
from utils.data.folder import SPLITS, list_pairs, pair_folders
from utils.errors import RunError, UsageError, report_errors
from utils.files import copy_file, make_folder
from utils.threads import map_threads


def parser():
    """Flags of this tool."""
    flags = Parser(prog="tools/split_dataset.py", description=__doc__.splitlines()[0])
    source = flags.add_argument_group("source")
    source.add_argument("--dataset", help="a dataset, a name or a path, whose train split is dealt")
    source.add_argument("--images", help="without --dataset: folder of the images")
    source.add_argument("--labels", help="without --dataset: folder of the labels, which pair by name")
    source.add_argument("--class_dict", help="without --dataset: class_dict.csv, for --stratify and the class shares")
    result = flags.add_argument_group("result")
    result.add_argument("--target", help="folder to make; not needed with --dry_run")
    result.add_argument(
        "--fractions",
        type=fractions,
        default=(0.7, 0.15, 0.15),
        metavar="TRAIN,VAL,TEST",
        help="shares of the splits; with --dataset, val or test of share 0 is taken along as it is; "
        "default: 0.7,0.15,0.15",
    )
    result.add_argument("--seed", type=natural, default=0, help="another seed, another split; default: 0")
    result.add_argument("--stratify", action="store_true", help="have every class in every split, the rarest first")
    result.add_argument(
        "--group",
        type=pattern,
        metavar="REGEX",
        help="keep images together in whose names this expression finds the same: those of a video "
        "or scene, which else would be both learned and tested",
    )
    result.add_argument("--mode", choices=("copy", "link", "move"), default="copy", help="default: copy")
    result.add_argument("--dry_run", action="store_true", help="only print what the splits would be")
    result.add_argument("--workers", type=positive_int, default=2, help="threads; default: 2")
    return flags


def read_source(args):
    """What is to be dealt, and what is taken along.

    Returns:
        `(pairs, kept, classes_path)`: list of `Pair`, dict from a split's name to its list of `Pair`, and the path of
        class_dict.csv or None.
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
        raise_problems([f"there is no folder {one}" for one in folders if not one.is_dir()])
        pairs = pair_folders(*folders, problems)
        classes_path = pathlib.Path(args.class_dict) if args.class_dict else None
    raise_problems(problems)
    return pairs, kept, classes_path


def shares_table(splits, pixels, class_names):
    """Each class's share of the images and pixels of each split, as text.

    Args:
        splits: list of N str.
        pixels: int array `(N, C)`, pixels of each class in each image.
        class_names: list of C str.
    """
    splits, width = np.array(splits), max(map(len, class_names))
    used = [split for split in SPLITS if (splits == split).any()]
    lines = ["  " + " " * width + "".join(f"  {split + ': images':>14} {'pixels':>8}" for split in used)]
    for index, name in enumerate(class_names):
        cells = []
        for split in used:
            part = pixels[splits == split]
            share = part[:, index].sum() / max(part.sum(), 1)
            cells.append(f"  {(part[:, index] > 0).sum():>14} {100 * share:>6.2f} %")
        lines.append(f"  {name:{width}}" + "".join(cells))
    return "\n".join(lines)


def write(target, jobs, classes_path, mode, workers):
    """Makes the folder in one piece; only then originals that are to be moved are removed.

    Args:
        target: `pathlib.Path`.
        jobs: list of `(split, Pair, whether it may be moved)`.
        classes_path: of class_dict.csv, or None.
        mode: "copy", "link" or "move".
        workers: int, threads.
    """
    partial = target.with_name(f"{target.name}.partial")
    if partial.exists():
        raise UsageError(f"{partial} is left from an interrupted run; remove it")
    for split in {split for split, _, _ in jobs}:
        make_folder(partial / split)
        make_folder(partial / f"{split}_labels")

    def bring(job):
        split, pair, _ = job
        for path, folder in ((pair.image, split), (pair.label, f"{split}_labels")):
            copy_file(path, partial / folder / path.name, link=mode == "link")

    try:
        map_threads(bring, jobs, workers, "Bringing")
        if classes_path:
            copy_file(classes_path, partial / "class_dict.csv")
        partial.rename(target)
    except OSError as error:
        raise RunError(f"cannot make {target}: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if mode == "move":
        for _, pair, movable in jobs:
            if movable:
                pair.image.unlink()
                pair.label.unlink()


@report_errors
def main(argv=None):
    args = parser().parse_args(argv)
    if not (args.target or args.dry_run):
        raise UsageError("give --target, or --dry_run")
    target = pathlib.Path(args.target) if args.target else None
    if target and target.exists():
        raise UsageError(f"{target} exists already; choose another --target")
    pairs, kept, classes_path = read_source(args)
    if args.stratify and not classes_path:
        raise UsageError("--stratify needs --class_dict, to know the classes")
    classes = ClassDict.from_csv(classes_path) if classes_path else None
    pixels = presence = None
    if classes and (args.stratify or args.dry_run):
        print(f"Reading {len(pairs)} labels ...", flush=True)
        pixels = np.array([one.pixels for one in check_pairs(pairs, classes, workers=args.workers)])
        presence = pixels > 0 if args.stratify else None
    splits = assign([pair.name for pair in pairs], args.fractions, args.seed, args.group, presence)
    counts = ", ".join(f"{splits.count(split)} {split}" for split in SPLITS if split in splits)
    taken = "".join(f", {len(along)} {split} as before" for split, along in kept.items())
    if args.dry_run:
        print(f"It would be {counts}{taken}; nothing was written")
        if classes:
            print(shares_table(splits, pixels, classes.class_names))
        return 0
    jobs = [(split, pair, True) for split, pair in zip(splits, pairs)]
    jobs += [(split, pair, False) for split, along in kept.items() for pair in along]
    write(target, jobs, classes_path, args.mode, args.workers)
    print(f"{target} is ready: {counts}{taken}")
    if not classes_path:
        print(f"It has no class_dict.csv yet: write one, with the header name,r,g,b, into {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
