"""Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation
(https://arxiv.org/abs/1802.02611, ECCV 2018).

DeepLabV3 with a small decoder: the output of the pyramid is upsampled and concatenated with the features of stride 4,
which have sharp edges.
"""

from keras import layers

from models.blocks import classifier, conv_bn_relu, resize_like
from models.DeepLabV3 import multi_scale_features

PRESETS = {"DeepLabV3_plus": {}}


def build_deeplab_v3_plus(end_points, num_classes, output_stride=None):
    """Builds the head.

    Args:
        end_points: dict of the frontend's features; `pool2`, `(B, H/4, W/4, C)`, and `pool4`, `(B, H/16, W/16, C)`,
            are used, with an output stride `pool5` instead of `pool4`.
        num_classes: int.
        output_stride: 8 or 16, the stride of the dilated frontend's `pool5`, or None.

    Returns:
        Logits `(B, H/4, W/4, num_classes)`.
    """
    # 48 channels: few enough not to outweigh the 256 of the pyramid (section 4.1).
    low_level = conv_bn_relu(end_points["pool2"], 48, 1)
    x = multi_scale_features(end_points, output_stride)
    x = resize_like(x, low_level)  # (B, H/4, W/4, 256)
    x = layers.Concatenate()([x, low_level])
    x = conv_bn_relu(x, 256, 3)
    x = conv_bn_relu(x, 256, 3)
    return classifier(x, num_classes)
