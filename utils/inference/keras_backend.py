"""A Keras model as a network to predict with."""

import keras
import numpy as np
from keras import ops


class ClassIndices(keras.layers.Layer):
    """Logits `(B, H, W, C)` to uint8 class indices `(B, H, W)`, so that only a byte per pixel leaves the device."""

    def call(self, logits):
        return ops.cast(ops.argmax(logits, axis=-1), "uint8")

    def compute_output_spec(self, logits):
        return keras.KerasTensor(logits.shape[:-1], dtype="uint8")


class KerasBackend:
    """A network for `predictor.Predictor`.

    Args:
        model: `keras.Model` from images to logits; its weights are shared, not copied.
        jit_compile: bool, whether to compile with XLA.

    Attributes:
        size: None: images may have any height and width that are multiples of 32.
        compiles_each_shape: bool, whether a batch of a new shape costs a compilation.
    """

    size = None

    def __init__(self, model, jit_compile=False):
        self.compiles_each_shape = jit_compile or keras.backend.backend() == "jax"
        self.to_logits = model
        self.to_classes = keras.Model(model.input, ClassIndices()(model.output))
        for one in (self.to_logits, self.to_classes):
            if not one.compiled:  # a network in training keeps its optimizer
                one.compile(jit_compile=jit_compile)

    def classes(self, images):
        """Class indices of a batch.

        Args:
            images: uint8 array `(B, H, W, 3)`, RGB.

        Returns:
            uint8 array `(B, H, W)`.
        """
        return np.asarray(self.to_classes.predict_on_batch(images))

    def logits(self, images):
        """Logits of a batch.

        Args:
            images: uint8 array `(B, H, W, 3)`, RGB.

        Returns:
            float32 array `(B, H, W, C)`.
        """
        return np.asarray(self.to_logits.predict_on_batch(images))
