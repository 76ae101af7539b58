"""Dilated frontends (output stride 8 or 16), and frontends applied to several images with shared weights.

Dilation follows Rethinking Atrous Convolution for Semantic Image Segmentation (Chen et al. 2017, 1706.05587): where the
stride would exceed the output stride it becomes 1, and all later kernels are dilated instead. The weights are those of
the published network, and the dilated one evaluates it at more positions: on images whose height and width are
multiples of 32, every second pixel (every fourth at output stride 8) of its deepest feature equals that of the
published network. Means over the image, as in squeeze-and-excitation, are the exception: they are over more positions.

For this equality each kernel must start at the same pixel as before. A 3x3 convolution of stride 2 with "same" padding
starts at the pixel itself, at stride 1 one pixel before it; therefore paddings are explicit.
"""

from typing import NamedTuple

import keras
from keras import layers

from frontends.layers import DilatedPooling

_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
_POOLINGS = {layers.MaxPooling2D: "max", layers.AveragePooling2D: "mean"}


class Grid(NamedTuple):
    """Sampling grid of a feature in the image.

    Attributes:
        stride: distance of neighboring pixels, in pixels of the image.
        dilation: distance of the pixels that are neighbors in the published network, in pixels of this grid; the
            published network's stride is `stride * dilation`.
        lead: padding before the first pixel that the next layer has to add, in pixels of the published network's grid.
    """

    stride: int = 1
    dilation: int = 1
    lead: int = 0


class Rebuilder:
    """Copies the layers of a network, with names and weights, onto images; the graph stays flat.

    The layers are copied for the first images and shared by further ones.

    Args:
        trunk: Keras model from preprocessed images to the last feature, with its weights.
        output_stride: 8 or 16, the greatest stride of the copy; None for the stride of `trunk`.
    """

    def __init__(self, trunk, output_stride=None):
        self.trunk = trunk
        self.output_stride = output_stride
        self.copies = {}  # id of an operation of the trunk -> its copy, a list of operations
        self.grids = {}  # id of a new tensor -> Grid
        self.tensors = {}  # id of a tensor of the trunk -> the new one

    def __call__(self, images):
        """Applies the copies to a Keras tensor of preprocessed images (B, H, W, 3).

        Returns:
            A dict from the ids of the trunk's tensors to Keras tensors, which descend from `images`.
        """
        self.grids = {id(images): Grid()}
        self.tensors = {}
        keras.models.clone_model(
            self.trunk,
            input_tensors=images,
            clone_function=lambda operation: operation,
            call_function=self.call_and_record,
        )
        return self.tensors

    def call_and_record(self, operation, *args, **kwargs):
        """Calls the copy of an operation of the trunk and records which of the trunk's tensors the result replaces."""
        x = self.call_copy(operation, *args, **kwargs)
        # `output` is that of the operation's first call, in the network where the features were looked up.
        self.tensors[id(operation.output)] = x
        return x

    def call_copy(self, operation, *args, **kwargs):
        """Calls the copy of an operation, which is created at the first call."""
        if isinstance(operation, keras.Sequential):  # in ConvNeXt; its layers are copied one by one
            (x,) = args
            for layer in operation.layers:
                x = self.call_copy(layer, x)
            return x
        grid = self.grid_of(args, kwargs)
        is_new = id(operation) not in self.copies
        if is_new:
            self.copies[id(operation)] = copy_operation(operation, grid, self.output_stride)
        *padding, last = self.copies[id(operation)]
        for layer in padding:
            args = (layer(*args),)
        x = last(*args, **kwargs)
        if is_new and getattr(operation, "weights", None):
            copy_weights(operation, last)
        self.grids[id(x)] = next_grid(operation, grid, self.output_stride)
        return x

    def grid_of(self, args, kwargs):
        """Returns the Grid of an operation's inputs, which is the same for all of them."""
        return next(self.grids[id(x)] for x in keras.tree.flatten((args, kwargs)) if id(x) in self.grids)


def copy_operation(operation, grid, output_stride):
    """Copies an operation, with its name, for inputs on a grid; weights are not copied.

    Args:
        operation: layer of the published network, or an operation such as the sum of two tensors.
        grid: Grid of its input.
        output_stride: greatest stride in pixels, or None for any.

    Returns:
        A list: a padding layer if one is needed, then the copy.
    """
    config = operation.get_config()
    if grid.stride == output_stride:
        if isinstance(operation, layers.ZeroPadding2D):  # the next layer pads, by an amount that depends on its kernel
            return [layers.Identity(name=operation.name, dtype=config["dtype"])]
        if isinstance(operation, _CONVOLUTIONS):
            return dilated_convolution(operation, config, grid)
        if isinstance(operation, tuple(_POOLINGS)):
            return [
                DilatedPooling(
                    _POOLINGS[type(operation)],
                    operation.pool_size[0],
                    grid.dilation,
                    leading_padding(operation, grid),
                    name=operation.name,
                    dtype=config["dtype"],
                )
            ]
    return [type(operation).from_config(config)]


def dilated_convolution(layer, config, grid):
    """Builds a convolution with stride 1 and dilation, which keeps height and width.

    Args:
        layer: Conv2D, DepthwiseConv2D or SeparableConv2D with a square kernel.
        config: its configuration.
        grid: Grid of its input.

    Returns:
        A list: a ZeroPadding2D if "same" would pad unlike the published network, then the convolution.
    """
    kernel = layer.kernel_size[0]
    before = leading_padding(layer, grid) * grid.dilation
    after = (kernel - 1) * grid.dilation - before
    config |= {"strides": 1, "dilation_rate": grid.dilation, "padding": "same" if before == after else "valid"}
    convolution = type(layer).from_config(config)
    if before == after:
        return [convolution]
    sides = ((before, after), (before, after))
    return [layers.ZeroPadding2D(sides, name=f"{layer.name}_atrous_pad", dtype=config["dtype"]), convolution]


def leading_padding(layer, grid):
    """Computes the padding before the first pixel for a convolution or pooling, not dilated.

    For "same" padding it assumes that height and width are multiples of the stride.
    """
    if layer.padding == "valid":
        return grid.lead
    return max(window_size(layer) - layer.strides[0], 0) // 2


def window_size(layer):
    """Returns the side of the window of a convolution or pooling, in pixels."""
    return layer.kernel_size[0] if isinstance(layer, _CONVOLUTIONS) else layer.pool_size[0]


def next_grid(operation, grid, output_stride):
    """Computes the Grid of the output of an operation of the published network, and of its copy."""
    if isinstance(operation, layers.ZeroPadding2D):
        return grid._replace(lead=operation.padding[0][0])
    strides = operation.strides[0] if isinstance(operation, (*_CONVOLUTIONS, *_POOLINGS)) else 1
    if grid.stride == output_stride:
        return Grid(grid.stride, grid.dilation * strides)
    return Grid(grid.stride * strides)


def copy_weights(layer, to):
    """Copies the weights of a layer to another layer of the same class."""
    to.set_weights(layer.get_weights())
    if isinstance(to, layers.Normalization):
        to.finalize_state()
