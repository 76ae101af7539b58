"""Losses between label images and logits, on any Keras engine. Pixels labeled 255 never count."""

from utils.cli.choices import SMOOTHED_LOSSES
from utils.losses.cross_entropy import Bootstrapped, CrossEntropy, Focal, OnlineHardExamples
from utils.losses.region import CrossEntropyLovasz, Dice, Lovasz

_CLASSES = {
    "cross_entropy": CrossEntropy,
    "focal": Focal,
    "dice": Dice,
    "lovasz": Lovasz,
    "bootstrapped": Bootstrapped,
    "ohem": OnlineHardExamples,
    "cross_entropy_lovasz": CrossEntropyLovasz,
}
LOSSES = tuple(_CLASSES)


def build_loss(name, num_classes, class_weights=None, label_smoothing=0.0):
    """Makes a loss.

    Args:
        name: str, one of `LOSSES`.
        num_classes: int, C.
        class_weights: C floats >= 0, or None.
        label_smoothing: float from 0 to below 1, for losses with a cross entropy.

    Returns:
        A `SegmentationLoss`: `loss(labels, logits)` with labels `(B, H, W)`, 255 = ignored, and logits
        `(B, H, W, C)`, gives a scalar float32.

    Raises:
        ValueError: for an unknown name, or label smoothing of a loss that has none.
    """
    if name not in _CLASSES:
        raise ValueError(f"unknown loss '{name}'; choose one of {', '.join(LOSSES)}")
    smoothing = {"label_smoothing": label_smoothing} if label_smoothing else {}
    if smoothing and name not in SMOOTHED_LOSSES:
        raise ValueError(f"label smoothing is for {', '.join(SMOOTHED_LOSSES)}, not for {name}")
    return _CLASSES[name](num_classes, class_weights, name=name, **smoothing)
