"""Rules of the self-configured training: fingerprints and given flags in, all other flags and their reasons out.

In the spirit of nnU-Net (Isensee 2021, 1904.08128). Pure: nothing is read or measured here. Which network wins at which
budget is known from the recorded experiments, see docs/results.md.
"""

import math
from typing import NamedTuple

from models import MODELS
from utils.auto.costs import COSTS, USABLE, NetworkCosts, step_seconds, training_memory
from utils.auto.crop import CROP_PIXELS, SMALLEST_SIDE, choose_crop_and_batch, describe_memory, memory_of
from utils.auto.fingerprints import DatasetFingerprint, MachineFingerprint

DEFAULT_MINUTES = 30.0
LARGER_NETWORK_MINUTES = 15.0  # of the reference machine: below, custom is ahead of ExFuse on CamVid
GPU_NETWORK_MINUTES = 300.0
SYMMETRIC = 0.1  # difference of halves below which a direction is taken to have no meaning
ASYMMETRIC = 0.4
MOST_LOVASZ_CLASSES = 40  # the Lovász loss sorts the pixels of each class
VALIDATIONS, VALIDATION_SHARE = 4, 0.05  # number, and share of the time for all of them
EPOCH_SECONDS, EPOCHS = 30, 24  # shorter epochs, or more of them, would spend the time on checkpoints and plots


class Plan(NamedTuple):
    """Result of `plan_training`.

    Attributes:
        flags: dict from names of flags of train.py to values, the given ones included.
        reasons: at most ten lines, why.
        memory: estimated peak memory in bytes.
        fits: whether that is within the free memory.
    """

    flags: dict
    reasons: list[str]
    memory: int
    fits: bool


def plan_training(
    dataset: DatasetFingerprint,
    machine: MachineFingerprint,
    given: dict,
    minutes: float | None = None,
    costs: dict[tuple[str, str], NetworkCosts] = COSTS,
) -> Plan:
    """Chooses the flags of a training.

    Args:
        dataset, machine: fingerprints.
        given: flags that the user set, which stay.
        minutes: length of the training; None: from the given number of epochs, or `DEFAULT_MINUTES`.
        costs: of networks by name and frontend; those of a given network and frontend must be among them.
    """
    flags, reasons = dict(given), [f"data: {dataset.describe()}", f"machine: {machine.describe()}"]
    budget, told = choose_budget(given, minutes, machine, dataset)
    if "minutes" not in given and "num_epochs" not in given:
        flags["minutes"] = budget
    weights, weights_reason = choose_weights(given, machine)
    name, network_reason = choose_network(given, weights, machine, budget, costs)
    flags.update(zip(("model", "frontend"), name), frontend_weights=weights(name[1]))
    has_frontend = MODELS[name[0]].frontend
    is_pretrained = has_frontend and flags["frontend_weights"] != "none"
    if not has_frontend:
        flags["frontend_weights"], weights_reason = "none", "weights: random, for the network has no frontend"
    flags.setdefault("mixed_precision", machine.precision)
    is_long = budget * machine.speed >= 2 * LARGER_NETWORK_MINUTES
    fits = choose_crop_and_batch(flags, given, dataset, machine, costs[name], is_long)
    fits_reason = describe_memory(flags, dataset, machine, costs[name], fits)
    chosen = [
        choose_optimization(flags, is_pretrained),
        choose_loss(flags, dataset),
        choose_augmentation(flags, dataset, is_pretrained, budget * machine.speed),
        choose_schedule_of_run(flags, given, dataset, machine, budget, costs[name]),
    ]
    reasons += [told, network_reason, weights_reason, fits_reason, *chosen]
    return Plan(flags, reasons, memory_of(flags, dataset, machine, costs[name]), fits)


def choose_budget(given, minutes, machine, dataset):
    """Returns the minutes to plan for, and the reason."""
    minutes = minutes or given.get("minutes")
    if minutes:
        return minutes, f"length: --minutes {minutes:g}, as given"
    if "num_epochs" in given:
        seconds = step_seconds(COSTS["custom", "MobileNet"], CROP_PIXELS, machine.speed)
        minutes = max(1.0, given["num_epochs"] * dataset.images * seconds / 60)
        return minutes, f"length: --num_epochs {given['num_epochs']}, as given, roughly {minutes:.0f} minutes"
    return DEFAULT_MINUTES, f"length: --minutes {DEFAULT_MINUTES:g}, for neither --minutes nor --num_epochs is given"


def choose_weights(given, machine):
    """Returns a function from a frontend to its `--frontend_weights`, and the reason."""
    path = given.get("frontend_weights")
    if path is not None:
        return lambda frontend: path, f"weights: {path}, as given"
    if not machine.pretrained:
        reason = "weights: none, for ImageNet weights are neither cached nor reachable; pass a file by "
        return lambda frontend: "none", reason + "--frontend_weights PATH for several points more"
    reason = "weights: imagenet where the frontend has them, cached or reachable here: they save most of the training"
    return lambda frontend: "imagenet" if frontend in machine.pretrained else "none", reason


def choose_network(given, weights, machine, budget, costs):
    """Returns `(model, frontend)` and the reason."""
    reference_minutes = budget * machine.speed
    if "model" in given:
        names = [name for name in costs if name[0] == given["model"]]
        names = [name for name in names if name[1] == given.get("frontend", name[1])] or names
        suited = [name for name in names if weights(name[1]) != "none"] or names
        on_frontend = f" on {suited[0][1]}" if MODELS[given["model"]].frontend else ""
        return suited[0], f"network: {given['model']}{on_frontend}, as given"
    names = list(costs)
    if "frontend" in given:
        names = [name for name in names if name[1] == given["frontend"]]
    pretrained = [name for name in names if weights(name[1]) not in ("none",)]
    minutes = f"{budget:.3g} minutes" + ("" if 0.8 < machine.speed < 1.25 else f" at speed {machine.speed:.2g}")
    wanted = []
    if pretrained and machine.gpu_memory and reference_minutes >= GPU_NETWORK_MINUTES:
        wanted.append(("DeepLabV3_plus", "ResNet50"))
    if pretrained and reference_minutes >= LARGER_NETWORK_MINUTES:
        wanted.append(("ExFuse", "MobileNet"))
    wanted += [("custom", "MobileNet")] if pretrained or reference_minutes >= 2 * LARGER_NETWORK_MINUTES else []
    wanted.append(("custom", "MobileNetV3Small"))
    usable = pretrained or names
    in_memory = [
        name for name in [*wanted, *usable] if name in usable and fits_at_least(costs[name], machine, SMALLEST_SIDE**2)
    ]
    name = (in_memory or usable)[0]
    kinds = "pretrained" if pretrained else "from random weights"
    return name, f"network: {name[0]} on {name[1]}, the best of the recorded experiments {kinds} for {minutes}"


def fits_at_least(costs, machine, pixels):
    """Returns whether two crops of some pixels fit into the memory."""
    needed = training_memory(costs, 2 * pixels, 2, machine.precision, machine.gpu_memory is not None)
    return needed <= USABLE * machine.training_memory


def choose_optimization(flags, is_pretrained):
    """Adds optimizer, learning rate and schedule; returns the reason."""
    flags.setdefault("optimizer", "adamw")
    rates = {"adamw": 1e-3 if is_pretrained else 3e-3, "adam": 1e-3, "rmsprop": 3e-4, "sgd": 0.03}
    flags.setdefault("learning_rate", rates[flags["optimizer"]])
    flags.setdefault("schedule", "cosine" if is_pretrained else "poly")
    flags.setdefault("weight_decay", 0.01)
    flags.setdefault("warm_up", 1.0 if is_pretrained else 0.0)
    flags.setdefault("frontend_learning_rate", 0.25 if is_pretrained else 1.0)
    kind = "spares pretrained weights (a quarter in the frontend)" if is_pretrained else "random weights bear"
    rate = f"learning rate {flags['learning_rate']:g}"
    return f"{flags['optimizer']}, {rate}, {flags['schedule']}: {kind if is_pretrained else 'a rate that ' + kind}"


def choose_loss(flags, dataset):
    """Adds the loss; returns the reason."""
    few = dataset.num_classes <= MOST_LOVASZ_CLASSES
    flags.setdefault("loss", "cross_entropy_lovasz" if few else "cross_entropy")
    why = {
        "cross_entropy_lovasz": "optimizes IoU too, +2.6 points in the recorded ablation",
        "cross_entropy": f"the Lovász loss would sort the pixels of {dataset.num_classes} classes",
    }
    return f"loss {flags['loss']}: {why.get(flags['loss'], 'as given')}"


def choose_augmentation(flags, dataset, is_pretrained, reference_minutes):
    """Adds flips, scales and colors; returns the reason."""
    is_chart = dataset.horizontal_difference > ASYMMETRIC
    flags.setdefault("h_flip", not is_chart)
    no_up = dataset.vertical_difference < SYMMETRIC and dataset.horizontal_difference < SYMMETRIC
    flags.setdefault("v_flip", no_up and dataset.images >= 10)
    is_long = is_pretrained or reference_minutes >= LARGER_NETWORK_MINUTES / 2
    flags.setdefault("scale_range", [0.5, 2.0] if is_long else [0.75, 1.5])
    if dataset.is_rgb and is_long:
        flags.setdefault("color_jitter", 0.4)
    if is_long:
        flags.setdefault("brightness", 0.3 if dataset.is_rgb else 0.2)
    flips = [name for name, flag in (("left-right", "h_flip"), ("up-down", "v_flip")) if flags[flag]]
    low, high = flags["scale_range"] or (1, 1)
    up = "classes differ little between upper and lower halves" if flags["v_flip"] else "the images have an up"
    strength = "strong" if is_long else "mild, for there is little time"
    return f"augmentation: flips {' and '.join(flips) or 'none'} ({up}), scales {low:g} to {high:g}: {strength}"


def choose_schedule_of_run(flags, given, dataset, machine, budget, costs):
    """Adds epochs between validations, validation images, cache and threads; returns the reason."""
    if not dataset.validation_images:
        flags.setdefault("val_fraction", 0.1 if dataset.images >= 20 else 0.25)
    pixels = flags["batch_size"] * flags["crop_height"] * flags["crop_width"]
    seconds = step_seconds(costs, pixels, machine.speed)
    steps = max(1, math.ceil(dataset.images / flags["batch_size"]))
    epoch_steps = max(steps, math.ceil(max(EPOCH_SECONDS, 60 * budget / EPOCHS) / seconds))
    if "num_epochs" not in given:
        steps = flags.setdefault("steps_per_epoch", min(epoch_steps, 20 * steps))
    epochs = max(1, round(60 * budget / (steps * seconds)))
    flags.setdefault("validation_step", max(1, round(epochs / VALIDATIONS)))
    flags.setdefault("checkpoint_step", max(5, epochs))
    image_seconds = step_seconds(costs, dataset.height * dataset.width, machine.speed) / 3
    affordable = math.ceil(60 * budget * VALIDATION_SHARE / min(VALIDATIONS, epochs) / image_seconds)
    available = dataset.validation_images or math.ceil(dataset.images * flags.get("val_fraction", 0.1))
    flags.setdefault("num_val_images", 0 if affordable >= available else max(2, affordable))
    decoded = dataset.images * dataset.height * dataset.width * (dataset.channels + 1)
    flags.setdefault("cache", decoded < 0.2 * machine.memory)
    flags.setdefault("workers", max(1, min(8, machine.cores)))
    shown = flags["num_val_images"] or available
    cache = "decoded images stay in memory" if flags["cache"] else "images are read anew, memory does not hold them"
    return (
        f"about {epochs} epochs of {steps} steps, {shown} validation images every {flags['validation_step']}; {cache}"
    )
