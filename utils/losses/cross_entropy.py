"""Losses of single pixels: cross entropy and what is made of it. Pixels labeled 255 never count."""

import math

import keras
import numpy as np
from keras import ops

from utils.class_dict import IGNORED


class SegmentationLoss(keras.losses.Loss):
    """What the losses share.

    Args:
        num_classes: int, C.
        class_weights: C floats >= 0, or None for equal weights.
        name: str.

    Call arguments:
        labels: `(B, H, W)`, class indices of any dtype, 255 = ignored.
        logits: float `(B, H, W, C)`.

    Returns:
        Scalar float32; 0 where no pixel counts.
    """

    def __init__(self, num_classes, class_weights=None, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.num_classes = num_classes
        self.class_weights = None if class_weights is None else [float(weight) for weight in class_weights]
        if self.class_weights is not None and len(self.class_weights) != num_classes:
            raise ValueError(f"{len(self.class_weights)} class weights for {num_classes} classes")

    def get_config(self):
        config = {"num_classes": self.num_classes, "class_weights": self.class_weights}
        return {**super().get_config(), **config}

    def weights(self):
        """float32 `(C,)`, the class weights."""
        return ops.convert_to_tensor(np.asarray(self.class_weights or [1.0] * self.num_classes, np.float32))

    def mean_over_classes(self, losses, present):
        """Weighted mean of `losses`, `(C,)`, over the classes that are `present`, `(C,)` bool."""
        weights = self.weights() * ops.cast(present, "float32")
        return ratio(ops.sum(weights * losses), ops.sum(weights))


@keras.saving.register_keras_serializable(package="suite")
class CrossEntropy(SegmentationLoss):
    """Softmax cross entropy, the weighted mean over pixels (the weights' sum is the divisor).

    Args:
        label_smoothing: float from 0 to below 1, the share of each pixel's truth that is spread over all classes
            equally (Szegedy 2016, 1512.00567).
    """

    def __init__(self, num_classes, class_weights=None, label_smoothing=0.0, **kwargs):
        super().__init__(num_classes, class_weights, **kwargs)
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label smoothing must be from 0 to below 1, not {label_smoothing}")
        self.label_smoothing = label_smoothing

    def call(self, labels, logits):
        labels, valid = split_ignored(labels)
        entropy = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        weights = ops.cast(self.select(ops.stop_gradient(entropy), valid), "float32")
        if self.class_weights is not None:
            weights = weights * ops.take(self.weights(), labels)
        losses = self.modulate(entropy)
        if self.label_smoothing:
            # Of every class as the truth, the mean.
            logits = ops.cast(logits, "float32")
            uniform = ops.logsumexp(logits, axis=-1) - ops.mean(logits, axis=-1)
            losses = losses + self.label_smoothing * (uniform - entropy)
        return ratio(ops.sum(weights * losses), ops.sum(weights))

    def select(self, entropy, valid):
        """Which pixels the mean is over, bool `(B, H, W)`; `entropy` has no class weights in it."""
        return valid

    def modulate(self, entropy):
        """Changes each pixel's loss, `(B, H, W)`, before the mean."""
        return entropy

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable(package="suite")
class Focal(CrossEntropy):
    """Focal loss (Lin 2017, 1708.02002): cross entropy times (1 - p) ** gamma, which lets easy pixels fade.

    Args:
        gamma: float >= 0; 0 is cross entropy.
    """

    def __init__(self, num_classes, class_weights=None, label_smoothing=0.0, gamma=2.0, **kwargs):
        super().__init__(num_classes, class_weights, label_smoothing, **kwargs)
        self.gamma = gamma

    def modulate(self, entropy):
        # The probability of the true class can round to 1 and above, where a small power has no finite gradient.
        return ops.maximum(1.0 - ops.exp(-entropy), 1e-7) ** self.gamma * entropy

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma}


@keras.saving.register_keras_serializable(package="suite")
class Bootstrapped(CrossEntropy):
    """Cross entropy of the hardest pixels of each image only (Wu 2016, 1605.06885; as FRRN uses it, 1611.08323).

    Class weights count in the mean, not in the choice.

    Args:
        pixels: int >= 1, how many of each image; all where it has fewer. Pixels as hard as the last one join it.
    """

    def __init__(self, num_classes, class_weights=None, label_smoothing=0.0, pixels=512 * 64, **kwargs):
        super().__init__(num_classes, class_weights, label_smoothing, **kwargs)
        if pixels < 1:
            raise ValueError(f"bootstrapped cross entropy needs at least 1 pixel an image, not {pixels}")
        self.pixels = pixels

    def select(self, entropy, valid):
        hardness = _hardness(entropy, valid)
        return ops.logical_and(valid, hardness >= _kth_largest(hardness, self.pixels, axis=(1, 2)))

    def get_config(self):
        return {**super().get_config(), "pixels": self.pixels}


@keras.saving.register_keras_serializable(package="suite")
class OnlineHardExamples(CrossEntropy):
    """Cross entropy of the pixels that are not yet certain (online hard example mining, as in BiSeNet, 1808.00897).

    Class weights count in the mean, not in the choice.

    Args:
        probability: float in 0..1; a pixel is kept if its true class has this probability or less.
        min_kept: float in 0..1, the part of the batch's valid pixels (at least one) that is kept anyway, the hardest.
            Pixels as hard as the last one join it.
    """

    def __init__(
        self, num_classes, class_weights=None, label_smoothing=0.0, probability=0.7, min_kept=1 / 16, **kwargs
    ):
        super().__init__(num_classes, class_weights, label_smoothing, **kwargs)
        if not 0 < probability <= 1:
            raise ValueError(f"the probability below which pixels are hard must be in 0..1, not {probability}")
        self.probability = probability
        self.min_kept = min_kept

    def select(self, entropy, valid):
        hardness = _hardness(entropy, valid)
        count = ops.cast(self.min_kept * ops.cast(ops.count_nonzero(valid), "float32"), "int32")
        anyway = _kth_largest(hardness, ops.maximum(count, 1), axis=(0, 1, 2))
        return ops.logical_and(valid, hardness >= ops.minimum(anyway, -math.log(self.probability)))

    def get_config(self):
        return {**super().get_config(), "probability": self.probability, "min_kept": self.min_kept}


def split_ignored(labels):
    """Labels as int32 with ignored pixels set to class 0, and which pixels count, both `(B, H, W)`."""
    labels = ops.cast(labels, "int32")
    valid = ops.not_equal(labels, IGNORED)
    return ops.where(valid, labels, 0), valid


def _hardness(entropy, valid):
    """Cross entropy in a range that can be ordered: ignored pixels come last, NaN and infinity first."""
    # Above the smallest normal number, as some devices take smaller ones for 0.
    return ops.where(valid, ops.where(entropy < 1e38, ops.maximum(entropy, 1e-30), 1e38), -1.0)


def _kth_largest(values, k, axis):
    """The k-th largest number >= 0, or 0 if there are fewer.

    Built bit by bit, as the bits of such floats have their order: exact, and 31 counts instead of a sort. (4 x 512 x
    512 values on two CPU cores: 15 to 25 ms, where `top_k` takes 40 to 50 and `sort` 90 to 270.) `k` may be a tensor.

    Args:
        values: float32 `(B, H, W)`.
        k: int or int32 scalar, at least 1.
        axis: `(1, 2)` for one number per image, `(0, 1, 2)` for one of all.

    Returns:
        float32 `(B, 1, 1)` or `(1, 1, 1)`.
    """
    bits = ops.zeros_like(ops.max(values, axis=axis, keepdims=True), dtype="int32")

    def set_next(_, state):
        bits, step = state
        count = ops.count_nonzero(values >= ops.view(bits + step, "float32"), axis=axis)
        return ops.where(ops.reshape(count, ops.shape(bits)) >= k, bits + step, bits), step // 2

    # A loop, as XLA would merge unrolled counts with the making of `values` and do that 31 times too.
    bits, _ = ops.fori_loop(0, 31, set_next, (bits, ops.convert_to_tensor(2**30, "int32")))
    return ops.view(bits, "float32")


def ratio(numerator, denominator):
    """A quotient that is 0 where the denominator is 0."""
    return ops.divide_no_nan(numerator, denominator)
