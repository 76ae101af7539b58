"""Graders of lab 5: parameters of FC-DenseNet, and the band along borders."""

import numpy as np

from labs.checks import AnswerError
from labs.graders.compare import as_array, expect

NETWORKS = (  # growth rate, layers of each block, classes, trainable parameters of the network that models/ builds
    (12, (4,) * 11, 12, 1_366_404),
    (16, (5,) * 11, 12, 3_443_692),
    (16, (4, 5, 7, 10, 12, 15, 12, 10, 7, 5, 4), 12, 9_270_812),
)
SMALL = ((4, (1,), 2), (4, (2,), 3), (5, (1, 2, 3), 4), (8, (2, 3, 4, 3, 2), 11))
MISTAKES = (
    ({"bias": 0}, "the biases of the convolutions are missing: each has one number for every output channel"),
    ({"shift": 0}, "the shifts are missing: each layer of a block and each transition down shifts every input channel"),
    ({"shift": 2}, "this counts factor and shift of a batch norm: here a layer has only the shift of each channel"),
    ({"full_up": True}, "transition up takes only the new features of the block below, count * growth_rate of them"),
    ({"skip": False}, "the blocks of the decoder also take the skip: its channels are concatenated to the upsampled"),
    ({"growing": False}, "each layer of a block takes the features of all earlier layers of the block too"),
    ({"new_classifier": True}, "the classifier takes the whole stack of the last block, not only its new features"),
    ({"up_size": 2}, "the transposed convolution of transition up is 3x3"),
    ({"down_size": 3}, "the convolution of transition down is 1x1"),
    ({"first": 3}, "the first convolution, from 3 to 48 channels, is missing"),
)


def count(
    growth_rate,
    layers,
    classes,
    bias=1,
    shift=1,
    full_up=False,
    skip=True,
    growing=True,
    new_classifier=False,
    up_size=3,
    down_size=1,
    first=0,
):
    """Counts the parameters of an FC-DenseNet, or makes a known mistake."""
    depth, total, channels, skips, below = len(layers) // 2, 0 if first else 9 * 3 * 48 + 48 * bias, 48, [], 0
    for number, block in enumerate(layers):
        if number > depth:
            total += up_size**2 * below * below + below * bias
            channels = below + skips.pop() * skip
        sizes = channels + growth_rate * (np.arange(block) if growing else np.zeros(block, int))
        total += int(np.sum(sizes * (9 * growth_rate + shift) + growth_rate * bias))
        channels += block * growth_rate
        below = channels if full_up else block * growth_rate
        if number < depth:
            skips.append(channels)
            total += down_size**2 * channels * channels + channels * (bias + shift)
    last = layers[-1] * growth_rate if new_classifier else channels
    return total + (last + bias) * classes


def grade_fc_densenet_parameters(function):
    """Grades `fc_densenet_parameters(growth_rate, layers_per_block, num_classes)`."""
    for growth_rate, layers, classes in SMALL[2:] + SMALL[:2]:
        hints = [(count(growth_rate, layers, classes, **mistake), hint) for mistake, hint in MISTAKES]
        context = f"for growth rate {growth_rate}, layers {layers}, {classes} classes"
        found = function(growth_rate, layers, classes)
        expect("fc_densenet_parameters", found, count(growth_rate, layers, classes), 1e-9, unambiguous(hints), context)
    for growth_rate, layers, classes, parameters in NETWORKS:
        found = function(growth_rate, layers, classes)
        expect("fc_densenet_parameters", found, parameters, 1e-9, context=f"for layers {layers}")


def unambiguous(hints):
    """Leaves out hints whose value two mistakes share."""
    values = [value for value, _ in hints]
    return [(value, hint) for value, hint in hints if values.count(value) == 1]


def grade_border_band(function):
    """Grades `border_band(label, width)`."""
    label = np.array([[0, 0, 0, 0, 1, 1, 1, 1]] * 6, np.uint8)
    before = label.copy()
    found = as_array("border_band", function(label, 1), label.shape, bool)
    if not np.array_equal(label, before):
        raise AnswerError("border_band changes the label; work on a copy")
    if found.sum(axis=1).max() == 1 and found[:, 3:5].any():
        raise AnswerError("only one side of the border is marked: the band lies on both sides")
    if found[:, [0, -1]].any() and found[:, 3:5].all():
        raise AnswerError("the edge of the image is marked, but it is no border of two classes (np.roll wraps around)")
    for size in (1, 2, 3):
        check_case(function, label, size, f"for a vertical border and width {size}")
    corner = np.zeros((9, 9), np.uint8)
    corner[4, 4] = 1
    found = as_array("border_band", function(corner, 2), corner.shape, bool)
    if found[4, 2] and not found[2, 2]:
        raise AnswerError("two rows and two columns away counts as near for width 2: the neighborhood is a square")
    check_case(function, corner, 2, "for a class of one pixel and width 2")
    ignored = np.array([[0, 0, 255, 1, 1, 1], [0, 0, 255, 255, 255, 1], [2, 2, 255, 255, 255, 255]], np.uint8)
    found = as_array("border_band", function(ignored, 1), ignored.shape, bool)
    if found[ignored == 255].any():
        raise AnswerError("pixels with label 255 belong to no class: they are never in the band")
    if found[0, 1] or found[0, 3]:
        raise AnswerError("an ignored pixel (255) is no other class: it makes no border beside it")
    random = np.random.default_rng(0)
    check_case(function, ignored, 1, "with ignored pixels")
    for width in (1, 2, 3, 5):
        tiles = random.integers(0, 4, (3, 4)).repeat(7, 0).repeat(6, 1).astype(np.uint8)
        tiles[random.random(tiles.shape) < 0.05] = 255
        check_case(function, tiles, width, f"for tiles of four classes and width {width}")


def check_case(function, label, width, context):
    """Compares a band with that of single pixels."""
    expected = slow_band(label, width)
    found = as_array("border_band", function(label.copy(), width), label.shape, bool)
    if not np.array_equal(found, expected):
        for wrong in (width - 1, width + 1):
            if np.array_equal(found, slow_band(label, wrong)):
                raise AnswerError(f"the band has width {wrong} where {width} is asked for")
        row, column = np.argwhere(found != expected)[0]
        raise AnswerError(f"border_band is {found[row, column]} at ({row}, {column}) {context}; this is not right")


def slow_band(label, width):
    """Marks the pixels with another class at most `width` rows and columns away."""
    band = np.zeros(label.shape, bool)
    for (row, column), own in np.ndenumerate(label):
        window = label[max(row - width, 0) : row + width + 1, max(column - width, 0) : column + width + 1]
        band[row, column] = own != 255 and np.any((window != own) & (window != 255))
    return band
