"""Solutions of lab 6: operations by stride, and memory of a stream."""

import math


def operations_by_stride(height, layers):
    """Sums the multiply-adds of a network by the stride of its layers."""
    sums = dict.fromkeys((1, 2, 4, 8, 16, 32), 0)
    for rows, multiply_adds in layers:
        sums[min(32, 2 ** round(math.log2(height / rows)))] += multiply_adds
    return sums


def stream_bytes(height, width, features, batch_size):
    """Computes the memory of the features that training keeps."""
    numbers = sum(-(-height // stride) * -(-width // stride) * channels for stride, channels in features)
    return 4 * batch_size * numbers
