"""Large Kernel Matters: Improve Semantic Segmentation by Global Convolutional Network
(https://arxiv.org/abs/1703.02719, CVPR 2017).

A classifier needs a receptive field as large as the object. Each level of the frontend is therefore classified by a
15x15 kernel, separated into rows and columns to limit its cost. Residual boundary refinement units sharpen the borders
in the decoder.
"""

from keras import layers

from models.blocks import classifier, resize_like

PRESETS = {"GCN": {"filters": 21, "kernel_size": 15}}


def build_gcn(end_points, num_classes, filters, kernel_size):
    """Builds the decoder.

    Args:
        end_points: dict of the frontend's features; `pool2` to `pool5` are used.
        num_classes: int.
        filters: int, channels of every level, at least, 21 in the original suite. More classes than that raise it to
            their number, as in the paper: a narrower map could not separate the classes.
        kernel_size: int, length of the rows and columns of the global convolutions; 15 is the best in the paper.

    Returns:
        Logits `(B, H, W, num_classes)`, up to 3 rows and columns more than the image where 4 does not divide it.
    """
    filters = max(filters, num_classes)
    x = None
    for n in (5, 4, 3, 2):
        skip = boundary_refinement(global_convolution(end_points[f"pool{n}"], filters, kernel_size))
        if x is not None:
            x = boundary_refinement(layers.Add()([skip, resize_like(x, skip)]))
        x = upsample(skip if x is None else x)  # (B, H/2**(n-1), W/2**(n-1), filters)
    x = upsample(boundary_refinement(x))  # (B, H, W, filters)
    return classifier(boundary_refinement(x), num_classes)


def global_convolution(x, filters, kernel_size):
    """Global convolution: a large linear kernel as the sum of two separable ones, column-row and row-column.

    Args:
        x: tensor `(B, h, w, C)`.
        filters: int, channels of the result.
        kernel_size: int, side of the receptive field, in pixels of `x`.

    Returns:
        Tensor `(B, h, w, filters)`.
    """
    column, row = (kernel_size, 1), (1, kernel_size)
    branches = []
    for first, second in ((column, row), (row, column)):
        y = layers.Conv2D(filters, first, padding="same")(x)
        branches.append(layers.Conv2D(filters, second, padding="same")(y))
    return layers.Add()(branches)


def boundary_refinement(x):
    """Boundary refinement: adds two 3x3 convolutions to `x`, whose shape it keeps."""
    filters = x.shape[-1]
    y = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    y = layers.Conv2D(filters, 3, padding="same")(y)
    return layers.Add()([x, y])


def upsample(x):
    """Doubles height and width by a transposed convolution without activation."""
    return layers.Conv2DTranspose(x.shape[-1], 3, strides=2, padding="same")(x)
