"""LinkNet: Exploiting Encoder Representations for Efficient Semantic Segmentation
(https://arxiv.org/abs/1707.03718, VCIP 2017).

A light decoder for real-time use: each decoder block doubles height and width in a bottleneck of a quarter of the
channels, and its output is added to the encoder features of that size. Adding, instead of concatenating as in U-Net,
keeps the decoder as narrow as the encoder. The paper's encoder is ResNet-18; here it is any frontend, whose `pool1` the
last decoder block reaches: the final block then doubles height and width once instead of twice.
"""

from keras import layers

from models.blocks import batch_norm_relu, conv_bn_relu, resize_like

PRESETS = {"LinkNet": {"filters": 64, "final_filters": 32}}


def build_linknet(end_points, num_classes, filters, final_filters):
    """Builds the decoder.

    Args:
        end_points: dict of the frontend's features; `pool2` to `pool5` and, where it exists, `pool1` are used.
        num_classes: int.
        filters: int, channels at a stride where the frontend has no feature.
        final_filters: int, channels of the final block.

    Returns:
        Logits `(B, H, W, num_classes)`, up to a few rows and columns more or less than the image if its size is odd.
    """
    x = end_points["pool5"]
    for n in (4, 3, 2, 1):
        skip = end_points.get(f"pool{n}")
        x = decoder_block(x, filters if skip is None else skip.shape[-1])  # (B, H/2**n, W/2**n, C of the skip)
        if skip is not None:
            x = layers.Add()([resize_like(x, skip), skip])
    return final_block(x, num_classes, final_filters)


def decoder_block(x, filters):
    """Doubles height and width by a full convolution (transposed convolution) between two 1x1 convolutions (figure 3).

    Args:
        x: tensor `(B, h, w, C)`.
        filters: int, channels of the result.

    Returns:
        Tensor `(B, 2 * h, 2 * w, filters)`.
    """
    bottleneck = x.shape[-1] // 4
    x = conv_bn_relu(x, bottleneck, 1)
    x = layers.Conv2DTranspose(bottleneck, 3, strides=2, padding="same", use_bias=False)(x)
    return conv_bn_relu(batch_norm_relu(x), filters, 1)


def final_block(x, num_classes, filters):
    """Classifies at twice the height and width: a 3x3 convolution, then a 2x2 full convolution to logits, float32."""
    x = conv_bn_relu(x, filters, 3)
    return layers.Conv2DTranspose(num_classes, 2, strides=2, dtype="float32", name="logits")(x)
