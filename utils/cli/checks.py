"""Refuses flags that are right alone and do not fit together. Importing this file imports no Keras."""

from frontends import FRONTENDS
from models import MODELS, check_output_stride
from utils import losses
from utils.errors import UsageError
from utils.settings import read_checkpoint


def crop_size(height, width):
    """`(height, width)` from the crop flags of test.py and predict.py, or None if neither was given.

    Raises:
        UsageError: if only one was given.
    """
    if (height is None) != (width is None):
        raise UsageError("--crop_height and --crop_width belong together")
    return None if height is None else (height, width)


def check_scale_range(scales):
    """Refuses `--scale_range` the wrong way round, or so far that a pixel would fill the crop."""
    if scales and not 0.1 <= scales[0] <= scales[1] <= 10:
        raise UsageError(f"--scale_range {scales[0]:g} {scales[1]:g}: the lower end comes first, both from 0.1 to 10")


def check_label_smoothing(label_smoothing, loss):
    """Raises UsageError if `--label_smoothing` does not fit `--loss`."""
    try:
        losses.check_label_smoothing(loss, label_smoothing)
    except ValueError as error:
        raise UsageError(f"--label_smoothing {label_smoothing:g}: {error}") from error


def tile_size(tile, overlap):
    """`tile` from the flags of test.py and predict.py, checked together with the overlap.

    Raises:
        UsageError: if they are no multiples of 32 or do not fit together.
    """
    if tile is None:
        return None
    if tile % 32 or overlap % 32:
        raise UsageError(f"--tile {tile} and --overlap {overlap} must be multiples of 32 pixels")
    if 2 * overlap > tile:
        raise UsageError(f"--overlap {overlap} must be at most half of --tile {tile}")
    return tile


def check_network(model, frontend, output_stride, height, width):
    """Refuses an output stride that the network cannot have, and a crop of which the frontend would leave nothing."""
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


def check_fine_tuning(flags):
    """Refuses flags of the frontend for networks without one, and weights of another network."""
    model, frontend = flags["model"], flags["frontend"]
    for name, off in (("freeze_frontend", 0), ("frontend_learning_rate", 1.0)):
        if flags[name] != off and not MODELS[model].frontend:
            able = ", ".join(other for other in MODELS if MODELS[other].frontend)
            raise UsageError(f"--{name} is for networks with a frontend, which {model} has not; they are {able}")
    if flags["init_from"] is None:
        return
    theirs, _ = read_checkpoint(flags["init_from"])
    if theirs["model"] != model:
        raise UsageError(
            f"--init_from {flags['init_from']} is a {theirs['model']}, not a {model}; give --model "
            f"{theirs['model']}, or another checkpoint"
        )
    if MODELS[model].frontend and FRONTENDS.get(theirs["frontend"]) != FRONTENDS[frontend]:
        raise UsageError(
            f"--init_from {flags['init_from']} stands on {theirs['frontend']}, not on {frontend}; give "
            f"--frontend {theirs['frontend']}, or another checkpoint"
        )
