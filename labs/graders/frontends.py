"""Graders of lab 3: cost of convolutions, Pareto front."""

import numpy as np

from labs.checks import AnswerError
from labs.graders.compare import as_array, expect

SHAPES = [(3, 4, 8, 5, 7), (1, 64, 32, 24, 32), (3, 3, 32, 96, 128), (5, 16, 16, 1, 1), (7, 2, 3, 10, 4)]


def grade_conv_cost(function):
    """Grades `conv_cost(kernel_size, channels, filters, height, width)`."""
    for kernel, channels, filters, height, width in SHAPES:
        weights, positions = kernel * kernel * channels * filters, height * width
        hints = [
            (_cost(weights + filters, positions), "leave the bias out: batch norm follows and makes it superfluous"),
            (_cost(weights, positions, 2), "a multiplication and its addition count as one multiply-add, not as two"),
            (_cost(kernel * channels * filters, positions), "the kernel has kernel_size rows and columns: square it"),
            (
                _cost(kernel * kernel * filters, positions),
                "each filter sees all input channels: multiply by `channels`",
            ),
            ((weights * positions, weights), "the two numbers are exchanged: weights first, then multiply-adds"),
            ((weights, weights), "each weight is used at every output position: multiply by height and width"),
        ]
        found = function(kernel, channels, filters, height, width)
        context = f"for kernel {kernel}, {channels} to {filters} channels, {height}x{width}"
        expect("conv_cost", as_array("conv_cost", found, (2,)), _cost(weights, positions), 1e-9, hints, context)


def grade_separable_cost(function):
    """Grades `separable_cost(kernel_size, channels, filters, height, width)`."""
    for kernel, channels, filters, height, width in SHAPES:
        positions, depthwise = height * width, kernel * kernel * channels
        hints = [
            (_cost(depthwise, positions), "the pointwise convolution is missing: 1x1, from `channels` to `filters`"),
            (_cost(channels * filters, positions), "the depthwise convolution is missing: one kernel for each channel"),
            (
                _cost(kernel * kernel * channels * filters, positions),
                "this is the cost of an ordinary convolution: a depthwise kernel sees one channel only",
            ),
            (
                _cost(kernel * kernel * filters + channels * filters, positions),
                "the depthwise convolution comes first: it has a kernel for each input channel, not for each filter",
            ),
            (
                _cost(depthwise * channels * filters, positions),
                "the two convolutions follow one another: their weights add up",
            ),
        ]
        weights = depthwise + channels * filters
        found = function(kernel, channels, filters, height, width)
        context = f"for kernel {kernel}, {channels} to {filters} channels, {height}x{width}"
        expect(
            "separable_cost", as_array("separable_cost", found, (2,)), _cost(weights, positions), 1e-9, hints, context
        )


def grade_pareto_front(function):
    """Grades `pareto_front(latencies, scores)`."""
    random = np.random.default_rng(0)
    cases = [([1, 2, 3], [5, 4, 6]), ([3, 1, 2], [6, 5, 4]), ([2], [1]), ([1, 1], [3, 4]), ([1, 2], [3, 3])]
    cases += [([5, 5, 7], [2, 2, 1])]
    cases += [(random.integers(1, 9, 8).tolist(), random.integers(1, 9, 8).tolist()) for _ in range(40)]
    for latencies, scores in cases:
        found = function(list(latencies), list(scores))
        array = as_array("pareto_front", found, (None,))
        if len(array) != len(scores) or not set(array.tolist()) <= {0, 1}:
            raise AnswerError(f"pareto_front must return {len(scores)} values True or False, one a network")
        found = (array > 0).tolist()
        expected = _front(latencies, scores)
        if found == expected:
            continue
        context = f"latencies {latencies}, scores {scores}: {found}, but {expected} is right"
        if found == _front([-latency for latency in latencies], scores):
            raise AnswerError(f"a low latency is good, a high one bad; {context}")
        if found == [not value for value in expected]:
            raise AnswerError(f"this marks the networks that are beaten; {context}")
        if not any(found):
            raise AnswerError(f"a network does not beat itself, nor an equal one; {context}")
        if found == _front(latencies, scores, strict=True):
            raise AnswerError(f"equal in one and better in the other beats a network too; {context}")
        if sum(found) < sum(expected):
            raise AnswerError(f"a network is on the front unless another one is at least as good in both; {context}")
        raise AnswerError(context)


def _cost(weights, positions, operations=1):
    """Weights and multiply-adds."""
    return weights, operations * weights * positions


def _front(latencies, scores, strict=False):
    """Marks the networks that no other beats; with `strict`, only one better in both beats."""
    times, values = np.array(latencies, float), np.array(scores, float)
    faster, better = times[:, None] < times, values[:, None] > values
    not_slower, not_worse = times[:, None] <= times, values[:, None] >= values
    beats = faster & better if strict else (not_slower & not_worse) & (faster | better)
    return (~beats.any(axis=0)).tolist()
