"""Compares the speed with the original suite's loops, and with other packages if they are installed.

    python tools/compare_speed.py --dataset CamVid --checkpoint_path checkpoints/latest_model_custom_CamVid.keras

The candidates run in turns and the medians of the rounds are compared, so that other programs affect all of them alike.
The ratios are therefore more reliable than the times. Files are in the system's cache.
"""

import os
import pathlib
import sys
import tempfile

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools.speed import describe_machine, markdown_table
from utils.cli import Parser
from utils.cli.types import positive_int
from utils.errors import UsageError, report_errors

ROWS = ("scoring", "labels", "loading", "predict", "networks", "convolutions")
MAX_IMAGES = 200  # of a dataset, to load in a round


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/compare_speed.py", description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", help="name or path of a dataset; default: generated street scenes of 360x480")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS, help="measurements; default: all")
    parser.add_argument("--rounds", type=positive_int, default=7, help="measurements of each candidate; default: 7")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="also write the results to this file")
    parser.add_argument(
        "--checkpoint_path",
        type=pathlib.Path,
        metavar="FILE",
        help="network of the row predict; default: one after a single training step",
    )
    parser.add_argument("--images", type=positive_int, default=100, help="images of the row predict; default: 100")
    parser.add_argument(
        "--size",
        type=positive_int,
        default=512,
        help="side of the images of scoring, labels and networks, pixels; default: 512",
    )
    parser.add_argument(
        "--num_classes", type=positive_int, default=32, help="classes of scoring, labels and networks; default: 32"
    )
    parser.add_argument("--crop_height", type=positive_int, default=352, help="crop of the row loading; default: 352")
    parser.add_argument("--crop_width", type=positive_int, default=480, help="crop of the row loading; default: 480")
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    from tools.datasets.builtin import find_or_make_dataset
    from tools.speed.networks import convolutions, networks
    from tools.speed.packages import import_torch, installed_versions
    from tools.speed.pipeline import labels, loading, predict, scoring
    from utils.backend import import_backend, versions
    from utils.benchmark.timing import machine_info
    from utils.data.folder import list_pairs
    from utils.files import make_folder, write_json

    if args.checkpoint_path and not args.checkpoint_path.is_file():
        raise UsageError(f"there is no checkpoint {args.checkpoint_path}; give the path of a .keras file")
    dataset = find_or_make_dataset(args.dataset) if args.dataset else None
    if args.json:
        make_folder(args.json.parent)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # without the load of this program
    if {"scoring", "loading"} & set(args.rows):
        import_torch()
    import_backend()

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if not dataset and {"loading", "predict"} & set(args.rows):
            dataset = make_dataset(folder / "Streets")
        pairs = list_pairs(dataset, "train")[:MAX_IMAGES] if dataset else []
        measure = {
            "scoring": lambda: scoring(args.size, args.num_classes, args.rounds),
            "labels": lambda: labels(args.size, args.num_classes, args.rounds),
            "loading": lambda: loading(dataset, pairs, args.crop_height, args.crop_width, args.rounds),
            "predict": lambda: predict(dataset, pairs, args.checkpoint_path, args.images, folder),
            "networks": lambda: networks(args.size, args.num_classes, args.rounds),
            "convolutions": lambda: convolutions(args.num_classes, args.rounds),
        }
        for name in args.rows:
            print(f"Measuring {name} ...", flush=True)
            rows += measure[name]()
    machine = {**machine_info(), "load_before": load, **versions(), **installed_versions()}
    print(f"\n{markdown_table(rows)}\n\n{describe_machine(machine, args.rounds)}")
    if args.json:
        write_json(args.json, {"machine": machine, "rounds": args.rounds, "rows": [row._asdict() for row in rows]})
    return 0


def make_dataset(folder):
    """Draws street scenes of the size of CamVid."""
    from tools.make_streets import make_streets

    print("Drawing street scenes ...", flush=True)
    return make_streets(folder, train=48, val=1, test=0, height=360, width=480)


if __name__ == "__main__":
    sys.exit(main())
