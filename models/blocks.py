"""Building blocks shared by many networks: convolution with batch norm, resizing, classifiers."""

import keras
from keras import layers

from frontends.batch_norm import BATCH_NORM_MOMENTUM, BatchNormalization


def batch_norm(x, scale=True, center=True):
    """Applies batch normalization with the momentum and epsilon of this suite.

    Args:
        x: tensor `(B, H, W, C)`.
        scale: bool, whether there is a trainable factor (gamma). The original suite's own layers have none.
        center: bool, whether there is a trainable shift (beta).

    Returns:
        Tensor `(B, H, W, C)`.
    """
    return BatchNormalization(scale=scale, center=center, epsilon=1e-3, momentum=BATCH_NORM_MOMENTUM)(x)


def batch_norm_relu(x, scale=True):
    """Applies batch normalization, then ReLU. `x` and `scale` as in `batch_norm`."""
    return layers.ReLU()(batch_norm(x, scale))


def conv_bn_relu(x, filters, kernel_size=3, strides=1, dilation_rate=1):
    """Applies a convolution without bias, batch norm and ReLU: the unit of most papers since 2015.

    Args:
        x: tensor `(B, H, W, C)`.
        filters: int, number of output channels.
        kernel_size, strides, dilation_rate: as in `keras.layers.Conv2D`; padding is "same".

    Returns:
        Tensor `(B, ceil(H / strides), ceil(W / strides), filters)`.
    """
    x = layers.Conv2D(
        filters, kernel_size, strides=strides, dilation_rate=dilation_rate, padding="same", use_bias=False
    )(x)
    return batch_norm_relu(x)


def classifier(x, num_classes, name="logits"):
    """Applies a 1x1 convolution that computes one logit per class, in float32 under every dtype policy."""
    return layers.Conv2D(num_classes, 1, dtype="float32", name=name)(x)


def auxiliary_classifier(x, num_classes, filters, name):
    """Classifies intermediate features for deep supervision: 3x3 convolution, dropout, classifier.

    Args:
        x: tensor `(B, h, w, C)`.
        num_classes: int.
        filters: int, channels of the 3x3 convolution.
        name: str, name of the last layer.

    Returns:
        Logits `(B, h, w, num_classes)`, float32.
    """
    return classifier(layers.Dropout(0.1)(conv_bn_relu(x, filters, 3)), num_classes, name)


@keras.saving.register_keras_serializable(package="suite")
class ResizeLike(layers.Layer):
    """Resizes a feature map to the height and width of another tensor, which may be unknown until run time.

    `keras.ops.image.resize` does not support dynamic sizes on the TensorFlow backend (Keras 3.14 and 3.15), so the
    layer calls `tf.image.resize` there. Both sample at half-pixel centers without antialiasing; their values are equal.

    Args:
        interpolation: "bilinear" or "nearest".

    Call arguments:
        inputs: pair `(x, like)` of tensors `(B, h, w, C)` and `(B, H, W, any)`.

    Returns:
        Tensor `(B, H, W, C)` of the layer's compute dtype.
    """

    def __init__(self, interpolation="bilinear", **kwargs):
        super().__init__(**kwargs)
        self.interpolation = interpolation
        self.built = True

    def call(self, inputs):
        x, like = inputs
        if None not in x.shape[1:3] and x.shape[1:3] == like.shape[1:3]:
            return x
        if keras.config.backend() != "tensorflow":
            return keras.ops.image.resize(x, like.shape[1:3], interpolation=self.interpolation)
        import tensorflow as tf

        dynamic = tf.shape(like)
        size = [like.shape[axis] or dynamic[axis] for axis in (1, 2)]
        return tf.cast(tf.image.resize(x, size, method=self.interpolation), x.dtype)

    def compute_output_shape(self, input_shape):
        x, like = input_shape
        return (x[0], like[1], like[2], x[3])

    def get_config(self):
        return {**super().get_config(), "interpolation": self.interpolation}


def resize_like(x, like, interpolation="bilinear", **kwargs):
    """Resizes `x` to the height and width of `like`.

    Adds no layer where the two sizes are known to be equal.

    Args:
        x: tensor `(B, h, w, C)`.
        like: tensor `(B, H, W, any)`.
        interpolation: "bilinear" or "nearest".
        **kwargs: arguments of the layer, such as `name` and `dtype`.

    Returns:
        Tensor `(B, H, W, C)`.
    """
    if None not in x.shape[1:3] and tuple(x.shape[1:3]) == tuple(like.shape[1:3]):
        return x
    return ResizeLike(interpolation, **kwargs)([x, like])
