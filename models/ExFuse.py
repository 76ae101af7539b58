"""ExFuse: Enhancing Feature Fusion for Semantic Segmentation (https://arxiv.org/abs/1804.03821, ECCV 2018).

Fusing low-level and high-level features helps little while the low levels lack semantics and the high levels lack
resolution. Here the low levels are multiplied by the higher ones (semantic embedding), the coarsest level trades
channels for resolution (channel resolution embedding), and each position also predicts its neighbors (densely adjacent
prediction), all on the decoder of GCN. Auxiliary heads classify each stage of the frontend. The paper's changes to the
frontend and to its ImageNet training (layer rearrangement, semantic supervision before the transfer) are left out.
"""

import keras
from keras import layers, ops

from models.blocks import batch_norm, classifier, resize_like
from models.GCN import boundary_refinement, global_convolution, upsample

PRESETS = {"ExFuse": {"filters": 21, "kernel_size": 7}}


def build_exfuse(end_points, num_classes, filters, kernel_size):
    """Builds the decoder.

    Args:
        end_points: dict of the frontend's features; `pool2` to `pool5` are used.
        num_classes: int.
        filters: int, channels of every level, at least; more classes than that raise it to their number, as in GCN.
        kernel_size: int, length of the rows and columns of the global convolutions.

    Returns:
        Logits `(B, H/2, W/2, num_classes)`; and a dict of the heads "encoder_8", "encoder_16" and "encoder_32", logits
        of the frontend's stages at their own strides.
    """
    filters = max(filters, num_classes)
    x = boundary_refinement(global_convolution(end_points["pool5"], filters, kernel_size))
    x = channel_resolution_embedding(x)  # (B, H/16, W/16, filters)
    for n in (4, 3, 2):
        skip = semantic_embedding(end_points[f"pool{n}"], [end_points[f"pool{m}"] for m in range(n + 1, 6)])
        skip = boundary_refinement(global_convolution(skip, filters, kernel_size))
        x = boundary_refinement(layers.Add()([skip, resize_like(x, skip)]))
        x = upsample(x)  # (B, H/2**(n-1), W/2**(n-1), filters)
    heads = {}
    for n in (3, 4, 5):
        head = f"encoder_{2**n}"
        heads[head] = classifier(end_points[f"pool{n}"], num_classes, f"{head}_logits")
    return adjacent_prediction(boundary_refinement(x), num_classes), heads


def semantic_embedding(x, higher):
    """Semantic embedding branch: multiplies a low level by all higher levels (section 3.3).

    The higher levels have a batch norm, which the paper does not mention: without one the scale of a product of up to
    four features is unbounded.

    Args:
        x: tensor `(B, h, w, C)`.
        higher: list of coarser features, `(B, h', w', any)`.

    Returns:
        Tensor `(B, h, w, C)`.
    """
    factors = [x]
    for level in higher:
        level = layers.Conv2D(x.shape[-1], 3, padding="same", use_bias=False)(level)
        factors.append(resize_like(batch_norm(level), x))
    return layers.Multiply()(factors)


def channel_resolution_embedding(x):
    """Doubles height and width: a convolution to four times the channels, then depth to space (section 3.4)."""
    x = layers.Conv2D(4 * x.shape[-1], 3, padding="same")(x)
    return DepthToSpace(2)(x)


def adjacent_prediction(x, num_classes):
    """Averages the logits that each position and its eight neighbors predict for it, float32 (section 3.5)."""
    x = classifier(x, 9 * num_classes, "adjacent_logits")
    return GatherAdjacent(dtype="float32", name="logits")(x)


@keras.saving.register_keras_serializable(package="suite")
class DepthToSpace(layers.Layer):
    """Rearranges groups of channels into squares of pixels.

    Args:
        block_size: int, side of the squares.

    Input: `(B, h, w, block_size**2 * C)`.
    Output: `(B, block_size * h, block_size * w, C)`.
    """

    def __init__(self, block_size, **kwargs):
        super().__init__(**kwargs)
        self.block_size = block_size
        self.built = True

    def call(self, x):
        return ops.depth_to_space(x, self.block_size)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (None if size is None else size * self.block_size for size in (height, width))
        return (batch, height, width, channels // self.block_size**2)

    def get_config(self):
        return {**super().get_config(), "block_size": self.block_size}


@keras.saving.register_keras_serializable(package="suite")
class GatherAdjacent(layers.Layer):
    """Averages the predictions of a pixel and its eight neighbors for that pixel.

    The channels are nine groups of C: group 3 * row + column at (i, j) is the prediction for the pixel at
    (i + 1 - row, j + 1 - column). At the border of the image the mean is over the existing neighbors.

    Input: `(B, h, w, 9 * C)`.
    Output: `(B, h, w, C)`.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.built = True

    def call(self, x):
        channels = x.shape[-1] // 9
        groups = [x[..., index * channels : (index + 1) * channels] for index in range(9)]
        return self.add_shifted(groups) / self.add_shifted([ops.ones_like(x[:1, :, :, :1])] * 9)

    def add_shifted(self, groups):
        """Sums nine maps `(B, h, w, C)`, map 3 * row + column shifted up by row - 1 and left by column - 1 pixels."""
        total = 0.0
        for index, group in enumerate(groups):
            row, column = divmod(index, 3)
            padded = ops.pad(group, [[0, 0], [1, 1], [1, 1], [0, 0]])
            total = total + padded[:, row : row - 2 or None, column : column - 2 or None]
        return total

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] // 9)
