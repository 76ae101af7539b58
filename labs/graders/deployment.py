"""Graders of lab 9: agreement of predictions, latency, weights in few bits."""

import numpy as np

from labs.checks import AnswerError
from labs.graders.compare import as_array, cases, expect

ONE_SCALE = "all channels share a scale; compute the maximum over axes 0, 1 and 2"


def grade_agreement(function):
    """Grades `agreement(first, second)`."""
    first = np.array([[0, 1, 2, 255, 255], [0, 1, 1, 2, 2]], np.uint8)
    second = np.array([[0, 1, 0, 255, 1], [255, 1, 1, 2, 0]], np.uint8)
    hints = [
        (5 / 7, "this is a share of 1; return percent, 0..100"),
        (60.0, "pixels that are 255 in both count as equal; they have no class in either"),
        (50.0, "the divisor is the number of pixels that have a class in both, not of all"),
        (100 * 5 / 8, "pixels that are 255 in the second prediction must be left out too"),
        (100 * 6 / 9, "only pixels that are 255 in both are left out; one 255 is enough"),
        (100 * 2 / 7, "this is the percentage of pixels that differ"),
    ]
    before = first.copy(), second.copy()
    found = function(first, second)
    if not (np.array_equal(first, before[0]) and np.array_equal(second, before[1])):
        raise AnswerError("agreement changes its arguments; work on copies")
    expect("agreement", found, 500 / 7, hints=hints, context="for 10 pixels")
    found = float(as_array("agreement", function(second, first), ()))
    if not np.isclose(found, 500 / 7):
        raise AnswerError("pixels that are 255 in the first prediction must be left out too: the order has no effect")
    for first, second, _ in cases(5):
        known = (first != 255) & (second != 255)
        if known.any():
            right = 100 * np.count_nonzero(first[known] == second[known]) / known.sum()
            expect("agreement", function(first, second), right, context=f"for {first.size} pixels")


def grade_latency(function):
    """Grades `latency(seconds, warm_up)`."""
    seconds = [2.0, 0.5, 0.024, 0.02, 0.03, 0.021, 0.4]
    hints = [
        (0.024, "this is in seconds; return milliseconds"),
        (1000 * np.mean(seconds[2:]), "this is the mean; one interruption (0.4 s here) moves it, the median hardly"),
        (30.0, "the first calls are not left out; they load, compile and allocate"),
        (20.0, "this is the shortest call; return the median"),
        (1000 * np.median(sorted(seconds)[2:]), "the calls are sorted before the first ones are left out"),
        (1000 * np.median(seconds[:2]), "these are the calls to leave out"),
        (1000 * np.median(seconds[:-2]), "the last calls are left out; leave out the first"),
    ]
    before = list(seconds)
    found = function(seconds, 2)
    if seconds != before:
        raise AnswerError("latency changes its list; work on a copy")
    expect("latency", found, 24.0, hints=hints, context="for 7 calls, of which 2 warm up")
    hint = "the first calls are left out, not the slowest"
    seconds = [2.0, 0.022, 0.024, 0.02, 0.03, 0.021, 0.4]
    expect("latency", function(seconds, 2), 24.0, hints=[(22.0, hint)], context="for a fast second call")
    hint = "with an even number of calls the median is the mean of the middle two"
    expect("latency", function([1.0, 0.01, 0.02, 0.04, 0.03], 1), 25.0, hints=[(30.0, hint), (20.0, hint)])
    expect("latency", function([0.003, 0.001, 0.002], 0), 2.0, context="without warm-up")


def grade_quantize(function):
    """Grades `quantize(kernel, bits)`."""
    random = np.random.default_rng(4)
    kernel = random.normal(size=(3, 3, 5, 4)) * np.array([0.01, 1, 30, 2])
    codes, scale = _parts(function(kernel.copy(), 8), kernel.shape)
    right = np.abs(kernel).max((0, 1, 2)) / 127
    if np.allclose(codes * scale, kernel, atol=1e-9):
        raise AnswerError("the first result is not rounded: it must be integers, kernel / scale rounded")
    hints = [
        (
            np.full(4, np.abs(kernel).max() / 127),
            "all channels share a scale; compute the maximum over axes 0, 1 and 2",
        ),
        (right * 127 / 128, "the scale is maximum / 128, so that the maximum becomes 128, which int8 cannot hold"),
        (right * 127 / 255, "the sign takes one of 8 bits: the codes are -127 to 127, not 255 steps"),
        (right * 127, "this is the maximum; the scale is the maximum / 127, the value of one step"),
        (1 / right, "the scale is upside down: kernel = codes * scale"),
        (kernel.max((0, 1, 2)) / 127, "negative weights are large too: take the maximum of the absolute values"),
    ]
    expect("quantize's scale", scale, right, hints=hints, context="for 8 bits")
    if np.array_equal(codes, np.clip(np.trunc(kernel / right), -127, 127)):
        raise AnswerError("astype(int) cuts off towards 0; round to the nearest integer first (np.rint)")
    expect("quantize's codes", codes, np.rint(kernel / right), context="for 8 bits")
    if not np.issubdtype(codes.dtype, np.integer):
        raise AnswerError(f"the codes are {codes.dtype}, 4 or 8 bytes each; convert them to np.int8")
    if codes.dtype.itemsize > 1:
        raise AnswerError(f"the codes are {codes.dtype}; convert them to np.int8, one byte each")
    for bits in (2, 3, 5):
        codes, scale = _parts(function(kernel.copy(), bits), kernel.shape)
        largest = 2 ** (bits - 1) - 1
        if np.abs(codes).max() != largest:
            raise AnswerError(f"with {bits} bits the largest code is {largest}, not {np.abs(codes).max():g}")
        right = np.abs(kernel).max((0, 1, 2)) / largest
        expect("quantize's scale", scale, right, context=f"for {bits} bits")
        expect("quantize's codes", codes, np.rint(kernel / right), context=f"for {bits} bits")
    kernel[..., 2] = 0
    with np.errstate(all="ignore"):
        codes, scale = _parts(function(kernel, 8), kernel.shape)
    if not (np.isfinite(scale).all() and np.array_equal(codes[..., 2] * scale[2], kernel[..., 2])):
        raise AnswerError("a channel of zeros divides 0 by 0; any finite scale is right for it, such as 1")


def _parts(result, shape):
    """Splits a result into codes and scale, arrays of the right shapes; the codes keep their dtype."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise AnswerError("return two results, the codes and the scale: return codes, scale")
    codes = np.asarray(result[0])
    if np.size(result[1]) == 1:
        raise AnswerError(ONE_SCALE)
    as_array("quantize's codes", codes, shape)
    return codes, as_array("quantize's scale", result[1], shape[-1:])
