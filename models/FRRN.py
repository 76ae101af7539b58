"""Full-Resolution Residual Networks for Semantic Segmentation in Street Scenes
(https://arxiv.org/abs/1611.08323, CVPR 2017).

Two streams side by side. The residual lane keeps the full resolution, and with it the borders; the pooling stream goes
down and up again, and with it the network sees what is where. Every unit of the pooling stream reads the lane, pooled
to its own size, and adds what it found back to it.
"""

from keras import layers

from models.blocks import batch_norm, batch_norm_relu, classifier, resize_like

# Of each stage of the pooling stream: its stride, the channels of its units, their number.
_DOWN = ((2, 96, 3), (4, 192, 4), (8, 384, 2), (16, 384, 2))
_UP = ((8, 192, 2), (4, 192, 2), (2, 96, 2))
PRESETS = {
    "FRRN-A": {"stages": _DOWN + _UP},
    "FRRN-B": {"stages": _DOWN + ((32, 384, 2), (16, 192, 2)) + _UP},
}
STEM_FILTERS = 48
LANE_FILTERS = 32


def build_frrn(x, num_classes, stages):
    """Builds the network.

    Args:
        x: images `(B, H, W, 3)` scaled to 0..1.
        num_classes: int.
        stages: `(stride, filters, count)` of each stage of the pooling stream, in order.

    Returns:
        Logits `(B, H, W, num_classes)`.
    """
    x = batch_norm_relu(layers.Conv2D(STEM_FILTERS, 5, padding="same")(x), scale=False)
    for _ in range(3):
        x = residual_unit(x, STEM_FILTERS)
    lane = layers.Conv2D(LANE_FILTERS, 1)(x)
    earlier = 1
    for stride, filters, count in stages:
        if stride > earlier:
            x = layers.MaxPooling2D(2)(x)
        for _ in range(count):
            x, lane = full_resolution_residual_unit(x, lane, filters, stride)
        earlier = stride
    x = layers.Concatenate()([resize_like(x, lane), lane])  # (B, H, W, 128)
    for _ in range(3):
        x = residual_unit(x, STEM_FILTERS)
    return classifier(x, num_classes)


def residual_unit(x, filters):
    """Two 3x3 convolutions and the identity, `(B, H, W, filters)`.

    Without the identity where the number of channels changes, which is in the one unit after the streams are joined.
    """
    shortcut = x
    x = batch_norm_relu(layers.Conv2D(filters, 3, padding="same")(x), scale=False)
    x = batch_norm(layers.Conv2D(filters, 3, padding="same")(x), scale=False)
    return layers.Add()([shortcut, x]) if shortcut.shape[-1] == filters else x


def full_resolution_residual_unit(x, lane, filters, stride):
    """Reads both streams and writes both.

    Args:
        x: pooling stream `(B, h, w, C)`; brought to the size of the pooled lane if it comes from a greater stride.
        lane: residual lane `(B, H, W, 32)`.
        filters: int, channels of the pooling stream after this unit.
        stride: int, of the pooling stream.

    Returns:
        Pooling stream `(B, H/stride, W/stride, filters)` and lane `(B, H, W, 32)`.
    """
    pooled = layers.MaxPooling2D(stride)(lane)
    x = layers.Concatenate()([resize_like(x, pooled), pooled])
    for _ in range(2):
        x = batch_norm_relu(layers.Conv2D(filters, 3, padding="same")(x), scale=False)
    found = resize_like(layers.Conv2D(LANE_FILTERS, 1)(x), lane, "nearest")
    return x, layers.Add()([lane, found])
