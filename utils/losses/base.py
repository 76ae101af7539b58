"""Base class and helpers of the losses."""

import keras
import numpy as np
from keras import ops

from utils.class_dict import IGNORED
from utils.replicas import num_replicas


class ScalarLoss(keras.losses.Loss):
    """Base class of losses whose `call` returns a scalar, the mean over a batch.

    Under `tf.distribute` each replica computes the loss of its part of the batch, and the gradients of the replicas are
    added up. Keras divides what it averages itself by the number of replicas, but no scalars: that is done here. A loss
    that contains another one calls its `call`, so that it is divided once. Sums that divide, such as the number of
    pixels, are averaged over the replicas in `call`, so that the loss is that of the whole batch.
    """

    def __call__(self, labels, logits, sample_weight=None):
        loss, replicas = super().__call__(labels, logits, sample_weight), num_replicas()
        return loss if replicas == 1 else loss / replicas


class SegmentationLoss(ScalarLoss):
    """Base class of losses with class weights.

    Args:
        num_classes: int, C.
        class_weights: C floats >= 0, or None for equal weights.
        name: str.

    Call arguments:
        labels: `(B, H, W)`, class indices of any dtype, 255 = ignored.
        logits: float `(B, H, W, C)`.

    Returns:
        Scalar float32; 0 if all pixels are ignored.
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
        """Returns the class weights, float32 `(C,)`."""
        return ops.convert_to_tensor(np.asarray(self.class_weights or [1.0] * self.num_classes, np.float32))

    def mean_over_classes(self, losses, present):
        """Returns the weighted mean of `losses`, `(C,)`, over the classes that are `present`, bool `(C,)`."""
        weights = self.weights() * ops.cast(present, "float32")
        return ratio(ops.sum(weights * losses), ops.sum(weights))


def split_ignored(labels):
    """Replaces ignored pixels by class 0.

    Args:
        labels: `(B, H, W)`, class indices of any dtype, 255 = ignored.

    Returns:
        `(labels, valid)`: int32 and bool, both `(B, H, W)`; `valid` is False at ignored pixels.
    """
    labels = ops.cast(labels, "int32")
    valid = ops.not_equal(labels, IGNORED)
    return ops.where(valid, labels, 0), valid


def ratio(numerator, denominator):
    """Divides tensors; the quotient is 0 where the denominator is 0."""
    return ops.divide_no_nan(numerator, denominator)
