"""Distillation loss: cross entropy with the class probabilities of a teacher network (Hinton 2015, 1503.02531)."""

import keras
from keras import ops

from utils.losses.base import SegmentationLoss, ratio
from utils.replicas import mean_over_replicas


@keras.saving.register_keras_serializable(package="suite")
class SoftCrossEntropy(SegmentationLoss):
    """Cross entropy with soft labels: the mean over pixels, weighted by class.

    With soft labels of a single class it is the cross entropy with labels. The temperature is 1.

    Args:
        num_classes: int, C.
        class_weights: C floats >= 0, or None for equal weights.

    Call arguments:
        labels: uint8 `(B, H, W, C)`, probabilities times 255; 0 for all classes = ignored.
        logits: float `(B, H, W, C)`.

    Returns:
        Scalar float32; 0 if all pixels are ignored.
    """

    def call(self, labels, logits):
        weights = ops.cast(labels, "float32") / 255.0
        if self.class_weights is not None:
            weights = weights * self.weights()
        entropy = -ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
        return ratio(ops.sum(weights * entropy), mean_over_replicas(ops.sum(weights)))
