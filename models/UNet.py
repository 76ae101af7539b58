"""U-Net: Convolutional Networks for Biomedical Image Segmentation (https://arxiv.org/abs/1505.04597, MICCAI 2015).

The baseline of all encoder-decoder networks: five levels down and up again, where each level of the decoder is
concatenated with the encoder features of the same resolution. Unlike those of the paper, the convolutions are padded,
so that the output has the size of the image, and have batch norm.
"""

from keras import layers

from models.blocks import classifier, conv_bn_relu, resize_like

PRESETS = {
    "UNet": {"widths": (64, 128, 256, 512, 1024)},
    # Narrower than the paper's 512 to 64: the levels of a frontend are wide, and the finest levels cost the most.
    "UNet-Frontend": {"widths": (256, 128, 64, 32, 16)},
}


def build_unet(x, num_classes, widths):
    """Builds the network without a frontend.

    Args:
        x: images `(B, H, W, 3)` scaled to 0..1.
        num_classes: int.
        widths: five int, channels of each level from fine to coarse.

    Returns:
        Logits `(B, H, W, num_classes)`.
    """
    skips = []
    for filters in widths[:-1]:
        x = double_convolution(x, filters)
        skips.append(x)
        x = layers.MaxPooling2D(2, padding="same")(x)  # halves height and width
    x = double_convolution(x, widths[-1])  # (B, H/16, W/16, 1024)
    for filters in reversed(widths[:-1]):
        x = up(x, filters, skips.pop())  # doubles height and width
    return classifier(x, num_classes)


def build_unet_on_frontend(end_points, num_classes, widths):
    """Builds the decoder on a frontend.

    Args:
        end_points: dict of the frontend's features; `pool2` to `pool5` and, where it exists, `pool1` are used.
        num_classes: int.
        widths: five int, channels of each level of the decoder, from stride 16 to stride 1.

    Returns:
        Logits `(B, H, W, num_classes)`, up to a few rows and columns more or less than the image if its size is odd.
    """
    x = end_points["pool5"]
    for n, filters in zip((4, 3, 2, 1, 0), widths):
        x = up(x, filters, end_points.get(f"pool{n}"))  # (B, H/2**n, W/2**n, filters)
    return classifier(x, num_classes)


def double_convolution(x, filters):
    """Applies two 3x3 convolutions with batch norm and ReLU."""
    return conv_bn_relu(conv_bn_relu(x, filters, 3), filters, 3)


def up(x, filters, skip=None):
    """Doubles height and width by a transposed convolution, concatenates the skip, if any, and convolves twice.

    Args:
        x: tensor `(B, h, w, C)`.
        filters: int, channels of the result.
        skip: tensor `(B, H, W, any)` or None, with H and W about 2 * h and 2 * w.

    Returns:
        Tensor `(B, H, W, filters)`.
    """
    x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
    if skip is not None:
        x = layers.Concatenate()([skip, resize_like(x, skip)])
    return double_convolution(x, filters)
