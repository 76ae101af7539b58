"""Validates combinations of flags. Importing this module imports no Keras."""

import argparse
import importlib
from collections.abc import Collection, Sequence

from frontends import FRONTENDS
from models import MODELS, check_output_stride
from utils import losses
from utils.class_file import MAX_CLASSES
from utils.cli.choices import CALIBRATED_FORMATS, COMPACT_FORMATS, FLOAT16_FORMATS
from utils.errors import UsageError
from utils.settings import read_checkpoint

TILE_MULTIPLE = 32  # pixels


def crop_size(height: int | None, width: int | None) -> tuple[int, int] | None:
    """Returns `(height, width)` of the crop flags, or None if neither is set.

    Raises:
        UsageError: if only one is set.
    """
    if (height is None) != (width is None):
        raise UsageError("--crop_height and --crop_width must be set together")
    return None if height is None else (height, width)


def tile_size(tile: int | None, overlap: int) -> int | None:
    """Returns `--tile`, checked together with `--overlap`.

    Raises:
        UsageError: if one is not a multiple of 32 pixels, or the overlap is above half of the tile.
    """
    if tile is None:
        return None
    if tile % TILE_MULTIPLE or overlap % TILE_MULTIPLE:
        raise UsageError(f"--tile {tile} and --overlap {overlap} must be multiples of {TILE_MULTIPLE} pixels")
    if 2 * overlap > tile:
        raise UsageError(f"--overlap {overlap} must be at most half of --tile {tile}")
    return tile


def check_scale_range(scale_range: Sequence[float] | None) -> None:
    """Raises UsageError if `--scale_range` is reversed or outside 0.1 to 10."""
    if scale_range and not 0.1 <= scale_range[0] <= scale_range[1] <= 10:
        low, high = scale_range
        raise UsageError(f"--scale_range {low:g} {high:g}: the lower factor comes first, and both are from 0.1 to 10")


def check_label_smoothing(label_smoothing: float, loss: str) -> None:
    """Raises UsageError if `--label_smoothing` does not fit `--loss`."""
    try:
        losses.check_label_smoothing(loss, label_smoothing)
    except ValueError as error:
        raise UsageError(f"--label_smoothing {label_smoothing:g}: {error}") from error


def check_soft_weight(soft_weight: float, soft_labels: str | None) -> None:
    """Raises UsageError if `--soft_weight` is not the default and there are no `--soft_labels`."""
    if soft_weight != 0.5 and not soft_labels:
        raise UsageError(f"--soft_weight {soft_weight:g} needs --soft_labels, a folder of tools/make_soft_labels.py")


def check_network(model: str, frontend: str, output_stride: int | None, height: int, width: int) -> None:
    """Raises UsageError if the network has no such output stride, or if the crop is too small for its frontend."""
    try:
        check_output_stride(model, frontend, output_stride)
    except ValueError as error:
        raise UsageError(f"--output_stride {output_stride}: {error}") from error
    smallest = FRONTENDS[frontend].smallest_size if MODELS[model].frontend else 1
    if min(height, width) < smallest:
        raise UsageError(
            f"a crop of {height}x{width} is too small for {frontend}; --crop_height and --crop_width must be at "
            f"least {smallest}"
        )


def check_fine_tuning(flags: dict) -> None:
    """Checks the flags of fine-tuning.

    Args:
        flags: values of `--model`, `--frontend`, `--freeze_frontend`, `--frontend_learning_rate` and `--init_from`.

    Raises:
        UsageError: if a flag needs a frontend and the network has none, or if `--init_from` is a checkpoint of
            another network or frontend.
    """
    model, frontend = flags["model"], flags["frontend"]
    for name, default in (("freeze_frontend", 0), ("frontend_learning_rate", 1.0)):
        if flags[name] != default and not MODELS[model].frontend:
            networks = ", ".join(other for other in MODELS if MODELS[other].frontend)
            raise UsageError(f"--{name} needs a network with a frontend, and {model} has none; choose from {networks}")
    path = flags["init_from"]
    if path is None:
        return
    source, _ = read_checkpoint(path)
    if source["model"] != model:
        raise UsageError(
            f"--init_from {path} is a {source['model']}, not a {model}; give --model {source['model']}, or another "
            "checkpoint"
        )
    if MODELS[model].frontend and FRONTENDS.get(source["frontend"]) != FRONTENDS[frontend]:
        raise UsageError(
            f"--init_from {path} has the frontend {source['frontend']}, not {frontend}; give --frontend "
            f"{source['frontend']}, or another checkpoint"
        )


def check_benchmark(args: argparse.Namespace, explicit: Collection[str]) -> None:
    """Checks the flags of benchmark.py.

    Args:
        args: the flags.
        explicit: names of the flags that the command line sets.

    Raises:
        UsageError: if `--all` does not fit another flag, or if there are more classes than a label can have.
    """
    if args.all and "model" in explicit:
        raise UsageError("--all measures every network; leave out --model")
    if args.output_dir and not args.all:
        raise UsageError("--output_dir is for the table and the plot of --all; for a single network give --json FILE")
    if args.num_classes > MAX_CLASSES:
        raise UsageError(f"--num_classes {args.num_classes}: labels have at most {MAX_CLASSES} classes")


def export_precision(args: argparse.Namespace) -> str:
    """Returns the precision of export.py's `--float16` and `--int8`, checked together with its other flags.

    Returns:
        "float32", "float16" or "int8".

    Raises:
        UsageError: if both are set, or if the format has no such precision, output, size or flag.
    """
    halved = args.format == "web" and not args.int8 if args.float16 is None else args.float16  # pages are downloaded
    precision = "float16" if halved else "int8" if args.int8 else "float32"
    if args.float16 and args.int8:
        raise UsageError("--float16 and --int8 exclude each other")
    for name, having in (("float16", FLOAT16_FORMATS), ("int8", CALIBRATED_FORMATS + COMPACT_FORMATS)):
        if precision == name and args.format not in having:
            raise UsageError(f"--{name} is for --format {', '.join(having)} only")
    if args.format in ("keras", "hub") and (args.output != "logits" or args.crop_height or args.crop_width):
        raise UsageError(
            f"--format {args.format} keeps logits and any size, as test.py and predict.py need; leave out --output, "
            "--crop_height and --crop_width"
        )
    if args.format == "web" and args.output != "logits":
        raise UsageError("--format web shows probabilities, which need logits; leave out --output")
    for flag, format_name in (("ort_web", "web"), ("scores", "hub")):
        if getattr(args, flag) and args.format != format_name:
            raise UsageError(f"--{flag} is for --format {format_name} only")
    return precision


def check_tensorboard(is_wanted: bool) -> None:
    """Checks that the package tensorboard is installed, before anything is loaded.

    Raises:
        UsageError: if it is needed and not installed.
    """
    if is_wanted:
        try:
            importlib.import_module("tensorboard.summary.writer.record_writer")
        except ImportError as error:
            raise UsageError("--tensorboard needs the package tensorboard: pip install tensorboard") from error
