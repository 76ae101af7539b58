"""Repeats the pairs of a dataset under new names, for measurements with many files.

    python tools/repeat_dataset.py --dataset Streets --train 100000 --val 1000 --test 10000 --target datasets/Many

Copies are files of their own, like those of a real dataset. Hard links (`--link`) take no space and are read from disk
once: they measure the cost of names and headers, not that of a disk.
"""

import pathlib
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.datasets.builtin import find_or_make_dataset
from tools.datasets.folders import target_folders, write_datasets
from utils.cli import Parser
from utils.cli.types import nonnegative_int, positive_int
from utils.data.folder import CONVERSION, SPLITS, list_pairs
from utils.errors import UsageError, report_errors


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/repeat_dataset.py", description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="Streets", help="name or path of a dataset; default: Streets")
    for split in SPLITS:
        parser.add_argument(f"--{split}", type=nonnegative_int, default=0, metavar="N", help=f"number of {split} pairs")
    parser.add_argument("--target", required=True, help="folder to create")
    parser.add_argument("--link", action="store_true", help="hard links instead of copies (same disk only)")
    parser.add_argument("--workers", type=positive_int, default=2, help="threads; default: 2")
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    folder, (target,) = find_or_make_dataset(args.dataset), target_folders(args.target, None)
    members = []
    for split in SPLITS:
        count = getattr(args, split)
        pairs = list_pairs(folder, split) if count else []
        members += [(split, pairs[number % len(pairs)], f"{number // len(pairs):05d}_") for number in range(count)]
    if not members:
        raise UsageError("give the number of pairs of a split, such as --train 100000")
    files = {name: folder / name for name in ("class_dict.csv", CONVERSION) if (folder / name).is_file()}
    write_datasets({target: members}, files, args.link, args.workers)
    print(f"Wrote {len(members):,} pairs to {pathlib.Path(target)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
