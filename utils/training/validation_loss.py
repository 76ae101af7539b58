"""Validation loss: the loss of training on whole images, from the logits that their scores come from."""

import keras
import numpy as np
from keras import ops

from utils.class_dict import IGNORED
from utils.inference.keras_backend import KerasBackend
from utils.inference.predictor import Predictor
from utils.inference.sharded import predict_batch
from utils.losses.base import SegmentationLoss
from utils.peers import Peers


class ImageLosses(keras.layers.Layer):
    """Losses of the images of a batch, each by itself.

    Args:
        loss: `SegmentationLoss`.

    Call arguments:
        labels: uint8 `(B, H, W)`, class indices, 255 = ignored.
        logits: float32 `(B, H, W, C)`.

    Returns:
        float32 `(B,)`.
    """

    def __init__(self, loss: SegmentationLoss):
        super().__init__(dtype="float32")
        self.loss = loss

    def call(self, labels, logits):
        return ops.map(lambda image: self.loss.call(image[0][None], image[1][None]), (labels, logits))

    def compute_output_spec(self, labels, logits):
        return keras.KerasTensor(labels.shape[:1], dtype="float32")


class LossBackend(KerasBackend):
    """A Keras model as a backend that adds up the loss of the images whose classes it predicts.

    Args:
        model: `keras.Model` from images to logits; its weights are shared, not copied.
        loss: `SegmentationLoss`.
        jit_compile: whether to compile with XLA.

    Attributes:
        labels: list of uint8 arrays `(h, w)`, of the first images of the next batch, which are padded on the right and
            at the bottom.
    """

    def __init__(self, model: keras.Model, loss: SegmentationLoss, jit_compile: bool = False):
        super().__init__(model, jit_compile)
        labels = keras.Input((None, None), dtype="uint8")
        outputs = [*self.to_classes.outputs, ImageLosses(loss)(labels, model.output)]
        self.to_classes_and_losses = keras.Model([model.input, labels], outputs)
        self.to_classes_and_losses.compile(jit_compile=jit_compile)
        self.labels = []
        self.reset()

    def reset(self) -> None:
        """Begins a new mean."""
        self._sum, self._count = 0.0, 0

    def add_up(self, peers: Peers) -> None:
        """Makes the mean that of the images of all processes; all have to call it."""
        self._sum, self._count = map(sum, zip(*peers.gather([self._sum, self._count])))

    @property
    def mean_loss(self) -> float | None:
        """Mean loss of the images with labeled pixels since `reset`; None if there were none."""
        return self._sum / self._count if self._count else None

    def classes(self, images: np.ndarray) -> np.ndarray:
        """Predicts class indices, uint8 `(B, H, W)`, of uint8 images `(B, H, W, channels)`."""
        labels = np.full(images.shape[:3], IGNORED, np.uint8)
        for padded, label in zip(labels, self.labels):
            padded[: label.shape[0], : label.shape[1]] = label
        classes, losses = predict_batch(self.to_classes_and_losses, [images, labels])
        is_labeled = (labels != IGNORED).any(axis=(1, 2))
        self._sum += float(np.sum(losses, where=is_labeled, dtype=np.float64))
        self._count += int(is_labeled.sum())
        return classes


class LossPredictor(Predictor):
    """Predictor of labeled images that also computes their mean loss, for `evaluate`.

    Keys are `(pair, label)`, where the label is a uint8 array `(H, W)` of the size of the image.

    Args:
        backend: `LossBackend`.
        batch_size: the most images at once.
    """

    def __init__(self, backend: LossBackend, batch_size: int = 1):
        super().__init__(backend, batch_size)

    def predict_bucket(self, bucket):
        self.backend.labels = [label for (_, label), _ in bucket]
        return super().predict_bucket(bucket)


def main_loss(model: keras.Model) -> SegmentationLoss | None:
    """Returns the loss of the logits with which a model was compiled; None if it is none of the suite's."""
    loss = model.loss.get("logits") if isinstance(model.loss, dict) else model.loss
    return loss if isinstance(loss, SegmentationLoss) else None
