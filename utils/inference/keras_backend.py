"""Keras model as a backend for prediction."""

import keras
import numpy as np
from keras import ops

from utils.inference.sharded import predict_batch


class ClassIndices(keras.layers.Layer):
    """Logits `(B, H, W, C)` to uint8 class indices `(B, H, W)`, so that only a byte per pixel leaves the device."""

    def call(self, logits):
        return ops.cast(ops.argmax(logits, axis=-1), "uint8")

    def compute_output_spec(self, logits):
        return keras.KerasTensor(logits.shape[:-1], dtype="uint8")


class KerasBackend:
    """A Keras model as a backend of `predictor.Predictor`.

    Args:
        model: `keras.Model` from images to logits; its weights are shared, not copied.
        jit_compile: bool, whether to compile with XLA.

    Attributes:
        size: None: images may have any height and width that are multiples of 32.
        compiles_each_shape: bool, whether a batch of a new shape costs a compilation.
    """

    size = None

    def __init__(self, model: keras.Model, jit_compile: bool = False):
        self.compiles_each_shape = jit_compile or keras.backend.backend() == "jax"
        # Models of their own: one made under a `tf.distribute` strategy returns each image once per replica.
        self.to_logits = keras.Model(model.input, model.output)
        self.to_classes = keras.Model(model.input, ClassIndices()(model.output))
        for network in (self.to_logits, self.to_classes):
            network.compile(jit_compile=jit_compile)

    def classes(self, images: np.ndarray) -> np.ndarray:
        """Predicts class indices, uint8 `(B, H, W)`, of uint8 images `(B, H, W, channels)`."""
        return predict_batch(self.to_classes, images)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Predicts logits, float32 `(B, H, W, C)`, of uint8 images `(B, H, W, channels)`."""
        return predict_batch(self.to_logits, images)
