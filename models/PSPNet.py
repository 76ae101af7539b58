"""Pyramid Scene Parsing Network (https://arxiv.org/abs/1612.01105, CVPR 2017).

Pyramid pooling for global context: the features are averaged over the whole image and over grids of 2x2, 3x3 and 6x6
regions, and the pooled features are concatenated with the input features. An auxiliary classifier on an earlier stage
(deep supervision) improves the training of the frontend.
"""

import keras
from keras import layers, ops

from models.blocks import auxiliary_classifier, batch_norm_relu, classifier, conv_bn_relu, resize_like
from models.DeepLabV3 import image_pooling

PRESETS = {"PSPNet": {}}


def build_pspnet(end_points, num_classes, output_stride=None):
    """Builds the head.

    Args:
        end_points: dict of the frontend's features; `pool3` and, for the auxiliary head, `pool2` are used, with an
            output stride `pool5` and `pool4`.
        num_classes: int.
        output_stride: 8 or 16, the stride of the dilated frontend's `pool5`, whose pyramid is classified directly, as
            in the paper; or None, as in the original suite: `pool3` and three learned upsampling steps.

    Returns:
        Logits `(B, H, W, num_classes)`, up to 7 rows and columns more than the image where 8 does not divide it, or
        `(B, H/output_stride, W/output_stride, num_classes)`; and a dict of the head "auxiliary", logits at the size of
        their stage.
    """
    feature, earlier = ("pool3", "pool2") if output_stride is None else ("pool5", "pool4")
    x = pyramid_pooling(end_points[feature])
    x = layers.Dropout(0.1)(conv_bn_relu(x, 512, 3))
    if output_stride is None:
        for filters in (256, 128, 64):
            x = upsample(x, filters)  # doubles height and width
    auxiliary = auxiliary_classifier(end_points[earlier], num_classes, 256, "auxiliary_logits")
    return classifier(x, num_classes), {"auxiliary": auxiliary}


def pyramid_pooling(x, filters=512, bins=(1, 2, 3, 6)):
    """Applies the pyramid pooling module (section 3.2).

    Args:
        x: tensor `(B, h, w, C)`.
        filters: int, channels of each level.
        bins: sequence of int, regions per side at each level.

    Returns:
        Tensor `(B, h, w, C + filters * len(bins))`: the features concatenated with all levels.
    """
    levels = []
    for count in bins:
        if count == 1:
            levels.append(image_pooling(x, filters))
        else:
            pooled = AdaptiveAveragePooling(count)(x)  # (B, count, count, C)
            levels.append(resize_like(conv_bn_relu(pooled, filters, 1), x))
    return layers.Concatenate()([x, *levels])


def upsample(x, filters):
    """Doubles height and width by a transposed convolution, then a 3x3 convolution, each after batch norm and ReLU."""
    x = batch_norm_relu(x)
    x = layers.Conv2DTranspose(filters, 3, strides=2, padding="same", use_bias=False)(x)
    return layers.Conv2D(filters, 3, padding="same")(batch_norm_relu(x))


@keras.saving.register_keras_serializable(package="suite")
class AdaptiveAveragePooling(layers.Layer):
    """Averages a map of any size over `bins` x `bins` regions of equal size.

    A pixel that lies in two regions counts in both. Keras's `AdaptiveAveragePooling2D` requires a static size on the
    TensorFlow backend; this layer, two small matrix products, does not.

    Args:
        bins: int, regions per side.

    Input: `(B, h, w, C)`.
    Output: `(B, bins, bins, C)`.
    """

    def __init__(self, bins, **kwargs):
        super().__init__(**kwargs)
        self.bins = bins

    def build(self, input_shape):
        self.built = True

    def call(self, x):
        _, height, width, channels = ops.shape(x)
        rows = ops.reshape(x, (-1, height, width * channels))
        rows = ops.matmul(self.shares(height), rows)
        rows = ops.reshape(rows, (-1, self.bins, width, channels))
        return ops.matmul(self.shares(width), rows)

    def shares(self, size):
        """Computes the weights `(bins, size)` of pixels in bins; bin i covers pixels i to i + 1 times size / bins."""
        pixel, index = ops.arange(size), ops.expand_dims(ops.arange(self.bins), 1)
        overlap = ops.logical_and(index * size < (pixel + 1) * self.bins, pixel * self.bins < (index + 1) * size)
        overlap = ops.cast(overlap, "float32")
        return ops.cast(overlap / ops.sum(overlap, axis=1, keepdims=True), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.bins, self.bins, input_shape[3])

    def get_config(self):
        return {**super().get_config(), "bins": self.bins}
