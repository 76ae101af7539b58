"""Measures latency, size and scores of networks' exported files, in float32 and in 8 bits, against the labels.

    python tools/compare_exports.py && python tools/make_tables.py

The files of a runtime run in turns, on one image of the first test image's size. test.py scores each of them on the
whole test split. Formats whose packages are missing are left out and named.
"""

import json
import pathlib
import sys
import tempfile
from typing import NamedTuple

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from tools import ROOT, run_command
from tools.speed.latency_plot import plot_latencies
from tools.speed.timing import as_unit, interleaved_medians
from utils.cli import Parser
from utils.cli.types import positive_int
from utils.errors import UsageError, report_errors
from utils.run_folder import PRETRAINED

RESULTS = ROOT / "tools" / "results" / "exports.json"
FIGURE = ROOT / "docs" / "images" / "exports.png"


class File(NamedTuple):
    """An exported file that is measured.

    Attributes:
        title: row of the table.
        format: `--format` of export.py; "" for the checkpoint itself.
        flags: further flags of export.py.
        has_size: whether the file takes images of one size only.
    """

    title: str
    format: str
    flags: dict = {}
    has_size: bool = False


FILES = (
    File("Keras with TensorFlow", ""),
    File("ONNX Runtime", "onnx"),
    File("ONNX Runtime, 8 bits", "onnx", {"int8": True}),
    File("OpenVINO", "openvino"),
    File("OpenVINO, 8 bits", "openvino", {"int8": True}),
    File("LiteRT", "litert", has_size=True),
    File("LiteRT, 8 bits", "litert", {"int8": True}, has_size=True),
)


def build_parser():
    """The command's flags."""
    parser = Parser(prog="tools/compare_exports.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--checkpoints", nargs="+", default=[str(PRETRAINED)], metavar="FILE", help="the networks; default: CamVid's"
    )
    parser.add_argument("--dataset", default="CamVid", metavar="NAME", help="dataset, a name or a path")
    parser.add_argument("--rounds", type=positive_int, default=9, metavar="N", help="measurements of each file")
    parser.add_argument(
        "--formats", nargs="+", metavar="NAME", help="only these formats; default: all that can be written"
    )
    parser.add_argument("--output", default=str(RESULTS), metavar="FILE", help="JSON file for the results")
    parser.add_argument("--figure", default=str(FIGURE), metavar="FILE", help="PNG file for the plot")
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    from utils.benchmark.timing import machine_info
    from utils.files import write_json
    from utils.inference.predictor import padded_size

    chosen = choose_files(args.formats)
    networks = {read_name(path): path for path in map(pathlib.Path, args.checkpoints)}
    if len(networks) < len(args.checkpoints):
        raise UsageError("--checkpoints: two are of one network and frontend, by which the table names them")
    image = first_test_image(args.dataset)
    height, width = image.shape[:2]
    size = padded_size(height, width)
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for number, (network, checkpoint) in enumerate(networks.items()):
            target = pathlib.Path(folder, str(number))
            target.mkdir()
            for file in chosen:
                paths[network, file.title] = export(file, checkpoint, target, args.dataset, size)
        rows = [
            {"network": network, "file": title, "megabytes": megabytes(path), **score(path, args.dataset)}
            for (network, title), path in paths.items()
        ]
        print("Measuring latencies ...", flush=True)
        seconds = measure(paths, image, args.rounds)
    for row in rows:
        row["milliseconds"] = round(1000 * seconds[row["network"], row["file"]], 1)
    result = {"size": f"{width}x{height}", "rounds": args.rounds}
    result |= {"machine": "{cpu}, {cores} cores".format_map(machine_info()), "rows": rows}
    write_json(pathlib.Path(args.output), result)
    points = {f"{row['network']}, {row['file']}": (row["milliseconds"], 100 * row["mean_iou"]) for row in rows}
    plot_latencies(args.figure, points, result["size"], f"Exported files on {result['machine']}")
    print(exports_table(result))
    return 0


def read_name(checkpoint):
    """Returns the network and the frontend of a checkpoint, such as "custom on MobileNet"."""
    from utils.report import network_name
    from utils.settings import read_checkpoint

    settings, _ = read_checkpoint(checkpoint)
    return network_name(settings["model"], settings.get("frontend"))


def choose_files(formats):
    """Returns those of `FILES` that can be written, and prints which cannot for lack of a package.

    Args:
        formats: list of str, only these; None for all.

    Raises:
        UsageError: for a format that is not compared.
    """
    from utils.export.formats import check_packages

    known = dict.fromkeys(file.format for file in FILES if file.format)
    if unknown := [name for name in formats or () if name not in known]:
        raise UsageError(f"--formats {unknown[0]}: the compared formats are {', '.join(known)}")
    chosen = []
    for file in FILES:
        if file.format and formats and file.format not in formats:
            continue
        try:
            if file.format:
                check_packages(file.format, "int8" if file.flags else "float32")
            chosen.append(file)
        except UsageError as error:
            print(f"{file.title} is left out: {error}")
    return chosen


def first_test_image(dataset):
    """Reads the first test image of a dataset, uint8 `(h, w, 3)`."""
    from tools.datasets.builtin import find_or_make_dataset
    from utils.data.folder import list_pairs
    from utils.data.images import read_image

    return read_image(list_pairs(find_or_make_dataset(dataset), "test")[0].image)


def export(file, checkpoint, folder, dataset, size):
    """Writes a file and returns its path; for none, the checkpoint's.

    Args:
        file: `File`.
        checkpoint, folder: `pathlib.Path`.
        dataset: name or path, for the calibration.
        size: `(height, width)` of a file of one size.
    """
    from utils.export.formats import FORMATS

    if not file.format:
        return checkpoint
    path = folder / f"{file.format}_{'int8' if file.flags else 'float32'}{FORMATS[file.format].suffix}"
    sized = {"crop_height": size[0], "crop_width": size[1]} if file.has_size else {}
    flags = {"checkpoint_path": checkpoint, "format": file.format, "output_path": path, "dataset": dataset}
    flags["output"] = "classes"  # less to copy than logits
    run_command("export.py", {**flags, **sized, **file.flags}, quiet=True)
    return path


def megabytes(path):
    """Returns the size of a file, with OpenVINO's file of weights beside it, in MB."""
    weights = path.with_suffix(".bin")
    return round((path.stat().st_size + (weights.stat().st_size if path.suffix == ".xml" else 0)) / 1e6, 1)


def score(path, dataset):
    """Scores a file on the test split; returns "mean_iou" and "global_accuracy", 0..1."""
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "test"
        flags = {"checkpoint_path": path, "dataset": dataset, "output_dir": output}
        run_command("test.py", flags, quiet=True)
        scores = json.loads((output / "scores.json").read_text(encoding="utf-8"))
    print(f"{path.name}: mean IoU {100 * scores['mean_iou']:.2f} %", flush=True)
    return {name: round(scores[name], 5) for name in ("mean_iou", "global_accuracy")}


def measure(paths, image, rounds):
    """Measures the time from pixels to class indices; returns median seconds.

    The files of a runtime run in turns, one runtime after the other: waiting threads of others would slow it.

    Args:
        paths: dict from keys, which are those of the result, to paths.
        image: uint8 array `(h, w, 3)`.
        rounds: int.
    """
    from utils.inference.loading import load_trained
    from utils.inference.predictor import Predictor

    seconds = {}
    for suffix in sorted({path.suffix for path in paths.values()}, reverse=True):
        chosen = {key: Predictor(load_trained(path)[0]) for key, path in paths.items() if path.suffix == suffix}
        candidates = {
            key: as_unit(lambda predictor: list(predictor([("", image)])), predictor)
            for key, predictor in chosen.items()
        }
        seconds |= interleaved_medians(candidates, rounds)
    return seconds


def exports_table(result=None):
    """Formats results, by default the recorded ones, as a table: a row per file, the fastest first."""
    result = result or json.loads(RESULTS.read_text(encoding="utf-8"))
    lines = ["| network | file | MB | one image | images/s | mean IoU, % | global accuracy, % |", f"|{'---|' * 7}"]
    for row in sorted(result["rows"], key=lambda row: row["milliseconds"]):
        name = " on ".join(f"`{part}`" for part in row["network"].split(" on "))
        speed = f"{row['milliseconds']:.0f} ms | {1000 / row['milliseconds']:.1f}"
        scores = " | ".join(f"{100 * row[name]:.1f}" for name in ("mean_iou", "global_accuracy"))
        lines.append(f"| {name} | {row['file']} | {row['megabytes']} | {speed} | {scores} |")
    machine = f"{result['size']}, medians of {result['rounds']} rounds on {result['machine']}."
    return "\n".join([*lines, "", machine])


if __name__ == "__main__":
    sys.exit(main())
