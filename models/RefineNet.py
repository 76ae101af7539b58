"""RefineNet: Multi-Path Refinement Networks for High-Resolution Semantic Segmentation
(https://arxiv.org/abs/1611.06612, CVPR 2017).

One refinement block per level of the frontend fuses the coarser block's output with the features of its level, at the
finer size. All parts of a block are residual, so gradients reach every level directly.
"""

from keras import layers

from models.blocks import batch_norm, classifier, resize_like

PRESETS = {"RefineNet": {}}


def build_refinenet(end_points, num_classes):
    """Builds the decoder.

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
    """Applies a RefineNet block (figure 2 of the paper).

    Args:
        inputs: list of one or more tensors `(B, h, w, C)`, the first with the greatest height and width and the
            fewest channels.

    Returns:
        Tensor with the shape of the first input.
    """
    x = fuse([residual_conv_unit(residual_conv_unit(x)) for x in inputs])
    return residual_conv_unit(chained_residual_pooling(x))


def residual_conv_unit(x):
    """Adds two 3x3 convolutions, each after ReLU, to `x`, whose shape it keeps."""
    y = x
    for _ in range(2):
        y = conv_bn(layers.ReLU()(y), x.shape[-1])
    return layers.Add()([x, y])


def conv_bn(x, filters):
    """Applies a 3x3 convolution and batch norm.

    The paper has no batch norm. Without it the dozens of convolutions train unstably: every step of Adam or RMSProp
    changes all of them, and the loss of an untrained network rises from 2 to thousands in the first steps.
    """
    return batch_norm(layers.Conv2D(filters, 3, padding="same", use_bias=False)(x))


def fuse(inputs):
    """Multi-resolution fusion: sums all inputs, at the size and with the channels of the first.

    A single input is returned unchanged, as in the paper.
    """
    if len(inputs) == 1:
        return inputs[0]
    finest = inputs[0]
    adapted = [conv_bn(x, finest.shape[-1]) for x in inputs]
    return layers.Add()([resize_like(x, finest) for x in adapted])


def chained_residual_pooling(x, count=2):
    """Chained residual pooling: sums the features max-pooled over increasingly large windows.

    Args:
        x: tensor `(B, h, w, C)`.
        count: int, number of poolings; each widens the window by 4 pixels.

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
