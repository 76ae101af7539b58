"""Crop and batch size of a self-configured training: as large as is of use, and within the memory."""

import math

from frontends import FRONTENDS
from models import MODELS
from utils.auto.costs import USABLE, NetworkCosts, training_memory, validation_memory
from utils.auto.fingerprints import DatasetFingerprint, MachineFingerprint

CROP_PIXELS, LONG_CROP_PIXELS, GPU_CROP_PIXELS = 224 * 320, 288 * 416, 512 * 512
CROP_SHARE = 0.75  # of an image: crops that differ are an augmentation
BATCH_CROPS = 4  # largest crops in a batch; smaller crops make larger batches
MOST_BATCH = 16
MULTIPLE, SMALLEST_SIDE = 32, 64  # pixels
SHRINK = 1.5  # factor between the areas that are tried


def choose_crop_and_batch(
    flags: dict,
    given: dict,
    dataset: DatasetFingerprint,
    machine: MachineFingerprint,
    costs: NetworkCosts,
    is_long: bool,
) -> bool:
    """Adds crop and batch size; shrinks those that are not given until they fit into the memory.

    Args:
        flags: of the plan, with network and precision; "crop_height", "crop_width" and "batch_size" are added, and
            "remat" if nothing fits.
        given: flags that the user set.
        dataset, machine: fingerprints.
        costs: of the network.
        is_long: whether there is time for larger crops.

    Returns:
        Whether they fit.
    """
    target = LONG_CROP_PIXELS if is_long else CROP_PIXELS
    target = GPU_CROP_PIXELS if machine.gpu_memory is not None else target
    has_frontend = MODELS[flags["model"]].frontend
    least = smallest_side(FRONTENDS[flags["frontend"]].smallest_size if has_frontend else 1)
    area = max(least**2, min(target, CROP_SHARE * dataset.height * dataset.width))
    free = [name for name in ("crop_height", "crop_width") if name not in given]
    while True:
        size = dict(zip(("crop_height", "crop_width"), crop_size(area, dataset, least)))
        flags.update((name, size[name]) for name in free)
        is_smallest = not free or area <= least**2
        for batch in batch_sizes(flags, given, dataset, machine, costs, target, is_smallest):
            flags["batch_size"] = batch
            if memory_of(flags, dataset, machine, costs) <= USABLE * machine.training_memory:
                return True
        if is_smallest:
            break
        area = max(least**2, area / SHRINK)
    flags.setdefault("remat", True)
    return False


def batch_sizes(flags, given, dataset, machine, costs, target, is_smallest):
    """Returns the batch sizes to try for a crop, the largest first.

    A batch of one, whose batch norm knows one image only, is for the smallest crop, and for images of which a
    validation can predict only one at a time.
    """
    if "batch_size" in given:
        return [given["batch_size"]]
    largest = round(BATCH_CROPS * target / (flags["crop_height"] * flags["crop_width"]))
    largest = max(2, min(MOST_BATCH, largest, dataset.images))
    sizes = [batch for batch in range(largest, 1, -1) if validation_fits(batch, dataset, machine, costs)]
    return [*sizes, 1] if is_smallest or not sizes else sizes


def crop_size(area, dataset, least):
    """Returns `(height, width)` of a crop of about this area in the shape of the images, multiples of 32 pixels."""
    ratio = min(2.0, max(0.5, dataset.height / dataset.width))
    wanted = math.sqrt(area * ratio), math.sqrt(area / ratio)
    within = dataset.smallest_height // MULTIPLE * MULTIPLE, dataset.smallest_width // MULTIPLE * MULTIPLE
    return tuple(max(least, min(MULTIPLE * round(side / MULTIPLE), most)) for side, most in zip(wanted, within))


def smallest_side(size):
    """Returns the smallest side of a crop in pixels for a frontend's smallest size."""
    return max(SMALLEST_SIDE, MULTIPLE * math.ceil(size / MULTIPLE))


def memory_of(flags, dataset, machine, costs):
    """Estimates the peak memory of a training with these flags in bytes."""
    pixels = flags["batch_size"] * flags["crop_height"] * flags["crop_width"]
    precision = flags.get("mixed_precision", machine.precision)
    return training_memory(costs, pixels, dataset.num_classes, precision, machine.gpu_memory is not None)


def validation_fits(batch, dataset, machine, costs):
    """Returns whether a batch of whole images can be predicted, as a validation does."""
    pixels = batch * dataset.height * dataset.width
    needed = validation_memory(costs, pixels, dataset.num_classes, machine.gpu_memory is not None)
    return needed <= USABLE * machine.training_memory


def describe_memory(flags, dataset, machine, costs, fits):
    """Describes crop, batch and memory in one line."""
    needed, free = (value / 2**30 for value in (memory_of(flags, dataset, machine, costs), machine.training_memory))
    text = f"crop {flags['crop_height']}x{flags['crop_width']}, batch {flags['batch_size']}, {flags['mixed_precision']}"
    if not fits:
        return f"{text}: about {needed:.1f} GiB, more than is wise of the {free:.1f} GiB that are free; it may fail"
    if not validation_fits(flags["batch_size"], dataset, machine, costs):
        size = f"{dataset.width}x{dataset.height}"
        return f"{text}: WARNING: validation predicts images of {size} whole and may lack memory; cut them into parts"
    return f"{text}: about {needed:.1f} of the {free:.1f} GiB that are free"
