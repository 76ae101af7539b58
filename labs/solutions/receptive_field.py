"""Solutions of lab 4: effective kernel, receptive field, coverage of dilated convolutions."""

import numpy as np


def effective_kernel(kernel_size, dilation):
    """Computes how many features a dilated kernel spans."""
    return dilation * (kernel_size - 1) + 1


def receptive_field(layers):
    """Computes the receptive field of a chain of convolutions."""
    field, distance = 1, 1
    for kernel_size, stride, dilation in layers:
        field += (effective_kernel(kernel_size, dilation) - 1) * distance
        distance *= stride
    return field


def coverage(rates):
    """Counts the paths through a chain of dilated 3x3 convolutions."""
    paths = np.ones((1, 1), int)
    for rate in rates:
        side = len(paths)
        larger = np.zeros((side + 2 * rate, side + 2 * rate), int)
        for row in (0, rate, 2 * rate):
            for column in (0, rate, 2 * rate):
                larger[row : row + side, column : column + side] += paths
        paths = larger
    return paths
