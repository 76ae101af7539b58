"""BiSeNet: Bilateral Segmentation Network for Real-time Semantic Segmentation
(https://arxiv.org/abs/1808.00897, ECCV 2018).

Two paths in parallel. The spatial path, three convolutions down to stride 8, keeps the detail; the context path, a
frontend that may downsample fast, provides a large receptive field. Channel attention (one factor per channel, from
the mean over the image) refines the context and weights the two paths where they are fused.
"""

from keras import layers

from models.blocks import auxiliary_classifier, classifier, conv_bn_relu, resize_like
from models.DeepLabV3 import image_pooling

PRESETS = {"BiSeNet": {}}


def build_bisenet(end_points, num_classes):
    """Builds the spatial path and the decoder.

    Args:
        end_points: dict of the frontend's features; `pool4`, `(B, H/16, W/16, C)`, `pool5`, `(B, H/32, W/32, C)`, and
            the `images` `(B, H, W, 3)` scaled to 0..1 are used.
        num_classes: int.

    Returns:
        Logits `(B, H/8, W/8, num_classes)`; and a dict of the heads "context_8" and "context_16", logits at strides 8
        and 16.
    """
    spatial = spatial_path(end_points["images"])  # (B, H/8, W/8, 256)
    context_16, context_8 = context_path(end_points["pool4"], end_points["pool5"], spatial)
    x = feature_fusion(spatial, context_8)
    heads = {
        "context_8": auxiliary_classifier(context_8, num_classes, 256, "context_8_logits"),
        "context_16": auxiliary_classifier(context_16, num_classes, 256, "context_16_logits"),
    }
    return classifier(x, num_classes), heads


def spatial_path(images):
    """Applies three convolutions of stride 2 (section 3.1).

    Args:
        images: tensor `(B, H, W, 3)` scaled to 0..1.

    Returns:
        Tensor `(B, H/8, W/8, 256)`.
    """
    x = images
    for filters in (64, 128, 256):
        x = conv_bn_relu(x, filters, 3, strides=2)
    return x


def context_path(pool4, pool5, like, filters=128):
    """Sums context from coarse to fine: the mean over the image, refined stride 32, refined stride 16 (section 3.2).

    Args:
        pool4, pool5: tensors `(B, H/16, W/16, C)` and `(B, H/32, W/32, C)`.
        like: tensor `(B, H/8, W/8, any)`, the size of the second result.
        filters: int, channels of the results.

    Returns:
        Tensors `(B, H/16, W/16, filters)` and `(B, H/8, W/8, filters)`.
    """
    x = layers.Add()([attention_refinement(pool5, filters), image_pooling(pool5, filters)])
    context_16 = conv_bn_relu(resize_like(x, pool4), filters, 3)  # (B, H/16, W/16, filters)
    x = layers.Add()([attention_refinement(pool4, filters), context_16])
    context_8 = conv_bn_relu(resize_like(x, like), filters, 3)  # (B, H/8, W/8, filters)
    return context_16, context_8


def attention_refinement(x, filters):
    """Attention refinement module: a 3x3 convolution to `filters` channels, each scaled by its channel attention."""
    x = conv_bn_relu(x, filters, 3)
    return layers.Multiply()([x, channel_gate(x)])


def feature_fusion(spatial, context, filters=256):
    """Feature fusion module: fuses the paths by a convolution and residual channel attention (section 3.3).

    Args:
        spatial, context: tensors `(B, h, w, any)`.
        filters: int, channels of the result.

    Returns:
        Tensor `(B, h, w, filters)`.
    """
    x = conv_bn_relu(layers.Concatenate()([spatial, context]), filters, 1)
    return layers.Add()([x, layers.Multiply()([x, channel_gate(x, hidden=True)])])


def channel_gate(x, hidden=False):
    """Channel attention: computes one factor in 0..1 per channel from the means over the image.

    The 1x1 convolutions have a bias and no batch norm. Over the single pixel of a batch of one, batch norm would output
    a constant whatever the image.

    Args:
        x: tensor `(B, h, w, C)`.
        hidden: bool, whether a convolution with ReLU precedes the one with the sigmoid.

    Returns:
        Tensor `(B, 1, 1, C)`.
    """
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    if hidden:
        gate = layers.Conv2D(x.shape[-1], 1, activation="relu")(gate)
    return layers.Conv2D(x.shape[-1], 1, activation="sigmoid")(gate)
