"""Dense Decoder Shortcut Connections for Single-Pass Semantic Segmentation
(https://openaccess.thecvf.com/content_cvpr_2018/html/Bilinski_Dense_Decoder_Shortcut_CVPR_2018_paper.html, CVPR 2018).

The decoder goes from stride 32 to stride 4, and each of its levels receives the results of all coarser levels, not only
of the previous one. ResNeXt blocks, whose 3x3 convolutions have 32 groups, adapt the frontend's features and compute
the decoder's. A chain of four 5x5 poolings gives every level context of four sizes. The authors published no code: this
follows the paper where it is specific, with the widths of the original suite.
"""

import keras
import numpy as np
from keras import layers, ops

from models.blocks import batch_norm_relu, classifier, resize_like

PRESETS = {"DDSC": {"filters": (1024, 512, 256, 128)}}
CARDINALITY = 32


def build_ddsc(end_points, num_classes, filters):
    """Builds the decoder.

    Args:
        end_points: dict of the frontend's features; `pool2` to `pool5` are used.
        num_classes: int.
        filters: four int, channels at strides 32, 16, 8 and 4.

    Returns:
        Logits `(B, H/4, W/4, num_classes)`.
    """
    decoded = []  # results of the coarser levels, coarsest first
    for n, count in zip((5, 4, 3, 2), filters):
        x = encoder_adaptation(end_points[f"pool{n}"], count)  # (B, H / 2**n, W / 2**n, count)
        x = dense_shortcuts(x, decoded, count)
        decoded.append(semantic_features(x, count))
    return classifier(batch_norm_relu(decoded[-1]), num_classes)


def encoder_adaptation(x, filters):
    """Adapts a frontend feature `(B, h, w, C)` to the decoder's width: `(B, h, w, filters)`."""
    x = pre_activation_conv(x, filters)
    for _ in range(3):
        x = resnext_block(x)
    return pre_activation_conv(x, filters)


def dense_shortcuts(x, coarser, filters):
    """Adds all coarser levels to a level, each through its own convolution and resized to this level.

    Args:
        x: tensor `(B, h, w, filters)`, this level's adapted feature.
        coarser: list of the decoder's results at all coarser levels; if it is empty, `x` is returned unchanged.
        filters: int, channels of the sum.

    Returns:
        Tensor `(B, h, w, filters)`.
    """
    if not coarser:
        return x
    shortcuts = [resize_like(pre_activation_conv(level, filters), x) for level in coarser]
    return layers.Add()([pre_activation_conv(x, filters), *shortcuts])


def semantic_features(x, filters):
    """Semantic feature generation: contexts of four sizes, each pooled from the previous one, then ResNeXt blocks.

    There is no batch norm between the first pooling and the fusion of the contexts. The widest context covers 17
    pixels, which at stride 32 are 544 pixels of the image, so it is nearly constant over an image: batch norm would
    turn it into 0 for a batch of one, and into 1 and -1 for a batch of two, whatever the images.

    Args:
        x: tensor `(B, h, w, filters)`.
        filters: int, channels of the result; each of the four contexts has a quarter of them.

    Returns:
        Tensor `(B, h, w, filters)`.
    """
    x, contexts = batch_norm_relu(x), []
    for _ in range(4):
        x = conv_relu(x, filters)
        x = layers.MaxPooling2D(5, strides=1, padding="same")(x)
        contexts.append(conv_relu(x, filters // 4))
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(layers.Concatenate()(contexts))
    for _ in range(4):
        x = resnext_block(x)
    return pre_activation_conv(x, filters)


def conv_relu(x, filters):
    """Applies a 3x3 convolution with bias and ReLU."""
    return layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)


def resnext_block(x):
    """Adds a bottleneck of half the channels, whose 3x3 convolution has 32 groups, to `x` `(B, h, w, C)`."""
    filters = x.shape[-1]
    y = pre_activation_conv(x, filters // 2, 1)
    y = batch_norm_relu(y)
    y = GroupedConv2D(filters // 2, 3, groups=CARDINALITY, padding="same", use_bias=False)(y)
    y = pre_activation_conv(y, filters, 1)
    return layers.Add()([x, y])


def pre_activation_conv(x, filters, kernel_size=3):
    """Applies batch norm, ReLU and a convolution without bias."""
    return layers.Conv2D(filters, kernel_size, padding="same", use_bias=False)(batch_norm_relu(x))


@keras.saving.register_keras_serializable(package="suite")
class GroupedConv2D(layers.Conv2D):
    """`keras.layers.Conv2D` with many narrow `groups` that trains fast on every backend.

    On a CPU the gradient of TensorFlow's grouped convolution takes 20 to 140 times as long as this layer's (version
    2.21; that of a depthwise convolution, summed over each group, is as slow under XLA). This layer computes several
    groups as one dense convolution, whose kernel is zero between different groups: more multiplications, but fast
    ones. Arguments, weights and results are those of `Conv2D`.
    """

    channels_at_once = 128  # 64 take as long but double the nodes in the graph

    def convolution_op(self, inputs, kernel):
        """Convolves `(B, h, w, C)` with a kernel `(k, k, C / groups, filters)`, both split into equal parts."""
        parts = max(1, self.filters // self.channels_at_once)
        while self.groups % parts:
            parts -= 1
        together = self.groups // parts
        width, new_width = kernel.shape[2], self.filters // self.groups
        mask = np.kron(np.eye(together), np.ones((width, new_width)))  # 1 where input and output share a group
        mask = ops.convert_to_tensor(mask, dtype=kernel.dtype)
        results = [
            super(GroupedConv2D, self).convolution_op(part, ops.tile(part_kernel, (1, 1, together, 1)) * mask)
            for part, part_kernel in zip(ops.split(inputs, parts, axis=-1), ops.split(kernel, parts, axis=-1))
        ]
        return ops.concatenate(results, axis=-1)
