"""Wrong answers of lab 5: `(task, function, part of the hint)`."""

import numpy as np

from labs.graders.decoders import count


def without_biases(growth_rate, layers_per_block, num_classes):
    return count(growth_rate, layers_per_block, num_classes, bias=0)


def upsampling_everything(growth_rate, layers_per_block, num_classes):
    return count(growth_rate, layers_per_block, num_classes, full_up=True)


def without_skips(growth_rate, layers_per_block, num_classes):
    return count(growth_rate, layers_per_block, num_classes, skip=False)


def whole_batch_norms(growth_rate, layers_per_block, num_classes):
    return count(growth_rate, layers_per_block, num_classes, shift=2)


def block_without_growth(growth_rate, layers_per_block, num_classes):
    return count(growth_rate, layers_per_block, num_classes, growing=False)


def one_side(label, width):
    band = np.zeros(label.shape, bool)
    band[:, :-1] |= label[:, :-1] != label[:, 1:]
    band[:-1] |= label[:-1] != label[1:]
    return band


def wrapping(label, width):
    band = np.zeros(label.shape, bool)
    for down in range(-width, width + 1):
        for right in range(-width, width + 1):
            band |= np.roll(label, (down, right), (0, 1)) != label
    return band


def diamond(label, width):
    padded, (rows, columns) = np.pad(label, width, mode="edge"), label.shape
    band = np.zeros(label.shape, bool)
    for down in range(-width, width + 1):
        for right in range(-width + abs(down), width + 1 - abs(down)):
            moved = padded[width + down : width + down + rows, width + right : width + right + columns]
            band |= moved != label
    return band


def square(label, width):
    padded, (rows, columns) = np.pad(label, width, mode="edge"), label.shape
    band = np.zeros(label.shape, bool)
    for down in range(2 * width + 1):
        for right in range(2 * width + 1):
            band |= padded[down : down + rows, right : right + columns] != label
    return band


def ignored_as_border(label, width):
    return square(label, width) & (label != 255)


def too_narrow(label, width):
    return square(label, width - 1)


WRONG = [
    ("fc_densenet_parameters", without_biases, "biases"),
    ("fc_densenet_parameters", upsampling_everything, "only the new features"),
    ("fc_densenet_parameters", without_skips, "also take the skip"),
    ("fc_densenet_parameters", whole_batch_norms, "only the shift"),
    ("fc_densenet_parameters", block_without_growth, "all earlier layers"),
    ("border_band", one_side, "both sides"),
    ("border_band", wrapping, "edge of the image"),
    ("border_band", diamond, "square"),
    ("border_band", square, "never in the band"),
    ("border_band", ignored_as_border, "makes no border"),
    ("border_band", too_narrow, "has width 0"),
]
