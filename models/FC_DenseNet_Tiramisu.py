"""The One Hundred Layers Tiramisu: Fully Convolutional DenseNets for Semantic Segmentation
(https://arxiv.org/abs/1611.09326, CVPR workshops 2017).

Encoder and decoder of dense blocks: every layer of a block adds a few new features to all earlier ones. The decoder
upsamples only the new features of the previous block, which limits the parameters, and concatenates the encoder's full
stack of the same resolution over a skip connection.
"""

import keras
from keras import layers

from models.blocks import batch_norm, classifier, resize_like
from models.narrow_conv import Conv2D

PRESETS = {
    "FC-DenseNet56": {"growth_rate": 12, "layers_per_block": (4,) * 11},
    "FC-DenseNet67": {"growth_rate": 16, "layers_per_block": (5,) * 11},
    "FC-DenseNet103": {"growth_rate": 16, "layers_per_block": (4, 5, 7, 10, 12, 15, 12, 10, 7, 5, 4)},
}
DROPOUT = 0.2


def build_fc_densenet(x, num_classes, growth_rate, layers_per_block):
    """Builds the network.

    In the paper every layer normalizes all earlier features. The statistics of a feature are the same for each layer
    that takes it, and only the shift (beta) differs: here features are normalized once, when they are computed.

    Args:
        x: images `(B, H, W, 3)` scaled to 0..1.
        num_classes: int.
        growth_rate: int, new features of each layer.
        layers_per_block: odd number of int, layers of each dense block: encoder, bottleneck, decoder.

    Returns:
        Logits `(B, H, W, num_classes)`.
    """
    depth = len(layers_per_block) // 2
    x = layers.Conv2D(48, 3, padding="same", name="first_conv")(x)
    skips = []
    for count in layers_per_block[:depth]:
        stack, new_features = dense_block(normalized(x), count, growth_rate)
        skips.append((stack, [x, *new_features]))
        x = transition_down(stack)  # halves height and width
    _, new_features = dense_block(normalized(x), layers_per_block[depth], growth_rate)
    for count in layers_per_block[depth + 1 :]:
        skip, skipped_features = skips.pop()
        x = transition_up(new_features, skip)  # doubles height and width
        _, new_features = dense_block(layers.Concatenate()([normalized(x), skip]), count, growth_rate)
    return classifier(layers.Concatenate()([x, *skipped_features, *new_features]), num_classes)


def normalized(x):
    """Applies batch norm without factor (gamma) and shift (beta)."""
    return batch_norm(x, scale=False, center=False)


def dense_block(stack, count, growth_rate):
    """Applies `count` layers, each to the input concatenated with the features of all earlier layers.

    Args:
        stack: normalized features `(B, H, W, C)`.
        count: int, number of layers.
        growth_rate: int, new features of each layer.

    Returns:
        The whole stack, normalized, `(B, H, W, C + count * growth_rate)`, and a list of the `count` new features, not
        normalized, each `(B, H, W, growth_rate)`.
    """
    new_features = []
    for _ in range(count):
        new_features.append(shifted_conv(stack, growth_rate, 3))
        stack = layers.Concatenate()([stack, normalized(new_features[-1])])
    return stack, new_features


def shifted_conv(stack, filters, kernel_size):
    """Applies a shift, ReLU, convolution and dropout to normalized features."""
    x = layers.ReLU()(Shift()(stack))
    x = Conv2D(filters, kernel_size, padding="same")(x)
    return layers.Dropout(DROPOUT)(x)


def transition_down(stack):
    """Applies a 1x1 convolution that keeps the channels of normalized features, and 2x2 max pooling."""
    return layers.MaxPooling2D(2)(shifted_conv(stack, stack.shape[-1], 1))


def transition_up(new_features, skip):
    """Upsamples a block's new features to the height and width of `skip` by a transposed convolution."""
    x = layers.Concatenate()(new_features)
    x = layers.Conv2DTranspose(x.shape[-1], 3, strides=2, padding="same")(x)
    return resize_like(x, skip)


@keras.saving.register_keras_serializable(package="suite")
class Shift(layers.Layer):
    """Adds a trainable number to each channel: the shift of a batch norm whose input is already normalized.

    Input: `(B, H, W, C)`.
    Output: the same shape.
    """

    def build(self, input_shape):
        self.beta = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="beta")

    def call(self, inputs):
        return keras.ops.add(inputs, self.beta)

    def compute_output_shape(self, input_shape):
        return input_shape
