"""Rethinking Atrous Convolution for Semantic Image Segmentation (https://arxiv.org/abs/1706.05587, 2017).

Parallel convolutions with growing holes see the same features at several scales, and the mean over the whole image
joins them. The result is upsampled by 16 in one step.
"""

from keras import layers

from models.blocks import classifier, conv_bn_relu, resize_like

PRESETS = {"DeepLabV3": {}}


def build_deeplab_v3(end_points, num_classes):
    """Builds the head.

    Args:
        end_points: dict of the frontend's features; `pool4`, `(B, H/16, W/16, C)`, is used.
        num_classes: int.

    Returns:
        Logits `(B, H/16, W/16, num_classes)`.
    """
    return classifier(atrous_spatial_pyramid_pooling(end_points["pool4"]), num_classes)


def atrous_spatial_pyramid_pooling(x, filters=256, rates=(6, 12, 18)):
    """Atrous spatial pyramid pooling with image-level features (section 3.3).

    Args:
        x: tensor `(B, h, w, C)`.
        filters: int, channels of each branch and of the result.
        rates: dilation rates of the 3x3 branches, in pixels of `x`.

    Returns:
        Tensor `(B, h, w, filters)`.
    """
    branches = [image_pooling(x, filters), conv_bn_relu(x, filters, 1)]
    branches += [conv_bn_relu(x, filters, 3, dilation_rate=rate) for rate in rates]
    x = layers.Concatenate()(branches)
    return layers.Dropout(0.1)(conv_bn_relu(x, filters, 1))


def image_pooling(x, filters):
    """The mean over the image, through a 1x1 convolution, spread over the map again.

    Without the paper's batch norm: over the single pixel of a batch of one its output would be a constant and its
    gradient zero, and its moving variance would be nothing like the one of training.
    """
    pooled = layers.GlobalAveragePooling2D(keepdims=True)(x)  # (B, 1, 1, C)
    pooled = layers.Conv2D(filters, 1, activation="relu")(pooled)
    return resize_like(pooled, x)
