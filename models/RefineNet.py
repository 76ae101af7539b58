"""RefineNet: Multi-Path Refinement Networks for High-Resolution Semantic Segmentation
(https://arxiv.org/abs/1611.06612, CVPR 2017).

One refinement block per level of the frontend takes the coarser block's result and the level's own features and gives
both back at the finer size. Everything in a block is a residual connection, so gradients reach every level directly.
"""

from keras import layers

from models.blocks import batch_norm, classifier, resize_like

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
    """ReLU and 3x3 convolution, twice, added to the input; keeps the shape of `x`."""
    y = x
    for _ in range(2):
        y = conv_bn(layers.ReLU()(y), x.shape[-1])
    return layers.Add()([x, y])


def conv_bn(x, filters):
    """3x3 convolution and batch norm.

    The paper has none. But dozens of convolutions without it are no stable thing to train: each step of Adam or
    RMSProp changes all of them at once, and an untrained network's loss rises from 2 to thousands in the first steps.
    """
    return batch_norm(layers.Conv2D(filters, 3, padding="same", use_bias=False)(x))


def fuse(inputs):
    """Multi-resolution fusion: the sum of all inputs, at the size and with the channels of the first.

    A single input passes unchanged, as in the paper.
    """
    if len(inputs) == 1:
        return inputs[0]
    finest = inputs[0]
    adapted = [conv_bn(x, finest.shape[-1]) for x in inputs]
    return layers.Add()([resize_like(x, finest) for x in adapted])


def chained_residual_pooling(x, count=2):
    """Spreads strong features over ever larger neighborhoods and adds all of them up.

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
        x = conv_bn(x, x.shape[-1])
        terms.append(x)
    return layers.Add()(terms)
