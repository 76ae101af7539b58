"""Full-Resolution Residual Networks for Semantic Segmentation in Street Scenes
(https://arxiv.org/abs/1611.08323, CVPR 2017).

Two parallel streams. The residual stream keeps the full resolution for sharp borders; the pooling stream is an
encoder-decoder with a large receptive field. Every unit of the pooling stream takes the residual stream, pooled to its
own size, and adds its output back to it.
"""

from keras import layers

from models.blocks import batch_norm, batch_norm_relu, classifier, resize_like

# Stages of the pooling stream: stride, channels of the units, number of units.
_DOWN = ((2, 96, 3), (4, 192, 4), (8, 384, 2), (16, 384, 2))
_UP = ((8, 192, 2), (4, 192, 2), (2, 96, 2))
PRESETS = {
    "FRRN-A": {"stages": _DOWN + _UP},
    "FRRN-B": {"stages": _DOWN + ((32, 384, 2), (16, 192, 2)) + _UP},
}
STEM_FILTERS = 48
RESIDUAL_FILTERS = 32


def build_frrn(x, num_classes, stages):
    """Builds the network.

    Args:
        x: images `(B, H, W, 3)` scaled to 0..1.
        num_classes: int.
        stages: tuples `(stride, filters, count)`, the stages of the pooling stream in order.

    Returns:
        Logits `(B, H, W, num_classes)`.
    """
    x = batch_norm_relu(layers.Conv2D(STEM_FILTERS, 5, padding="same")(x), scale=False)
    for _ in range(3):
        x = residual_unit(x, STEM_FILTERS)
    residual = layers.Conv2D(RESIDUAL_FILTERS, 1)(x)
    previous_stride = 1
    for stride, filters, count in stages:
        if stride > previous_stride:
            x = layers.MaxPooling2D(2)(x)
        for _ in range(count):
            x, residual = full_resolution_residual_unit(x, residual, filters, stride)
        previous_stride = stride
    x = layers.Concatenate()([resize_like(x, residual), residual])  # (B, H, W, 128)
    for _ in range(3):
        x = residual_unit(x, STEM_FILTERS)
    return classifier(x, num_classes)


def residual_unit(x, filters):
    """Adds two 3x3 convolutions to the input: `(B, H, W, C)` to `(B, H, W, filters)`.

    There is no identity where C differs from `filters`, as in the first unit after the streams are concatenated.
    """
    shortcut = x
    x = batch_norm_relu(layers.Conv2D(filters, 3, padding="same")(x), scale=False)
    x = batch_norm(layers.Conv2D(filters, 3, padding="same")(x), scale=False)
    return layers.Add()([shortcut, x]) if shortcut.shape[-1] == filters else x


def full_resolution_residual_unit(x, residual, filters, stride):
    """Full-resolution residual unit (FRRU): updates both streams from both (figure 2 of the paper).

    Args:
        x: pooling stream `(B, h, w, C)`; resized to the pooled residual stream if it comes from a greater stride.
        residual: residual stream `(B, H, W, 32)`.
        filters: int, channels of the pooling stream after this unit.
        stride: int, stride of the pooling stream.

    Returns:
        Pooling stream `(B, H/stride, W/stride, filters)` and residual stream `(B, H, W, 32)`.
    """
    pooled = layers.MaxPooling2D(stride)(residual)
    x = layers.Concatenate()([resize_like(x, pooled), pooled])
    for _ in range(2):
        x = batch_norm_relu(layers.Conv2D(filters, 3, padding="same")(x), scale=False)
    update = resize_like(layers.Conv2D(RESIDUAL_FILTERS, 1)(x), residual, "nearest")
    return x, layers.Add()([residual, update])
