"""Wrong answers of lab 2: `(task, function, part of the hint)`."""

import numpy as np
from keras import layers

from models.blocks import conv_bn_relu, resize_like


def rounded_down(size, kernel_size, stride, padding):
    return size // stride if padding == "same" else (size - kernel_size) // stride + 1


def always_same(size, kernel_size, stride, padding):
    return -(-size // stride)


def without_first(size, kernel_size, stride, padding):
    return -(-size // stride) if padding == "same" else (size - kernel_size) // stride


def interpolated(image, height, width, places_of, clip=True):
    for axis, size in ((0, height), (1, width)):
        old = image.shape[axis]
        places = places_of(old, size)
        below = np.floor(places).astype(int)
        share = (places - below).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        above = np.clip(below + 1, 0, old - 1)
        below = np.clip(below, 0, old - 1) if clip else below
        image = (1 - share) * np.take(image, below, axis) + share * np.take(image, above, axis)
    return image


def aligned_corners(image, height, width):
    return interpolated(image, height, width, lambda old, new: np.arange(new) * ((old - 1) / max(new - 1, 1)))


def without_half_pixels(image, height, width):
    return interpolated(image, height, width, lambda old, new: np.arange(new) * old / new)


def not_clipped(image, height, width):
    return interpolated(image, height, width, lambda old, new: (np.arange(new) + 0.5) * old / new - 0.5, clip=False)


def nearest(image, height, width):
    rows, columns = (np.arange(height) + 0.5) * len(image) / height, (np.arange(width) + 0.5) * image.shape[1] / width
    return image[rows.astype(int)][:, columns.astype(int)]


def exchanged(image, height, width):
    return np.zeros((width, height, image.shape[2]))


def added(x, skip, filters):
    return conv_bn_relu(conv_bn_relu(layers.Add()([resize_like(x, skip), skip]), filters), filters)


def without_skip(x, skip, filters):
    return conv_bn_relu(conv_bn_relu(resize_like(x, skip), filters), filters)


def skip_made_smaller(x, skip, filters):
    return conv_bn_relu(conv_bn_relu(layers.Concatenate()([x, resize_like(skip, x)]), filters), filters)


def doubled(x, skip, filters):
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    return conv_bn_relu(conv_bn_relu(layers.Concatenate()([x, skip]), filters), filters)


def one_convolution(x, skip, filters):
    return conv_bn_relu(layers.Concatenate()([resize_like(x, skip), skip]), filters)


WRONG = [
    ("output_size", rounded_down, "rounds up"),
    ("output_size", always_same, "pads nothing"),
    ("output_size", without_first, "add 1"),
    ("resize_bilinear", aligned_corners, "corners are aligned"),
    ("resize_bilinear", without_half_pixels, "the image moves"),
    ("resize_bilinear", not_clipped, "border pixel"),
    ("resize_bilinear", nearest, "nearest pixel"),
    ("resize_bilinear", exchanged, "rows and columns are exchanged"),
    ("merge", added, "concatenates them"),
    ("merge", without_skip, "left out"),
    ("merge", skip_made_smaller, "skip was made smaller"),
    ("merge", doubled, "matching shapes"),
    ("merge", one_convolution, "two 3x3 convolutions"),
]
