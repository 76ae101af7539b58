"""Graders of lab 4: effective kernel, receptive field, coverage of dilated convolutions."""

import numpy as np

from labs.checks import AnswerError
from labs.graders.compare import as_array, expect


def grade_effective_kernel(function):
    """Grades `effective_kernel(kernel_size, dilation)`."""
    for kernel, rate in ((3, 2), (3, 1), (1, 18), (5, 3), (7, 1), (3, 24), (2, 4)):
        hints = [
            (kernel * rate, "kernel_size * dilation is too much: between n taps there are n - 1 distances"),
            (kernel + rate, "the dilation is the distance of neighboring taps: multiply it by the number of distances"),
            (rate * (kernel - 1), "the first tap itself is missing: add 1"),
            (rate * (kernel - 1) + kernel, "dilation d leaves d - 1 features out between two taps, not d"),
        ]
        context = f"for kernel size {kernel} and dilation {rate}"
        expect("effective_kernel", function(kernel, rate), _effective(kernel, rate), hints=hints, context=context)


def grade_receptive_field(function):
    """Grades `receptive_field(layers)`."""
    expect("receptive_field", function([]), 1, context="for an empty list: the pixel itself")
    chains = [
        [(3, 1, 1), (3, 1, 1)],
        [(3, 2, 1), (3, 1, 1)],
        [(3, 1, 2), (3, 1, 4)],
        [(7, 2, 1), (3, 2, 1), (3, 1, 1), (3, 2, 1), (3, 1, 6)],
    ]
    random = np.random.default_rng(0)
    for _ in range(30):
        count = random.integers(1, 12)
        columns = [random.choice(values, count).tolist() for values in ((1, 2, 3, 5, 7), (1, 1, 2), (1, 1, 2, 6))]
        chains.append(list(zip(*columns)))
    for chain in chains:
        given = list(chain)
        found = function(given)
        if given != chain:
            raise AnswerError("receptive_field changes its argument; work on a copy")
        hints = [
            (_field(chain, strides=False), "strides are ignored: behind a stride of 2 a step is two pixels long"),
            (
                _field(chain, early=True),
                "a layer's stride acts on the layers after it: first enlarge the field, then multiply the distance",
            ),
            (_field(chain[::-1]), "the chain is read backwards: the list begins at the image"),
            (_field([(k, s, 1) for k, s, _ in chain]), "the dilation is ignored: use the effective kernel"),
            (_field(chain) - 1, "start with 1, the pixel itself"),
            (
                _field([(k + 1, s, d) for k, s, d in chain]),
                "a kernel of k features adds k - 1 steps, because its first feature is there already",
            ),
        ]
        expect("receptive_field", found, _field(chain), hints=hints, context=f"for {chain}")


def grade_coverage(function):
    """Grades `coverage(rates)`."""
    as_array("coverage", function([1]), (3, 3))
    for rates in ([2], [2, 2, 2], [1, 2, 5], [1], [], [5, 2, 1], [6, 12, 18], [3, 6], [1, 1, 1, 1]):
        side = 1 + 2 * sum(rates)
        context = f"for rates {list(rates)}"
        found = as_array("coverage", function(tuple(rates)), (None, None))
        if found.shape == (2 * max(rates, default=0) + 1,) * 2 != (side, side):
            raise AnswerError("the rates are taken side by side; in a chain the fields add up")
        found = as_array("coverage", found, (side, side))
        expected = _paths(rates)
        if np.array_equal(found, expected):
            continue
        if np.array_equal(found, expected > 0):
            raise AnswerError("the map only tells which positions are reached: add up the copies to count the paths")
        if np.array_equal(found > 0, _paths_on_axes(rates) > 0):
            raise AnswerError("the copies are only moved along rows and columns: a 3x3 kernel has diagonal taps too")
        if len(rates) > 1 and found.sum() == 9 * len(rates):
            raise AnswerError("the branches are added side by side: each convolution acts on the map of the one before")
        if found.sum() > expected.sum():
            raise AnswerError(f"{found.sum():g} paths {context}, but each convolution multiplies their number by nine")
        expect("coverage", found, expected, context=context)


def _effective(kernel, rate):
    """Computes the effective kernel."""
    return kernel + (kernel - 1) * (rate - 1)


def _field(chain, strides=True, early=False):
    """Computes a receptive field from the last layer to the first; without strides, or with those applied too early."""
    size = 1
    for number, (kernel, _, rate) in enumerate(chain):
        before = [stride for _, stride, _ in chain[: number + early]] if strides else []
        size += (_effective(kernel, rate) - 1) * int(np.prod(before, dtype=int))
    return size


def _paths(rates):
    """Counts paths: a chain of 3x3 kernels is separable, so it is the outer product of two counts along a line."""
    line = np.ones(1, int)
    for rate in rates:
        kernel = np.zeros(2 * rate + 1, int)
        kernel[::rate] = 1
        line = np.convolve(line, kernel)
    return np.outer(line, line)


def _paths_on_axes(rates):
    """Counts paths without diagonal taps."""
    paths = np.ones((1, 1), int)
    for rate in rates:
        padded, paths = np.pad(paths, 2 * rate), None
        moves = ((0, 0), (rate, 0), (-rate, 0), (0, rate), (0, -rate))
        moved = sum(np.roll(padded, move, (0, 1)) for move in moves)
        paths = moved[rate:-rate, rate:-rate]
    return paths
