"""Wrong answers of lab 6: `(task, function, part of the hint)`."""

import math

from labs.solutions.streams import operations_by_stride


def sums(layers, stride_of):
    found = dict.fromkeys((1, 2, 4, 8, 16, 32), 0)
    for rows, count in layers:
        found[stride_of(rows)] = found.get(stride_of(rows), 0) + count
    return found


def overwritten(height, layers):
    found = operations_by_stride(height, [])
    return found | {min(32, 2 ** round(math.log2(height / rows))): count for rows, count in layers}


def whole_quotient(height, layers):
    return sums(layers, lambda rows: min(32, height // rows))


def without_limit(height, layers):
    return sums(layers, lambda rows: 2 ** round(math.log2(height / rows)))


def by_rows(height, layers):
    return sums(layers, lambda rows: rows)


def shares(height, layers):
    found = operations_by_stride(height, layers)
    return {stride: count / sum(found.values()) for stride, count in found.items()}


def number_of_layers(height, layers):
    return operations_by_stride(height, [(rows, 1) for rows, _ in layers])


def without_zeros(height, layers):
    return {stride: count for stride, count in operations_by_stride(height, layers).items() if count}


def numbers(height, width, features, batch_size):
    return batch_size * sum(-(-height // s) * -(-width // s) * c for s, c in features)


def one_image(height, width, features, batch_size):
    return numbers(height, width, features, 4)


def stride_once(height, width, features, batch_size):
    return 4 * batch_size * sum(height * width * c / s for s, c in features)


def largest(height, width, features, batch_size):
    return 4 * batch_size * max((-(-height // s) * -(-width // s) * c for s, c in features), default=0)


WRONG = [
    ("operations_by_stride", overwritten, "add up"),
    ("operations_by_stride", whole_quotient, "nearest power of 2"),
    ("operations_by_stride", without_limit, "coarser than stride 32"),
    ("operations_by_stride", by_rows, "the keys are strides"),
    ("operations_by_stride", shares, "these are shares"),
    ("operations_by_stride", number_of_layers, "number of layers"),
    ("operations_by_stride", without_zeros, "is missing"),
    ("stream_bytes", numbers, "4 bytes"),
    ("stream_bytes", one_image, "its own features"),
    ("stream_bytes", stride_once, "counts twice"),
    ("stream_bytes", largest, "keeps all of them"),
]
