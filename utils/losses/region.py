"""Region losses: Dice, Lovász-softmax, and Lovász-softmax with cross entropy."""

import keras
from keras import ops

from utils.losses.base import SegmentationLoss, ratio, split_ignored
from utils.losses.cross_entropy import CrossEntropy
from utils.replicas import sum_over_replicas


@keras.saving.register_keras_serializable(package="suite")
class Dice(SegmentationLoss):
    """Soft Dice loss (Milletari 2016, 1606.04797) over the batch: the mean over the classes in its labels."""

    def call(self, labels, logits):
        truth, probabilities = _one_hot_and_softmax(labels, logits, self.num_classes)
        sums = ops.stack([ops.sum(x, axis=0) for x in (truth * probabilities, truth, probabilities)])
        overlap, truth_size, size = ops.unstack(sum_over_replicas(sums))
        dice = ratio(2.0 * overlap, truth_size + size)
        return self.mean_over_classes(1.0 - dice, truth_size > 0)


@keras.saving.register_keras_serializable(package="suite")
class Lovasz(SegmentationLoss):
    """Lovász-softmax loss (Berman 2018, 1705.08790): a convex surrogate of IoU.

    Computed over the whole batch at once: the mean over the classes in its labels.
    """

    def call(self, labels, logits):
        truth, probabilities = _one_hot_and_softmax(labels, logits, self.num_classes)
        # Ignored pixels have truth and probability 0: their error is 0, so they sort last and have no effect.
        truth, probabilities = ops.transpose(truth), ops.transpose(probabilities)  # (C, pixels)
        errors = ops.abs(truth - probabilities)
        order = ops.argsort(ops.stop_gradient(-errors), axis=-1)
        errors = ops.take_along_axis(errors, order, axis=-1)
        truth = ops.take_along_axis(truth, order, axis=-1)
        truth_size = ops.sum(truth, axis=-1, keepdims=True)
        intersection = truth_size - ops.cumsum(truth, axis=-1)
        union = truth_size + ops.cumsum(1.0 - truth, axis=-1)
        jaccard = 1.0 - intersection / union
        gradient = ops.concatenate([jaccard[:, :1], jaccard[:, 1:] - jaccard[:, :-1]], axis=-1)
        losses = ops.sum(errors * ops.stop_gradient(gradient), axis=-1)
        return self.mean_over_classes(losses, truth_size[:, 0] > 0)


@keras.saving.register_keras_serializable(package="suite")
class CrossEntropyLovasz(Lovasz):
    """Mean of cross entropy and Lovász-softmax loss (Berman 2018, 1705.08790).

    Args:
        label_smoothing: float from 0 to below 1, of the cross entropy.
        stride: int >= 1; the Lovász-softmax loss takes every `stride`-th row and column. Sorting all pixels for each
            class would take longer than a small network, and the IoU of a ninth of them is nearly that of all.
    """

    def __init__(self, num_classes, class_weights=None, label_smoothing=0.0, stride=3, **kwargs):
        super().__init__(num_classes, class_weights, **kwargs)
        self.cross_entropy = CrossEntropy(num_classes, class_weights, label_smoothing)
        self.stride = stride

    def call(self, labels, logits):
        return 0.5 * (
            self.cross_entropy.call(labels, logits) + super().call(*strided_subsample(self.stride, labels, logits))
        )

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.cross_entropy.label_smoothing, "stride": self.stride}


def strided_subsample(stride, labels, logits):
    """Takes every `stride`-th row and column of labels and logits.

    The offset is a hash of the labels. With a constant offset, a network with strides of its own would learn to be
    good at those pixels only.

    Args:
        stride: int >= 1.
        labels: `(B, H, W)`, class indices of any dtype, 255 = ignored.
        logits: `(B, H, W, C)`.

    Returns:
        `(labels, logits)` with `ceil(H / stride)` rows and `ceil(W / stride)` columns.
    """
    label_hash = ops.sum(split_ignored(labels)[0])
    for axis in (1, 2):
        size = ops.shape(labels)[axis]
        indices = ops.arange(0, size, stride, dtype="int32") + label_hash % stride
        indices = ops.minimum(indices, size - 1)
        labels, logits = ops.take(labels, indices, axis=axis), ops.take(logits, indices, axis=axis)
        label_hash = label_hash // stride
    return labels, logits


def _one_hot_and_softmax(labels, logits, num_classes):
    """Returns one-hot labels and probabilities, float32 `(pixels, C)`; rows of ignored pixels are 0."""
    labels, valid = split_ignored(labels)
    valid = ops.reshape(ops.cast(valid, "float32"), (-1, 1))
    truth = ops.one_hot(ops.reshape(labels, (-1,)), num_classes, dtype="float32")
    probabilities = ops.softmax(ops.reshape(ops.cast(logits, "float32"), (-1, num_classes)), axis=-1)
    return truth * valid, probabilities * valid
