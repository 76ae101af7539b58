"""RefineNet: Multi-Path Refinement Networks for High-Resolution Semantic Segmentation
(https://arxiv.org/abs/1611.06612, CVPR 2017).

One refinement block per level of the frontend takes the coarser block's result and the level's own features and gives
both back at the finer size. Everything in a block is a residual connection, so gradients reach every level directly.
"""

from keras import layers

from models.blocks import classifier, resize_like

PRESETS = {"RefineNet": {}}


def build_refinenet(end_points, num_classes):
    """Builds the head.

    Args:
        end_points: dict of the frontend's features; `pool2` to `pool5` are used.
        num_classes: int.

    Returns:
        Logits `(B, H/4, W/4, num_classes)`.
    """
    x = None
    for n, filters in ((5, 512), (4, 256), (3, 256), (2, 256)):
        level = layers.Conv2D(filters, 1)(end_points[f"pool{n}"])  # (B, H/2**n, W/2**n, filters)
        x = refinement_block([level] if x is None else [level, x])
    x = residual_conv_unit(residual_conv_unit(x))
    return classifier(x, num_classes)


def refinement_block(inputs):
    """A RefineNet block (figure 2 of the paper).

    Args:
        inputs: list of one or more tensors `(B, h, w, C)`, the first with the greatest height and width and the
            fewest channels.

    Returns:
        Tensor of the shape of the first input.
    """
    x = fuse([residual_conv_unit(residual_conv_unit(x)) for x in inputs])
    return residual_conv_unit(chained_residual_pooling(x))


def residual_conv_unit(x):
    """ReLU and 3x3 convolution, twice, added to the input; keeps the shape of `x`.

    There is no batch norm, as in the paper. With Keras's usual initialization the many residual branches then add up
    to a first loss of about 25, and above 100 at the second step of Adam (rate 1e-4, untrained MobileNet). With
    zeros in the last kernel each unit begins as the identity and grows from there: 1.8, then 6.
    """
    filters = x.shape[-1]
    y = layers.Conv2D(filters, 3, padding="same")(layers.ReLU()(x))
    y = layers.Conv2D(filters, 3, padding="same", kernel_initializer="zeros")(layers.ReLU()(y))
    return layers.Add()([x, y])


def fuse(inputs):
    """Multi-resolution fusion: the sum of all inputs, at the size and with the channels of the first.

    A single input passes unchanged, as in the paper.
    """
    if len(inputs) == 1:
        return inputs[0]
    finest = inputs[0]
    adapted = [layers.Conv2D(finest.shape[-1], 3, padding="same")(x) for x in inputs]
    return layers.Add()([resize_like(x, finest) for x in adapted])


def chained_residual_pooling(x, count=2):
    """Spreads strong features over ever larger neighborhoods and adds all of them up; begins as a ReLU.

    Args:
        x: tensor `(B, h, w, C)`.
        count: int, poolings; each sees 4 pixels more.

    Returns:
        Tensor `(B, h, w, C)`.
    """
    x = layers.ReLU()(x)
    terms = [x]
    for _ in range(count):
        x = layers.MaxPooling2D(5, strides=1, padding="same")(x)
        x = layers.Conv2D(x.shape[-1], 3, padding="same", kernel_initializer="zeros")(x)
        terms.append(x)
    return layers.Add()(terms)
