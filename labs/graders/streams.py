"""Graders of lab 6: operations by stride, and memory of a stream."""

import numpy as np

from labs.checks import AnswerError
from labs.graders.compare import expect

STRIDES = (1, 2, 4, 8, 16, 32)


def grade_operations_by_stride(function):
    """Grades `operations_by_stride(height, layers)`."""
    random = np.random.default_rng(0)
    for number, height in enumerate((192, 192, 181, 333, 96, 1024)):
        layers = []
        for stride in STRIDES[:: 2 if number == 0 else 1]:
            repeated = 1 if number == 0 else int(random.integers(0, 4))
            layers += [(_rows(height, stride), int(count)) for count in random.integers(10**6, 10**9, repeated)]
        layers += [(1, 1000)] if number > 2 else []  # a dense layer behind global pooling
        layers = [layers[index] for index in random.permutation(len(layers))]
        given = list(layers)
        found = function(height, given)
        if given != layers:
            raise AnswerError("operations_by_stride changes its list; work on a copy")
        if not hasattr(found, "keys"):
            raise AnswerError(f"operations_by_stride returns {type(found).__name__}; it must return a dict")
        _grade_sums(dict(found), height, layers)


def _grade_sums(found, height, layers):
    """Compares the sums of a network."""
    context = f"for {height} rows and the layers {layers}"
    expected, floored, last, count, unlimited = (dict.fromkeys(STRIDES, 0) for _ in range(5))
    for rows, multiply_adds in layers:
        nearest = 2 ** round(np.log2(height / rows))
        stride = min(32, nearest)
        expected[stride] += multiply_adds
        last[stride] = multiply_adds
        count[stride] += 1
        unlimited[nearest] = unlimited.get(nearest, 0) + multiply_adds
        whole = min(32, height // rows)
        floored[whole] = floored.get(whole, 0) + multiply_adds
    if found == expected:
        return
    if set(found) & {rows for rows, _ in layers} - set(STRIDES):
        raise AnswerError("the keys are strides, height / rows, not the rows themselves")
    for value, hint in (
        (last, "several layers have the same stride: add up their multiply-adds"),
        (count, "this is the number of layers; sum their multiply-adds"),
        (unlimited, f"layers coarser than stride 32 count as stride 32, but the keys are {sorted(unlimited)}"),
        (floored, f"sizes are rounded up, so height // rows is no stride {context}; take the nearest power of 2"),
    ):
        if found == value and value != expected:
            raise AnswerError(hint)
    missing = [stride for stride in STRIDES if stride not in found]
    if missing:
        raise AnswerError(f"stride {missing[0]} is missing; a stride without layers has 0")
    if np.isclose(sum(found.values()), 1):
        raise AnswerError("these are shares; return multiply-adds")
    for stride in STRIDES:
        expect(f"the sum at stride {stride}", found[stride], expected[stride], 1e-9, context=context)
    raise AnswerError(f"the keys are {sorted(found)}; they must be {list(STRIDES)}")


def _rows(height, stride):
    """Returns the rows of a feature: each stride of 2 rounds up."""
    return -(-height // stride)


def grade_stream_bytes(function):
    """Grades `stream_bytes(height, width, features, batch_size)`."""
    for height, width, features, batch in (
        (64, 96, [(1, 32)], 1),
        (64, 96, [(1, 32)], 3),
        (64, 96, [(1, 32), (2, 96), (2, 96), (16, 384)], 3),
        (65, 97, [(4, 64), (8, 128), (32, 5)], 2),
        (64, 96, [], 2),
    ):
        sizes = [-(-height // stride) * -(-width // stride) * channels for stride, channels in features]
        numbers = sum(sizes)
        floored = sum(height // stride * (width // stride) * channels for stride, channels in features)
        hints = [
            (numbers * batch, "these are numbers: each float32 has 4 bytes"),
            (32 * numbers * batch, "these are bits: a float32 has 4 bytes"),
            (8 * numbers * batch, "float32 has 4 bytes, not 8"),
            (4 * numbers, "every image of the batch has its own features"),
            (4 * batch * floored, "sizes are rounded up, as by padding 'same'"),
            (
                4 * batch * sum(height * width / stride * channels for stride, channels in features),
                "the stride divides the height and the width, so it counts twice",
            ),
            (
                4 * batch * sum(height * width * channels for _, channels in features),
                "features of stride s have height / s rows and width / s columns",
            ),
            (
                4 * batch * max(sizes, default=0),
                "this is the largest feature: training keeps all of them for the backward pass",
            ),
        ]
        expected = 4 * batch * numbers
        hints = [(value, hint) for value, hint in hints if value != expected]
        context = f"for {height}x{width}, features {features}, batch {batch}"
        expect("stream_bytes", function(height, width, list(features), batch), expected, 1e-9, hints, context)
