"""Per-pixel losses: cross entropy, focal, bootstrapped, online hard example mining (OHEM)."""

import math

import keras
from keras import ops

from utils.losses.base import SegmentationLoss, ratio, split_ignored
from utils.replicas import mean_over_replicas


@keras.saving.register_keras_serializable(package="suite")
class CrossEntropy(SegmentationLoss):
    """Softmax cross entropy: the mean over pixels, weighted by class.

    The sum of the weights is the divisor.

    Args:
        label_smoothing: float from 0 to below 1, share of each pixel's target that is spread over all classes equally
            (Szegedy 2016, 1512.00567).
    """

    def __init__(self, num_classes, class_weights=None, label_smoothing=0.0, **kwargs):
        super().__init__(num_classes, class_weights, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, labels, logits):
        labels, valid = split_ignored(labels)
        entropy = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        weights = ops.cast(self.select(ops.stop_gradient(entropy), valid), "float32")
        if self.class_weights is not None:
            weights = weights * ops.take(self.weights(), labels)
        losses = self.modulate(entropy)
        if self.label_smoothing:
            # The mean cross entropy with each class as the target in turn.
            logits = ops.cast(logits, "float32")
            uniform = ops.logsumexp(logits, axis=-1) - ops.mean(logits, axis=-1)
            losses = losses + self.label_smoothing * (uniform - entropy)
        return ratio(ops.sum(weights * losses), mean_over_replicas(ops.sum(weights)))

    def select(self, entropy, valid):
        """Returns the pixels that enter the mean, bool `(B, H, W)`; `entropy` is without class weights."""
        return valid

    def modulate(self, entropy):
        """Changes the loss of each pixel, `(B, H, W)`, before the mean."""
        return entropy

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable(package="suite")
class Focal(CrossEntropy):
    """Focal loss (Lin 2017, 1708.02002): cross entropy times (1 - p) ** gamma, which down-weights easy pixels.

    Args:
        gamma: float >= 0; 0 is cross entropy.
    """

    def __init__(self, num_classes, class_weights=None, label_smoothing=0.0, gamma=2.0, **kwargs):
        super().__init__(num_classes, class_weights, label_smoothing, **kwargs)
        self.gamma = gamma

    def modulate(self, entropy):
        # The probability of the true class can round to 1 or above, where a power below 1 has no finite gradient.
        return ops.maximum(1.0 - ops.exp(-entropy), 1e-7) ** self.gamma * entropy

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma}


@keras.saving.register_keras_serializable(package="suite")
class Bootstrapped(CrossEntropy):
    """Bootstrapped cross entropy: the hardest pixels of each image (Wu 2016, 1605.06885; as in FRRN, 1611.08323).

    Class weights affect the mean, not the selection.

    Args:
        pixels: int >= 1, pixels selected in each image; all if it has fewer. Ties with the last one are included.
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
    """Cross entropy with online hard example mining (OHEM; Shrivastava 2016, 1604.03540; as in BiSeNet, 1808.00897).

    Class weights affect the mean, not the selection.

    Args:
        probability: float in 0..1; pixels whose true class has this probability or less are selected.
        min_kept: float in 0..1, share of the batch's valid pixels (at least one) that is selected in any case, the
            hardest first. Ties with the last one are included.
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
        hardest = _kth_largest(hardness, ops.maximum(count, 1), axis=(0, 1, 2))
        return ops.logical_and(valid, hardness >= ops.minimum(hardest, -math.log(self.probability)))

    def get_config(self):
        return {**super().get_config(), "probability": self.probability, "min_kept": self.min_kept}


def _hardness(entropy, valid):
    """Maps cross entropy to a sortable range: ignored pixels come last, NaN and infinity first."""
    # Above the smallest normal number, as some devices flush smaller ones to 0.
    return ops.where(valid, ops.where(entropy < 1e38, ops.maximum(entropy, 1e-30), 1e38), -1.0)


def _kth_largest(values, k, axis):
    """Returns the k-th largest number >= 0, or 0 if there are fewer.

    The result is built bit by bit, since non-negative floats are ordered as their bits: exact, with 31 counts instead
    of a sort. (4 x 512 x 512 values on two CPU cores: 15 to 25 ms; `top_k` 40 to 50 ms, `sort` 90 to 270 ms.) `k` may
    be a tensor.

    Args:
        values: float32 `(B, H, W)`.
        k: int or int32 scalar, at least 1.
        axis: `(1, 2)` for one number per image, `(0, 1, 2)` for one number per batch.

    Returns:
        float32 `(B, 1, 1)` or `(1, 1, 1)`.
    """
    bits = ops.zeros_like(ops.max(values, axis=axis, keepdims=True), dtype="int32")

    def set_next(_, state):
        bits, step = state
        count = ops.count_nonzero(values >= ops.view(bits + step, "float32"), axis=axis)
        return ops.where(ops.reshape(count, ops.shape(bits)) >= k, bits + step, bits), step // 2

    # A loop: XLA would fuse unrolled counts with the computation of `values` and repeat that 31 times.
    bits, _ = ops.fori_loop(0, 31, set_next, (bits, ops.convert_to_tensor(2**30, "int32")))
    return ops.view(bits, "float32")
