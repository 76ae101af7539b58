"""ICNet for Real-Time Semantic Segmentation on High-Resolution Images
(https://arxiv.org/abs/1704.08545, ECCV 2018).

An image cascade: the deep part of the frontend processes the image at a quarter of its size, its first stages process
half the size with shared weights, and three convolutions process the full size. Each step of the cascade refines coarse
semantics by finer features and has its own auxiliary loss.

The paper dilates the frontend, so that its last feature has stride 32 in the full image. Not every frontend supports
dilation, so the stride-16 feature of the quarter-size image replaces it, resized to stride 32 of the full image.
"""

from keras import layers

from models.blocks import batch_norm, classifier, conv_bn_relu, resize_like
from models.PSPNet import AdaptiveAveragePooling

PRESETS = {"ICNet": {}}


def build_icnet(end_points, num_classes):
    """Builds the branches and fusions of the cascade.

    Args:
        end_points: list of two dicts of the frontend's features, of the image at half and at a quarter of its size,
            `(B, H/2, W/2, 3)` and `(B, H/4, W/4, 3)`; both hold the full-size `images` `(B, H, W, 3)` scaled to 0..1.
            `pool3` of the half size, `(B, H/16, W/16, C)`, is used, and of the quarter size `pool4` and the height and
            width of `pool3`.
        num_classes: int.

    Returns:
        Logits `(B, H/4, W/4, num_classes)`; and a dict of the heads "cascade_8" and "cascade_16", logits of the coarse
        inputs of the fusions at strides 8 and 16.
    """
    half, quarter = end_points
    stride_4, stride_8 = full_size_branch(half["images"])
    x = resize_like(quarter["pool4"], quarter["pool3"])  # (B, H/32, W/32, C)
    x = conv_bn_relu(summed_pyramid(x), 256, 1)
    x, cascade_16 = cascade_feature_fusion(x, half["pool3"], num_classes, "cascade_16_logits")
    x, cascade_8 = cascade_feature_fusion(x, stride_8, num_classes, "cascade_8_logits")
    heads = {"cascade_8": cascade_8, "cascade_16": cascade_16}
    # Classified before the paper's last upsampling: the result is equal at a quarter of the cost.
    return resize_like(classifier(x, num_classes), stride_4, dtype="float32"), heads


def full_size_branch(images):
    """Applies three convolutions of stride 2.

    Args:
        images: tensor `(B, H, W, 3)` scaled to 0..1.

    Returns:
        Tensors `(B, H/4, W/4, 32)` and `(B, H/8, W/8, 64)`.
    """
    stride_2 = conv_bn_relu(images, 32, 3, strides=2)
    stride_4 = conv_bn_relu(stride_2, 32, 3, strides=2)
    stride_8 = conv_bn_relu(stride_4, 64, 3, strides=2)
    return stride_4, stride_8


def summed_pyramid(x, bins=(1, 2, 3, 6)):
    """Applies PSPNet's pyramid pooling with the means over each grid of regions added, not concatenated, for speed.

    Args:
        x: tensor `(B, h, w, C)`.
        bins: sequence of int, regions per side of each grid.

    Returns:
        Tensor `(B, h, w, C)`.
    """
    return layers.Add()([x] + [resize_like(AdaptiveAveragePooling(count)(x), x) for count in bins])


def cascade_feature_fusion(low, high, num_classes, name, filters=128):
    """Cascade feature fusion: adds upsampled coarse features to finer ones (section 3.3).

    Args:
        low: coarse tensor `(B, h/2, w/2, any)`.
        high: fine tensor `(B, h, w, any)`.
        num_classes: int.
        name: str, name of the logits' layer.
        filters: int, channels of the result.

    Returns:
        Tensor `(B, h, w, filters)` and logits `(B, h, w, num_classes)` of the upsampled `low` alone.
    """
    low = resize_like(low, high)
    logits = classifier(low, num_classes, name)
    # Dilation 2: after upsampling by 2, direct neighbors are nearly equal.
    low = batch_norm(layers.Conv2D(filters, 3, dilation_rate=2, padding="same", use_bias=False)(low))
    high = batch_norm(layers.Conv2D(filters, 1, use_bias=False)(high))
    return layers.ReLU()(layers.Add()([low, high])), logits
