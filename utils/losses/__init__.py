"""Loss registry: names, classes and papers of the segmentation losses. Importing it imports no Keras.

Every loss takes labels `(B, H, W)`, class indices with 255 = ignored, and logits `(B, H, W, C)`, and returns a scalar
float32. Ignored pixels have no effect on value or gradient.
"""

import importlib
from collections.abc import Sequence
from typing import NamedTuple

from utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, {"build_losses": "auxiliary"})
__all__ += ["LOSSES", "Loss", "build_loss", "check_label_smoothing"]


class Loss(NamedTuple):
    """A row of the registry.

    Attributes:
        module: module of this package that defines the loss.
        class_name: name of its class, a `base.SegmentationLoss`.
        smoothing: whether it takes label smoothing, as losses with a cross entropy do.
        paper: where it was proposed.
        additive: whether sums over parts of a batch give the loss of the whole, as they must on several replicas of
            TensorFlow. Others compare the pixels of a batch with each other.
    """

    module: str
    class_name: str
    smoothing: bool
    paper: str
    additive: bool = True


LOSSES = {
    "cross_entropy": Loss("cross_entropy", "CrossEntropy", smoothing=True, paper="Long 2015, 1411.4038"),
    "focal": Loss("cross_entropy", "Focal", smoothing=False, paper="Lin 2017, 1708.02002"),
    "dice": Loss("region", "Dice", smoothing=False, paper="Milletari 2016, 1606.04797"),
    "lovasz": Loss("region", "Lovasz", smoothing=False, paper="Berman 2018, 1705.08790", additive=False),
    "bootstrapped": Loss("cross_entropy", "Bootstrapped", smoothing=True, paper="Wu 2016, 1605.06885"),
    "ohem": Loss(
        "cross_entropy", "OnlineHardExamples", smoothing=True, paper="Shrivastava 2016, 1604.03540", additive=False
    ),
    "cross_entropy_lovasz": Loss(
        "region", "CrossEntropyLovasz", smoothing=True, paper="Berman 2018, 1705.08790", additive=False
    ),
}


def build_loss(name: str, num_classes: int, class_weights: Sequence[float] | None = None, label_smoothing: float = 0.0):
    """Builds a loss.

    Args:
        name: a key of `LOSSES`.
        num_classes: C.
        class_weights: C floats >= 0, or None for equal weights.
        label_smoothing: share of each pixel's target that is spread over all classes equally, from 0 to below 1
            (Szegedy 2016, 1512.00567). Above 0 only for losses with a cross entropy.

    Returns:
        A `base.SegmentationLoss`.

    Raises:
        ValueError: for an unknown name, label smoothing out of range or of a loss without a cross entropy, or a wrong
            number of class weights.
    """
    if name not in LOSSES:
        raise ValueError(f"unknown loss '{name}'; choose one of {', '.join(LOSSES)}")
    check_label_smoothing(name, label_smoothing)
    loss_class = getattr(importlib.import_module(f"{__name__}.{LOSSES[name].module}"), LOSSES[name].class_name)
    options = {"label_smoothing": label_smoothing} if label_smoothing else {}
    return loss_class(num_classes, class_weights, name=name, **options)


def check_label_smoothing(name: str, label_smoothing: float) -> None:
    """Raises ValueError if label smoothing is out of range, or above 0 for a loss without a cross entropy."""
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label smoothing must be from 0 to below 1, not {label_smoothing}")
    if label_smoothing and not LOSSES[name].smoothing:
        smoothed = ", ".join(loss for loss, row in LOSSES.items() if row.smoothing)
        raise ValueError(f"label smoothing is for {smoothed}, not for {name}")
