"""Keras layers of the frontends: preprocessing, padding, cropping and dilated pooling.

Import this module before loading a saved model that has a frontend: it registers the layers.
"""

import functools

import keras
import numpy as np
from keras import ops

from frontends.channels import extend_values

# Mean and standard deviation of the ImageNet images, R, G, B.
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of pixels scaled to 0..1
IMAGENET_STD = (0.229, 0.224, 0.225)
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)  # of pixels 0..255, in the order B, G, R

# Mode -> (mean, standard deviation) of pixels 0..255, per channel or for all three.
_MODES = {
    "none": (0.0, 1.0),
    "unit": (0.0, 255.0),
    "tf": (127.5, 127.5),
    "tf128": (128.0, 128.0),
    "tf127": (127.0, 128.0),
    "torch": (tuple(255.0 * v for v in IMAGENET_MEAN), tuple(255.0 * v for v in IMAGENET_STD)),
    "caffe": (CAFFE_MEAN_BGR, 1.0),
}


@keras.saving.register_keras_serializable(package="suite")
class Preprocess(keras.layers.Layer):
    """Normalizes pixels for a pretrained network, as Keras's `preprocess_input` does.

    Computes in float32 and casts the result to the layer's compute dtype: bfloat16 cannot represent all pixel values.

    Args:
        mode: `"caffe"` (to BGR, minus the ImageNet mean), `"tf"` (to -1..1), `"torch"` (to 0..1, minus the ImageNet
            mean, over the standard deviation), `"unit"` (to 0..1), `"tf128"` (minus 128, over 128), `"tf127"` (minus
            127, over 128) or `"none"` (unchanged, only cast). Channels after the third have the mean of the values of
            R, G and B.

    Input: (B, H, W, 3), RGB, 0..255, integer or float; or with another number of channels.
    Output: the same shape, float.
    """

    def __init__(self, mode, **kwargs):
        # With autocast a float image would be rounded to 16 bits before `call`.
        super().__init__(autocast=False, **kwargs)
        if mode not in _MODES:
            raise ValueError(f"mode must be one of {', '.join(_MODES)}; received {mode!r}")
        self.mode = mode

    def build(self, input_shape):
        self.built = True

    def call(self, images):
        mean, std = _MODES[self.mode]
        x = ops.cast(images, "float32")
        channels = x.shape[-1]
        if self.mode == "caffe" and channels >= 3:
            x = ops.stack([x[..., band] for band in (2, 1, 0, *range(3, channels))], axis=-1)
        if self.mode != "none":
            mean, std = (extend_values(v, channels) if isinstance(v, tuple) else np.float32(v) for v in (mean, std))
            x = (x - ops.convert_to_tensor(mean)) / ops.convert_to_tensor(std)
        return ops.cast(x, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}


@keras.saving.register_keras_serializable(package="suite")
class PadToGrid(keras.layers.Layer):
    """Pads with zeros at the bottom and right until height and width are `stride * k + 1`.

    An unpadded 3x3 convolution of stride 2 then outputs the size `stride / 2 * k`, which further strides halve evenly.

    For an unknown size `compute_output_shape` reports an arbitrary known one: NASNet compares the sizes of its tensors
    to detect where they were halved, and builds another, broken network if they are all `None`. None of its layers
    depends on the number itself. `CropToStride` must follow, which reports the true size again.

    Args:
        stride: int, the network's greatest stride.

    Input: (B, H, W, C) float.
    Output: (B, H', W', C) with H' = stride * ceil(H / stride) + 1, W' likewise.
    """

    def __init__(self, stride=32, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def build(self, input_shape):
        self.built = True

    def _padded(self, size):
        return (size + self.stride - 1) // self.stride * self.stride + 1

    def call(self, x):
        _, height, width, _ = ops.shape(x)
        return pad_to(x, self._padded(height), self._padded(width))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (self._padded(7 * self.stride if size is None else size) for size in (height, width))
        return (batch, height, width, channels)

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}


@keras.saving.register_keras_serializable(package="suite")
class PadToLeast(keras.layers.Layer):
    """Pads with zeros at the bottom and right until height and width are at least `size`.

    Args:
        size: int, in pixels.

    Input: (B, H, W, C) float.
    Output: (B, max(H, size), max(W, size), C).
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def build(self, input_shape):
        self.built = True

    def call(self, x):
        _, height, width, _ = ops.shape(x)
        return pad_to(x, self._padded(height), self._padded(width))

    def _padded(self, size):
        # `ops.maximum` would return a tensor for an integer, and JAX pads by integers only.
        return max(self.size, size) if isinstance(size, int) else ops.maximum(self.size, size)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (None if size is None else max(size, self.size) for size in (height, width))
        return (batch, height, width, channels)

    def get_config(self):
        return {**super().get_config(), "size": self.size}


def pad_to(x, height, width):
    """Pads a tensor (B, h, w, C) with zeros at the bottom and right to (B, height, width, C)."""
    _, old_height, old_width, channels = ops.shape(x)
    x = ops.pad(x, [[0, 0], [0, height - old_height], [0, width - old_width], [0, 0]])
    # For LiteRT, which loses the number of channels when it pads by an unknown number of rows.
    return ops.reshape(x, (-1, height, width, channels))


@keras.saving.register_keras_serializable(package="suite")
class CropToStride(keras.layers.Layer):
    """Crops a feature of a padded image to the part that covers the image.

    Args:
        stride: int, the feature's stride.

    Input: a list of the feature (B, h, w, C) and the image before padding (B, H, W, 3).
    Output: (B, ceil(H / stride), ceil(W / stride), C), or the feature's height and width where they are smaller.
    """

    def __init__(self, stride, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def build(self, input_shape):
        self.built = True

    def call(self, inputs):
        feature, images = inputs
        _, height, width, _ = ops.shape(images)
        # Rounded up without negative numbers: ONNX rounds negative quotients in the other direction.
        height, width = ((size + self.stride - 1) // self.stride for size in (height, width))
        return feature[:, :height, :width, :]

    def compute_output_shape(self, input_shape):
        (batch, *sizes, channels), (_, height, width, _) = input_shape
        sizes = [
            None if None in (size, whole) else min(size, -(-whole // self.stride))
            for size, whole in zip(sizes, (height, width), strict=True)
        ]
        return (batch, *sizes, channels)

    def get_config(self):
        return {**super().get_config(), "stride": self.stride}


@keras.saving.register_keras_serializable(package="suite")
class DilatedPooling(keras.layers.Layer):
    """Pooling with stride 1 over a dilated window. Keeps height and width.

    Pixels outside the image count neither for the maximum nor for the mean.

    Args:
        mode: `"max"` or `"mean"`.
        pool_size: int, height and width of the window, in samples.
        dilation_rate: int, distance of the samples, in pixels.
        lead: int, number of samples before the pixel itself, vertically and horizontally.

    Input: (B, H, W, C) float.
    Output: the same shape.
    """

    def __init__(self, mode, pool_size, dilation_rate=1, lead=0, **kwargs):
        super().__init__(**kwargs)
        if mode not in ("max", "mean"):
            raise ValueError(f"mode must be max or mean; received {mode!r}")
        self.mode = mode
        self.pool_size = pool_size
        self.dilation_rate = dilation_rate
        self.lead = lead

    def build(self, input_shape):
        self.built = True

    def call(self, x):
        if self.mode == "max":
            return self._combine(x, ops.maximum, -float("inf"))
        pixels = ops.ones_like(x[:1, :, :, :1])
        return self._combine(x, ops.add, 0.0) / self._combine(pixels, ops.add, 0.0)

    def _combine(self, x, function, outside):
        """Reduces the samples of each window by `function`, vertically, then horizontally."""
        _, height, width, _ = ops.shape(x)
        before = self.lead * self.dilation_rate
        after = (self.pool_size - 1) * self.dilation_rate - before
        x = ops.pad(x, [[0, 0], [before, after], [before, after], [0, 0]], constant_values=outside)
        starts = [step * self.dilation_rate for step in range(self.pool_size)]
        x = functools.reduce(function, [x[:, start : start + height] for start in starts])
        return functools.reduce(function, [x[:, :, start : start + width] for start in starts])

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "mode": self.mode,
            "pool_size": self.pool_size,
            "dilation_rate": self.dilation_rate,
            "lead": self.lead,
        }
