"""Solutions of lab 9: agreement of predictions, latency, weights in few bits."""

import numpy as np


def agreement(first, second):
    """Computes the percentage of pixels that have the same class in both, of those that have one in both."""
    known = (first != 255) & (second != 255)
    return 100 * (first[known] == second[known]).mean()


def latency(seconds, warm_up):
    """Computes the median of the calls after the first ones, in milliseconds."""
    return 1000 * float(np.median(seconds[warm_up:]))


def quantize(kernel, bits):
    """Rounds a kernel to integers with a scale for each output channel."""
    largest = 2 ** (bits - 1) - 1
    scale = np.abs(kernel).max(axis=(0, 1, 2)) / largest
    scale = np.where(scale == 0, 1, scale)
    return np.rint(kernel / scale).astype(np.int8), scale
