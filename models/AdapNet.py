"""AdapNet: Adaptive Semantic Segmentation in Adverse Environmental Conditions
(https://doi.org/10.1109/ICRA.2017.7989540, ICRA 2017).

A pre-activation ResNet-50 with a greatest stride of 16. Its multiscale units see the features at two scales: half of
the channels of their 3x3 convolution have one dilation rate, the other half another, up to 16. As in the original
suite, the network is not pretrained, and resizing replaces the transposed convolutions.
"""

from keras import layers

from models.blocks import batch_norm_relu, classifier, resize_like

PRESETS = {"AdapNet": {}}


def build_adapnet(x, num_classes):
    """Builds the network.

    Args:
        x: images `(B, H, W, 3)` scaled to 0..1.
        num_classes: int.

    Returns:
        Logits `(B, H/8, W/8, num_classes)`. The original suite classifies after the last resizing. Both steps are
        linear and the weights of a resizing sum to 1, so the result is equal at 1/64 of the cost.
    """
    x = conv(x, 64, 3)
    x = conv(x, 64, 7, strides=2)
    x = layers.MaxPooling2D(2)(x)  # (B, H/4, W/4, 64)
    x = unit(x, 64, 256, project=True)
    for _ in range(2):
        x = unit(x, 64, 256)
    x = unit(x, 128, 512, strides=2, project=True)  # (B, H/8, W/8, 512)
    for _ in range(2):
        x = unit(x, 128, 512)
    skip = conv(x, num_classes, 1)
    x = multiscale_unit(x, 128, 512, 64, (1, 2))
    x = unit(x, 256, 1024, strides=2, project=True)  # (B, H/16, W/16, 1024)
    x = unit(x, 256, 1024)
    for dilation_rate in (2, 4, 8, 16):
        x = multiscale_unit(x, 256, 1024, 64, (1, dilation_rate))
    x = multiscale_unit(x, 512, 2048, 512, (2, 4), project=True)
    for dilation_rate in (8, 16):
        x = multiscale_unit(x, 512, 2048, 512, (2, dilation_rate))
    x = conv(x, num_classes, 1)
    x = layers.Add()([resize_like(x, skip), skip])  # (B, H/8, W/8, num_classes)
    return classifier(x, num_classes)


def unit(x, filters, out_filters, strides=1, project=False):
    """Adds a bottleneck of a 1x1, a 3x3 and a 1x1 convolution to its input.

    Args:
        x: tensor `(B, H, W, C)`.
        filters: int, channels of the first two convolutions.
        out_filters: int, channels of the result; must equal C unless `project`.
        strides: int, strides of the first convolution; more than 1 only with `project`.
        project: bool, whether the shortcut is a 1x1 convolution instead of the identity.

    Returns:
        Tensor `(B, H/strides, W/strides, out_filters)`.
    """
    y = conv(x, filters, 1, strides)
    y = conv(y, filters, 3)
    y = conv(y, out_filters, 1)
    shortcut = conv(x, out_filters, 1, strides) if project else x
    return layers.Add()([shortcut, y])


def multiscale_unit(x, filters, out_filters, middle_filters, dilation_rates, project=False):
    """Adds a bottleneck whose 3x3 convolution is split between two dilation rates to its input.

    Args:
        x, out_filters, project: as in `unit`.
        filters: int, channels of the first convolution.
        middle_filters: int, channels of both 3x3 convolutions together, half of them for each rate.
        dilation_rates: pair of int, in pixels of `x`.

    Returns:
        Tensor `(B, H, W, out_filters)`.
    """
    y = conv(x, filters, 1)
    y = layers.Concatenate()([conv(y, middle_filters // 2, 3, dilation_rate=rate) for rate in dilation_rates])
    y = conv(y, out_filters, 1)
    shortcut = conv(x, out_filters, 1) if project else x
    return layers.Add()([shortcut, y])


def conv(x, filters, kernel_size, strides=1, dilation_rate=1):
    """Applies batch norm without gamma, ReLU and a convolution with bias, also to the image."""
    x = batch_norm_relu(x, scale=False)
    return layers.Conv2D(filters, kernel_size, strides=strides, dilation_rate=dilation_rate, padding="same")(x)
