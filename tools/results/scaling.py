"""Model of the time of a training step on many GPUs: computation, exchange of gradients, batch norm. Not measured."""

from typing import NamedTuple

from tools.results.reference import read_counts

BYTES = 4  # of a gradient, float32
BOX = 8  # GPUs of a machine
BOX_BYTES = 200e9  # a second between the GPUs of a machine, NVLink
SHARE = 0.8  # of the nominal rate of the network between machines
REDUCTIONS = 4 * 96  # small sums of a step: four for each batch-norm layer, of which either network has 96
LATENCY = {False: 20e-6, True: 80e-6}  # seconds of a small sum: within a machine, between machines
GPUS = (1, 8, 16, 32, 64)
LINKS = (10, 25, 100)  # Gbit/s


class Load(NamedTuple):
    """Work of a step: the network, images for each GPU, and the seconds that one GPU is assumed to compute."""

    name: str
    images: int
    seconds: float


# Three passes of 125 and 210 GFLOP for an image of 512x512, at 30 and 8 TFLOP/s.
LOADS = (Load("DeepLabV3_plus", 8, 0.100), Load("FC-DenseNet103", 4, 0.315))


def exchange_seconds(size: float, gpus: int, gigabits: float) -> float:
    """Computes the time in which the GPUs add up their gradients: within each machine first, then between machines.

    Args:
        size: bytes of the gradients.
        gpus: number of all GPUs, in machines of `BOX`.
        gigabits: nominal rate of each machine's network, Gbit/s.
    """
    inside, boxes = min(gpus, BOX), max(1, gpus // BOX)
    between = SHARE * gigabits * 1e9 / 8
    return 2 * (inside - 1) / inside * size / BOX_BYTES + 2 * (boxes - 1) / boxes * size / between


def step_seconds(load: Load, gpus: int, gigabits: float) -> float:
    """Computes the time of a step if nothing overlaps, an upper bound.

    Args:
        load, gpus, gigabits: as in `exchange_seconds`.
    """
    if gpus == 1:
        return load.seconds
    size = BYTES * read_counts()[load.name]["parameters"]
    return load.seconds + exchange_seconds(size, gpus, gigabits) + REDUCTIONS * LATENCY[gpus > BOX]


def scaling_table() -> str:
    """Formats the times of a step and their efficiencies as a Markdown table."""
    heads = [f"{load.name}, {gigabits} Gbit/s" for load in LOADS for gigabits in LINKS]
    lines = [f"| GPUs | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for gpus in GPUS:
        times = [(load, step_seconds(load, gpus, gigabits)) for load in LOADS for gigabits in LINKS]
        cells = [f"{1000 * seconds:.0f} ms, {100 * load.seconds / seconds:.0f} %" for load, seconds in times]
        lines.append(f"| {gpus} | {' | '.join(cells)} |")
    return "\n".join(lines)
