"""Measures this suite beside the original suite's loops, and beside other packages where they are installed.

    python tools/compare_speed.py --dataset CamVid --checkpoint_path checkpoints/latest_model_custom_CamVid.keras

What is compared takes turns within one run, and the medians of the rounds count, so that another program on the machine
disturbs both alike. Read the ratios, not the times. Files are in the system's cache.
"""

import os
import pathlib
import platform
import re
import sys
import tempfile

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from utils.cli.arguments import Parser, positive_int
from utils.errors import UsageError, report_errors

ROWS = ("scoring", "labels", "loading", "predict", "networks")
ALONE = ("remat", "normalization")  # that a file of its own keeps
MOST_IMAGES = 200  # of a data set, to load in one round
QUIET = 0.5  # load average of a machine that does nothing else


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    from tools.datasets.builtin import find_or_make_dataset
    from utils.backend import import_backend, versions
    from utils.data.folder import list_pairs
    from utils.files import make_folder, write_json

    if args.checkpoint_path and not args.checkpoint_path.is_file():
        raise UsageError(f"there is no checkpoint {args.checkpoint_path}; give the path of a .keras file")
    names = args.rows or ROWS
    dataset = find_or_make_dataset(args.dataset) if args.dataset else None
    if args.json:
        make_folder(args.json.parent)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # before this program adds to it
    from tools.speed import networks as network_contests
    from tools.speed import pipeline as contests

    if {"scoring", "loading"} & set(names):
        contests.import_peers()
    import_backend()

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        if not dataset and {"loading", "predict"} & set(names):
            dataset = make_dataset(pathlib.Path(folder) / "Streets")
        pairs = list_pairs(dataset, "train")[:MOST_IMAGES] if dataset else []
        crop = args.crop_height, args.crop_width
        measure = {
            "scoring": lambda: contests.scoring(args.size, args.num_classes, args.rounds),
            "labels": lambda: contests.labels(args.size, args.num_classes, args.rounds),
            "loading": lambda: contests.loading(dataset, pairs, *crop, args.rounds),
            "predict": lambda: contests.predict(
                dataset, pairs, args.checkpoint_path, args.images, pathlib.Path(folder)
            ),
            "networks": lambda: network_contests.networks(args.size, args.num_classes, args.rounds),
            "remat": lambda: network_contests.recomputation(args.rounds),
            "normalization": lambda: network_contests.normalization(args.rounds),
        }
        for name in names:
            print(f"Measuring {name} ...", flush=True)
            rows += measure[name]()
    machine = {"cpu": cpu_name(), "cores": os.cpu_count(), "load_before": load, **versions(), **contests.peers()}
    print(f"\n{table(rows)}\n\n{description(machine, args.rounds)}")
    if args.json:
        write_json(args.json, {"machine": machine, "rounds": args.rounds, "rows": [row._asdict() for row in rows]})
    return 0


def build_parser():
    """The flags."""
    parser = Parser(prog="tools/compare_speed.py", description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", help="a name or a path; default: street scenes of 360x480, drawn for the purpose")
    parser.add_argument("--rows", nargs="+", choices=ROWS + ALONE, help=f"what to measure; default: {' '.join(ROWS)}")
    parser.add_argument("--rounds", type=positive_int, default=7, help="measurements of each; default: 7")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="also write the results to this file")
    parser.add_argument(
        "--checkpoint_path",
        type=pathlib.Path,
        metavar="FILE",
        help="network for the row predict; default: one that has hardly learned anything",
    )
    parser.add_argument("--images", type=positive_int, default=100, help="images to predict; default: 100")
    parser.add_argument(
        "--size",
        type=positive_int,
        default=512,
        help="side of the images for scoring, labels and networks; default: 512",
    )
    parser.add_argument(
        "--num_classes", type=positive_int, default=32, help="classes of scoring, labels and networks; default: 32"
    )
    parser.add_argument("--crop_height", type=positive_int, default=352, help="crop to load; default: 352")
    parser.add_argument("--crop_width", type=positive_int, default=480, help="crop to load; default: 480")
    return parser


def make_dataset(folder):
    """Draws street scenes of CamVid's size."""
    from tools.make_streets import make_streets

    print("Drawing street scenes ...", flush=True)
    return make_streets(folder, train=48, val=1, test=0, height=360, width=480)


def table(rows):
    """The results as Markdown.

    Args:
        rows: list of `timing.Row`.

    Returns:
        str of several lines.
    """
    lines = ["| work | here | compared with | it takes | ratio |", "|---|---|---|---|---|"]
    for row in rows:
        theirs, ratio = row.note, "-"
        if row.theirs:
            theirs, ratio = readable(row.theirs, row.unit), f"{row.theirs / row.ours:.3g}x"
        lines.append(f"| {row.work} | {readable(row.ours, row.unit)} | {row.yardstick} | {theirs} | {ratio} |")
    return "\n".join(lines)


def readable(value, unit="s"):
    """Three digits and a unit."""
    if unit == "s" and value < 1:
        value, unit = 1000 * value, "ms"
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def description(machine, rounds):
    """What the table was measured on, and whether to believe it."""
    software = ", ".join(f"{name} {machine[name]}" for name in machine if name not in ("cpu", "cores", "load_before"))
    text = f"Medians, rounds: {rounds} (predict: 1), on {machine['cpu']}, {machine['cores']} cores; {software}."
    if (machine["load_before"] or 0) > QUIET:
        text += f"\nOther programs were running (load {machine['load_before']:.1f}): measure again without them."
    return text


def cpu_name():
    """The processor, as the system calls it."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.is_file() else []
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
