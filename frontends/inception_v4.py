"""Inception-v4, the only frontend of the original suite that `keras.applications` does not provide.

Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning, https://arxiv.org/abs/1602.07261
(Szegedy et al., AAAI 2017). Three kinds of Inception cells, more uniform than those of Inception-v3, without residual
connections. Convolutions follow the authors' TF-slim code: no bias, batch normalization without scale, ReLU.
"""

import keras
from keras import layers


def build_inception_v4(images):
    """Builds the network without its classifier.

    Args:
        images: Keras tensor (B, H, W, 3), float, -1..1. H and W at least 75, or `None`.

    Returns:
        A Keras model from the inputs of `images` to the last feature, about (B, H/32, W/32, 1536).
    """
    x = stem(images)  # (B, H/8, W/8, 384)
    for letter in "bcde":
        x = inception_a(x, f"mixed_5{letter}")
    x = reduction_a(x, "mixed_6a")  # (B, H/16, W/16, 1024)
    for letter in "bcdefgh":
        x = inception_b(x, f"mixed_6{letter}")
    x = reduction_b(x, "mixed_7a")  # (B, H/32, W/32, 1536)
    for letter in "bcd":
        x = inception_c(x, f"mixed_7{letter}")
    return keras.Model(keras.utils.get_source_inputs(images), x, name="inception_v4")


def stem(x):
    """Stem, from images to (B, H/8, W/8, 384); unpadded convolutions, as in the reductions only."""
    x = conv(x, 32, 3, "stem_conv1", strides=2, padding="valid")
    x = conv(x, 32, 3, "stem_conv2", padding="valid")
    x = conv(x, 64, 3, "stem_conv3")  # (B, H/2, W/2, 64)
    pooled = max_pool(x, "mixed_3a_branch1_pool")
    x = concatenate([pooled, conv(x, 96, 3, "mixed_3a_branch2_conv", strides=2, padding="valid")], "mixed_3a")
    short = conv(x, 64, 1, "mixed_4a_branch1_conv1")
    short = conv(short, 96, 3, "mixed_4a_branch1_conv2", padding="valid")
    long = chain(x, [(64, 1), (64, (1, 7)), (64, (7, 1))], "mixed_4a_branch2")
    long = conv(long, 96, 3, "mixed_4a_branch2_conv4", padding="valid")
    x = concatenate([short, long], "mixed_4a")  # (B, H/4, W/4, 192)
    x_strided = conv(x, 192, 3, "mixed_5a_branch1_conv", strides=2, padding="valid")
    return concatenate([x_strided, max_pool(x, "mixed_5a_branch2_pool")], "mixed_5a")


def inception_a(x, name):
    """Inception-A (figure 4 of the paper), 384 channels in and out."""
    branches = [
        chain(x, [(96, 1)], f"{name}_branch1"),
        chain(x, [(64, 1), (96, 3)], f"{name}_branch2"),
        chain(x, [(64, 1), (96, 3), (96, 3)], f"{name}_branch3"),
        chain(average_pool(x, f"{name}_branch4_pool"), [(96, 1)], f"{name}_branch4"),
    ]
    return concatenate(branches, name)


def reduction_a(x, name):
    """Reduction-A (figure 7), stride 2, 384 to 1024 channels."""
    long = chain(x, [(192, 1), (224, 3)], f"{name}_branch2")
    branches = [
        conv(x, 384, 3, f"{name}_branch1_conv", strides=2, padding="valid"),
        conv(long, 256, 3, f"{name}_branch2_conv3", strides=2, padding="valid"),
        max_pool(x, f"{name}_branch3_pool"),
    ]
    return concatenate(branches, name)


def inception_b(x, name):
    """Inception-B (figure 5), 1024 channels in and out."""
    long = [(192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7))]
    branches = [
        chain(x, [(384, 1)], f"{name}_branch1"),
        chain(x, [(192, 1), (224, (1, 7)), (256, (7, 1))], f"{name}_branch2"),
        chain(x, long, f"{name}_branch3"),
        chain(average_pool(x, f"{name}_branch4_pool"), [(128, 1)], f"{name}_branch4"),
    ]
    return concatenate(branches, name)


def reduction_b(x, name):
    """Reduction-B (figure 8), stride 2, 1024 to 1536 channels."""
    short = chain(x, [(192, 1)], f"{name}_branch1")
    long = chain(x, [(256, 1), (256, (1, 7)), (320, (7, 1))], f"{name}_branch2")
    branches = [
        conv(short, 192, 3, f"{name}_branch1_conv2", strides=2, padding="valid"),
        conv(long, 320, 3, f"{name}_branch2_conv4", strides=2, padding="valid"),
        max_pool(x, f"{name}_branch3_pool"),
    ]
    return concatenate(branches, name)


def inception_c(x, name):
    """Inception-C (figure 6), 1536 channels in and out; two of its branches end in two parallel convolutions."""
    short = chain(x, [(384, 1)], f"{name}_branch2")
    long = chain(x, [(384, 1), (448, (3, 1)), (512, (1, 3))], f"{name}_branch3")
    branches = [
        chain(x, [(256, 1)], f"{name}_branch1"),
        conv(short, 256, (1, 3), f"{name}_branch2_left"),
        conv(short, 256, (3, 1), f"{name}_branch2_right"),
        conv(long, 256, (1, 3), f"{name}_branch3_left"),
        conv(long, 256, (3, 1), f"{name}_branch3_right"),
        chain(average_pool(x, f"{name}_branch4_pool"), [(256, 1)], f"{name}_branch4"),
    ]
    return concatenate(branches, name)


def chain(x, convs, name):
    """Applies a chain of convolutions, given as pairs (filters, kernel size); numbers their names if several."""
    for number, (filters, kernel_size) in enumerate(convs, start=1):
        x = conv(x, filters, kernel_size, f"{name}_conv{number if len(convs) > 1 else ''}")
    return x


def conv(x, filters, kernel_size, name, strides=1, padding="same"):
    """Applies a convolution, batch normalization and ReLU; the ReLU is the layer called `name`."""
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_kernel",
    )(x)
    x = layers.BatchNormalization(scale=False, epsilon=0.001, name=f"{name}_norm")(x)
    return layers.ReLU(name=name)(x)


def max_pool(x, name):
    """Applies unpadded 3x3 max pooling with stride 2."""
    return layers.MaxPooling2D(3, strides=2, padding="valid", name=name)(x)


def average_pool(x, name):
    """Applies padded 3x3 average pooling with stride 1."""
    return layers.AveragePooling2D(3, strides=1, padding="same", name=name)(x)


def concatenate(branches, name):
    """Concatenates the channels of the branches of a cell."""
    return layers.Concatenate(name=name)(branches)
