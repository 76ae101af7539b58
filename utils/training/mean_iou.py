"""Mean IoU of the training batches as a Keras metric."""

import keras
from keras import ops

from utils.losses.base import split_ignored


@keras.saving.register_keras_serializable(package="suite")
class RunningMeanIoU(keras.metrics.Metric):
    """Mean IoU of the training batches so far, counted on the device.

    Args:
        num_classes: int, C.
        name: str.
    """

    def __init__(self, num_classes, name="mean_iou", **kwargs):
        super().__init__(name=name, **kwargs)
        self.num_classes = num_classes
        self.matrix = self.add_variable((num_classes**2,), initializer="zeros", name="matrix", dtype="float32")

    def update_state(self, labels, logits, sample_weight=None):
        """Adds labels `(B, H, W)`, 255 = ignored, and logits `(B, H, W, C)`."""
        labels, valid = split_ignored(labels)
        pairs = labels * self.num_classes + ops.cast(ops.argmax(logits, axis=-1), "int32")
        counts = ops.segment_sum(
            ops.reshape(ops.cast(valid, "float32"), (-1,)), ops.reshape(pairs, (-1,)), num_segments=self.num_classes**2
        )
        self.matrix.assign_add(counts)

    def result(self):
        matrix = ops.reshape(self.matrix, (self.num_classes, self.num_classes))
        correct = ops.diagonal(matrix)
        union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - correct
        present = ops.cast(union > 0, "float32")
        return ops.divide_no_nan(ops.sum(ops.divide_no_nan(correct, union)), ops.sum(present))

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}
