"""Learning a Discriminative Feature Network for Semantic Segmentation (https://arxiv.org/abs/1804.09337, CVPR 2018).

Two networks on one frontend. The smooth network avoids inconsistent labels inside an object: from the mean over the
image down to stride 4, channel attention weights each level by the coarser one. The border network is an auxiliary head
that learns the borders between classes, which teaches the frontend to separate neighboring classes.
"""

from keras import layers

from models.blocks import classifier, conv_bn_relu, resize_like
from models.DeepLabV3 import image_pooling

PRESETS = {"DFN": {"filters": 512, "border_filters": 21}}


def build_dfn(end_points, num_classes, filters, border_filters):
    """Builds the smooth and the border network.

    Args:
        end_points: dict of the frontend's features; `pool2` to `pool5` are used.
        num_classes: int.
        filters: int, channels of the smooth network.
        border_filters: int, channels of the border network.

    Returns:
        Logits `(B, H/4, W/4, num_classes)`; and a dict of the heads: the logits "smooth_32", "smooth_16" and "smooth_8"
        of the coarser levels at their own strides, and "border", `(B, H/4, W/4, 4)`.
    """
    heads = {}
    x = image_pooling(end_points["pool5"], filters)  # (B, H/32, W/32, filters)
    for n in (5, 4, 3, 2):
        skip = refinement_residual(end_points[f"pool{n}"], filters)  # (B, H/2**n, W/2**n, filters)
        x = channel_attention(skip, resize_like(x, skip))
        x = refinement_residual(x, filters)
        if n > 2:
            head = f"smooth_{2**n}"
            heads[head] = classifier(x, num_classes, f"{head}_logits")
    heads["border"] = border_network(end_points, border_filters)
    return classifier(x, num_classes), heads


def channel_attention(x, upper):
    """Channel attention block: scales a level's channels by the means of both levels, and adds the coarser level.

    Args:
        x: tensor `(B, h, w, C)`.
        upper: tensor `(B, h, w, C)`, the coarser level resized to `x`.

    Returns:
        Tensor `(B, h, w, C)`.
    """
    filters = x.shape[-1]
    attention = layers.GlobalAveragePooling2D(keepdims=True)(layers.Concatenate()([x, upper]))  # (B, 1, 1, 2 * C)
    attention = layers.Dense(filters, activation="relu")(attention)
    attention = layers.Dense(filters, activation="sigmoid")(attention)
    return layers.Add()([layers.Multiply()([x, attention]), upper])


def refinement_residual(x, filters):
    """Refinement residual block: a 1x1 convolution to `filters` channels, then a residual unit of two 3x3 ones."""
    x = layers.Conv2D(filters, 1, use_bias=False)(x)
    y = conv_bn_relu(x, filters, 3)
    y = layers.Conv2D(filters, 3, padding="same")(y)
    return layers.ReLU()(layers.Add()([x, y]))


def border_network(end_points, filters):
    """Sums the frontend's levels from fine to coarse and predicts class borders after each of them.

    Args:
        end_points: dict of the frontend's features.
        filters: int, channels of each level.

    Returns:
        Logits `(B, H/4, W/4, 4)`, float32: one prediction per level.
    """
    x, predictions = None, []
    for n in (2, 3, 4, 5):
        level = refinement_residual(end_points[f"pool{n}"], filters)
        # (B, H/4, W/4, filters)
        x = level if x is None else refinement_residual(layers.Add()([x, resize_like(level, x)]), filters)
        predictions.append(classifier(x, 1, f"border_{2**n}_logits"))
    return layers.Concatenate(dtype="float32", name="border_logits")(predictions)
