"""Rebuilds a network on other images: with a smaller stride (dilated, "a trous"), or several times with shared weights.

Dilation is that of Rethinking Atrous Convolution for Semantic Image Segmentation (Chen et al. 2017, 1706.05587): where
the stride would grow beyond the output stride it stays, and all kernels from there on look at pixels that are further
apart. The weights are those of the ordinary network, which the dilated one repeats at more places: on images whose
height and width are multiples of 32, every second pixel (every fourth at output stride 8) of its deepest feature is
what the ordinary network has there. Means over the image, as of squeeze-and-excitation, are then over more places.

For that each kernel must begin where it did. A 3x3 convolution of stride 2 with "same" padding begins at the pixel, not
before it, which "same" at stride 1 does not do; so paddings are written out.
"""

from typing import NamedTuple

import keras
from keras import layers

from frontends.layers import DilatedPooling

_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
_POOLINGS = {layers.MaxPooling2D: "max", layers.AveragePooling2D: "mean"}


class Grid(NamedTuple):
    """How the pixels of a feature lie in the image.

    Attributes:
        stride: distance of neighboring pixels, in pixels of the image.
        dilation: how many of them make one step of the ordinary network; its stride is `stride * dilation`.
        lead: padding before the first pixel that the next layer has to add, in steps of the ordinary network.
    """

    stride: int = 1
    dilation: int = 1
    lead: int = 0


class Rebuilder:
    """Copies the layers of a network, with names and weights, onto images; the graph stays flat.

    The copies are made for the first images and used again for further ones.

    Args:
        trunk: Keras model from preprocessed images to the last feature, with its weights.
        output_stride: 8 or 16, the greatest stride of the copy; None for that of `trunk`.
    """

    def __init__(self, trunk, output_stride=None):
        self.trunk = trunk
        self.output_stride = output_stride
        self.copies = {}  # id of an operation of the trunk -> its copy, a list of operations
        self.grids = {}  # id of a new tensor -> Grid
        self.tensors = {}  # id of a tensor of the trunk -> the new one

    def __call__(self, images):
        """Runs the copies on a Keras tensor of preprocessed images (B, H, W, 3).

        Returns:
            A dict from the ids of the trunk's tensors to Keras tensors, which descend from `images`.
        """
        self.grids = {id(images): Grid()}
        self.tensors = {}
        keras.models.clone_model(
            self.trunk,
            input_tensors=images,
            clone_function=lambda operation: operation,
            call_function=self.call_and_note,
        )
        return self.tensors

    def call_and_note(self, operation, *args, **kwargs):
        """Calls the copy of one operation of the trunk and notes which of its tensors the result stands for."""
        x = self.call_copy(operation, *args, **kwargs)
        # `output` is that of the operation's first call, in the network where the features were looked up.
        self.tensors[id(operation.output)] = x
        return x

    def call_copy(self, operation, *args, **kwargs):
        """Calls the copy of one operation, which is made if there is none yet."""
        if isinstance(operation, keras.Sequential):  # In ConvNeXt. Its layers are taken one by one.
            (x,) = args
            for layer in operation.layers:
                x = self.call_copy(layer, x)
            return x
        grid = self.grid_of(args, kwargs)
        known = id(operation) in self.copies
        if not known:
            self.copies[id(operation)] = copy(operation, grid, self.output_stride)
        *padding, last = self.copies[id(operation)]
        for layer in padding:
            args = (layer(*args),)
        x = last(*args, **kwargs)
        if not known and getattr(operation, "weights", None):
            copy_weights(operation, last)
        self.grids[id(x)] = next_grid(operation, grid, self.output_stride)
        return x

    def grid_of(self, args, kwargs):
        """Returns the Grid of an operation's inputs; where there are several, they have the same."""
        return next(self.grids[id(x)] for x in keras.tree.flatten((args, kwargs)) if id(x) in self.grids)


def copy(operation, grid, output_stride):
    """Makes a new operation of the same name that does the same on its grid; weights are not copied.

    Args:
        operation: layer of the ordinary network, or an operation such as the sum of two tensors.
        grid: Grid of what goes into it.
        output_stride: greatest stride in pixels, or None for any.

    Returns:
        A list: the operation, and before it a layer that pads if one is needed.
    """
    config = operation.get_config()
    if grid.stride == output_stride:
        if isinstance(operation, layers.ZeroPadding2D):  # Left to the next layer, which knows how much there has to be.
            return [layers.Identity(name=operation.name, dtype=config["dtype"])]
        if isinstance(operation, _CONVOLUTIONS):
            return dilated_convolution(operation, config, grid)
        if isinstance(operation, tuple(_POOLINGS)):
            return [
                DilatedPooling(
                    _POOLINGS[type(operation)],
                    operation.pool_size[0],
                    grid.dilation,
                    lead(operation, grid),
                    name=operation.name,
                    dtype=config["dtype"],
                )
            ]
    return [type(operation).from_config(config)]


def dilated_convolution(layer, config, grid):
    """The same convolution with stride 1 and dilation, which keeps height and width.

    Args:
        layer: Conv2D, DepthwiseConv2D or SeparableConv2D with a square kernel.
        config: its configuration.
        grid: Grid of what goes into it.

    Returns:
        A list: the convolution, and before it a ZeroPadding2D if "same" would not pad as the ordinary network does.
    """
    kernel = layer.kernel_size[0]
    before = lead(layer, grid) * grid.dilation
    after = (kernel - 1) * grid.dilation - before
    config |= {"strides": 1, "dilation_rate": grid.dilation, "padding": "same" if before == after else "valid"}
    convolution = type(layer).from_config(config)
    if before == after:
        return [convolution]
    sides = ((before, after), (before, after))
    return [layers.ZeroPadding2D(sides, name=f"{layer.name}_atrous_pad", dtype=config["dtype"]), convolution]


def lead(layer, grid):
    """How many steps before a pixel of its output the window of a convolution or pooling begins, not dilated.

    With "same" padding this is so where the height and width are multiples of the stride.
    """
    if layer.padding == "valid":
        return grid.lead
    return max(window_size(layer) - layer.strides[0], 0) // 2


def window_size(layer):
    return layer.kernel_size[0] if isinstance(layer, _CONVOLUTIONS) else layer.pool_size[0]


def next_grid(operation, grid, output_stride):
    """Returns the Grid of what comes out of an operation of the ordinary network, or of its copy."""
    if isinstance(operation, layers.ZeroPadding2D):
        return grid._replace(lead=operation.padding[0][0])
    strides = operation.strides[0] if isinstance(operation, (*_CONVOLUTIONS, *_POOLINGS)) else 1
    if grid.stride == output_stride:
        return Grid(grid.stride, grid.dilation * strides)
    return Grid(grid.stride * strides)


def copy_weights(layer, to):
    """Gives a layer the weights of another one of the same kind."""
    to.set_weights(layer.get_weights())
    if isinstance(to, layers.Normalization):
        to.finalize_state()
