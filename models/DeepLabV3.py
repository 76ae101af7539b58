"""Rethinking Atrous Convolution for Semantic Image Segmentation (https://arxiv.org/abs/1706.05587, 2017).

Atrous spatial pyramid pooling: parallel dilated (atrous) convolutions with increasing rates see the features at several
scales. The mean over the image is concatenated with them. The logits are upsampled to the image in one step.
"""

from keras import layers

from models.blocks import classifier, conv_bn_relu, resize_like

PRESETS = {"DeepLabV3": {}}
RATES = (6, 12, 18)  # in pixels of features of stride 16


def build_deeplab_v3(end_points, num_classes, output_stride=None):
    """Builds the head.

    Args:
        end_points: dict of the frontend's features; `pool4`, `(B, H/16, W/16, C)`, is used, with an output stride
            `pool5`.
        num_classes: int.
        output_stride: 8 or 16, the stride of the dilated frontend's `pool5`, or None.

    Returns:
        Logits `(B, H/16, W/16, num_classes)`, or `(B, H/8, W/8, num_classes)` for an output stride of 8.
    """
    return classifier(multi_scale_features(end_points, output_stride), num_classes)


def multi_scale_features(end_points, output_stride):
    """Applies the pyramid to the features of stride 16, or of stride 8 with doubled rates (section 4.2).

    Args:
        end_points, output_stride: as in `build_deeplab_v3`.

    Returns:
        Tensor `(B, H/16, W/16, 256)`, or `(B, H/8, W/8, 256)` for an output stride of 8.
    """
    x = end_points["pool4" if output_stride is None else "pool5"]
    rates = [2 * rate for rate in RATES] if output_stride == 8 else RATES
    return atrous_spatial_pyramid_pooling(x, rates=rates)


def atrous_spatial_pyramid_pooling(x, filters=256, rates=RATES):
    """Applies atrous spatial pyramid pooling with image-level features (section 3.3).

    Args:
        x: tensor `(B, h, w, C)`.
        filters: int, channels of each branch and of the result.
        rates: sequence of int, dilation rates of the 3x3 branches, in pixels of `x`.

    Returns:
        Tensor `(B, h, w, filters)`.
    """
    branches = [image_pooling(x, filters), conv_bn_relu(x, filters, 1)]
    branches += [conv_bn_relu(x, filters, 3, dilation_rate=rate) for rate in rates]
    x = layers.Concatenate()(branches)
    return layers.Dropout(0.1)(conv_bn_relu(x, filters, 1))


def image_pooling(x, filters):
    """Applies a 1x1 convolution to the mean over the image and broadcasts it: `(B, h, w, C)` to `(B, h, w, filters)`.

    The paper's batch norm is left out. Over the single pixel of a batch of one its output would be a constant and its
    gradient zero, and its moving variance would not fit the batches of training.
    """
    pooled = layers.GlobalAveragePooling2D(keepdims=True)(x)  # (B, 1, 1, C)
    pooled = layers.Conv2D(filters, 1, activation="relu")(pooled)
    return resize_like(pooled, x)
