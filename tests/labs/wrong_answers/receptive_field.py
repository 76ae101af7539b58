"""Wrong answers of lab 4: `(task, function, part of the hint)`."""

import numpy as np

from labs.solutions.receptive_field import coverage


def product(kernel_size, dilation):
    return kernel_size * dilation


def without_first_tap(kernel_size, dilation):
    return dilation * (kernel_size - 1)


def without_strides(layers):
    return 1 + sum(dilation * (kernel - 1) for kernel, _, dilation in layers)


def stride_too_early(layers):
    field, distance = 1, 1
    for kernel, stride, dilation in layers:
        distance *= stride
        field += dilation * (kernel - 1) * distance
    return field


def without_dilation(layers):
    field, distance = 1, 1
    for kernel, stride, _ in layers:
        field += (kernel - 1) * distance
        distance *= stride
    return field


def from_zero(layers):
    field, distance = 0, 1
    for kernel, stride, dilation in layers:
        field += dilation * (kernel - 1) * distance
        distance *= stride
    return field if layers else 1


def emptied(layers):
    field, distance = 1, 1
    while layers:
        kernel, stride, dilation = layers.pop(0)
        field += dilation * (kernel - 1) * distance
        distance *= stride
    return field


def reached(rates):
    return (coverage(rates) > 0).astype(int)


def side_by_side(rates):
    largest = max(rates, default=0)
    return sum((np.pad(coverage([rate]), largest - rate) for rate in rates), np.zeros((2 * largest + 1,) * 2, int))


def without_diagonals(rates):
    paths = np.ones((1, 1), int)
    for rate in rates:
        side = len(paths)
        larger = np.zeros((side + 2 * rate,) * 2, int)
        for row, column in ((rate, rate), (0, rate), (2 * rate, rate), (rate, 0), (rate, 2 * rate)):
            larger[row : row + side, column : column + side] += paths
        paths = larger
    return paths


WRONG = [
    ("effective_kernel", product, "n - 1 distances"),
    ("effective_kernel", without_first_tap, "first tap itself is missing"),
    ("receptive_field", without_strides, "strides are ignored"),
    ("receptive_field", stride_too_early, "acts on the layers after it"),
    ("receptive_field", without_dilation, "dilation is ignored"),
    ("receptive_field", from_zero, "the pixel itself"),
    ("receptive_field", emptied, "changes its argument"),
    ("coverage", reached, "count the paths"),
    ("coverage", side_by_side, "side by side"),
    ("coverage", without_diagonals, "diagonal taps"),
]
