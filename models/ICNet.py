"""ICNet for Real-Time Semantic Segmentation on High-Resolution Images
(https://arxiv.org/abs/1704.08545, ECCV 2018).

A cascade of images: the deep part of the frontend sees the image at a quarter of its size only, its first stages see
half the size with the same weights, and three convolutions see the whole. Each step of the cascade refines the coarse
meaning by finer features, and is trained to be right by itself.

The paper dilates the frontend, so that its last feature has stride 32 of the whole image. Without dilation, which not
every frontend can have, the quarter's stride-16 feature takes its place, brought to that size.
"""

from keras import layers

from models.blocks import batch_norm, classifier, conv_bn_relu, resize_like
from models.PSPNet import AdaptiveAveragePooling

PRESETS = {"ICNet": {}}


def build_icnet(end_points, num_classes):
    """Builds the cascade.

    Args:
        end_points: list of two dicts of the frontend's features, of the image at half and at a quarter of its size,
            `(B, H/2, W/2, 3)` and `(B, H/4, W/4, 3)`; both have the whole `images` `(B, H, W, 3)` scaled to 0..1.
            The half's `pool3`, `(B, H/16, W/16, C)`, is used, and the quarter's `pool3` for its size and `pool4`.
        num_classes: int.

    Returns:
        Logits `(B, H/4, W/4, num_classes)` and the heads: "cascade_8" and "cascade_16", logits of the coarse
        features that enter the fusions at strides 8 and 16.
    """
    half, quarter = end_points
    stride_4, stride_8 = full_size_branch(half["images"])
    x = resize_like(quarter["pool4"], quarter["pool3"])  # (B, H/32, W/32, C)
    x = conv_bn_relu(summed_pyramid(x), 256, 1)
    x, cascade_16 = cascade_feature_fusion(x, half["pool3"], num_classes, "cascade_16_logits")
    x, cascade_8 = cascade_feature_fusion(x, stride_8, num_classes, "cascade_8_logits")
    heads = {"cascade_8": cascade_8, "cascade_16": cascade_16}
    # Classified before the paper's last upsampling: the result is the same, and a quarter of the work.
    return resize_like(classifier(x, num_classes), stride_4, dtype="float32"), heads


def full_size_branch(images):
    """Three convolutions of stride 2.

    Returns:
        Tensors `(B, H/4, W/4, 32)` and `(B, H/8, W/8, 64)`.
    """
    stride_2 = conv_bn_relu(images, 32, 3, strides=2)
    stride_4 = conv_bn_relu(stride_2, 32, 3, strides=2)
    stride_8 = conv_bn_relu(stride_4, 64, 3, strides=2)
    return stride_4, stride_8


def summed_pyramid(x, bins=(1, 2, 3, 6)):
    """PSPNet's pyramid pooling for speed: the means over each grid of regions are added to the feature, not stacked.

    Args:
        x: tensor `(B, h, w, C)`.
        bins: regions along each side of the image.

    Returns:
        Tensor `(B, h, w, C)`.
    """
    return layers.Add()([x] + [resize_like(AdaptiveAveragePooling(count)(x), x) for count in bins])


def cascade_feature_fusion(low, high, num_classes, name, filters=128):
    """Cascade feature fusion (section 3.3): coarse features, upsampled, guide finer ones.

    Args:
        low: tensor `(B, h/2, w/2, any)`, coarse.
        high: tensor `(B, h, w, any)`, fine.
        num_classes: int.
        name: str, of the logits.
        filters: int, channels of the result.

    Returns:
        Tensor `(B, h, w, filters)` and logits `(B, h, w, num_classes)` of the upsampled `low` alone.
    """
    low = resize_like(low, high)
    logits = classifier(low, num_classes, name)
    # Dilation 2: after doubling, neighbors are nearly the same; this reaches the next real one.
    low = batch_norm(layers.Conv2D(filters, 3, dilation_rate=2, padding="same", use_bias=False)(low))
    high = batch_norm(layers.Conv2D(filters, 1, use_bias=False)(high))
    return layers.ReLU()(layers.Add()([low, high])), logits
