"""Graders of lab 6: operations of a convolution, memory of a stream, and dominated networks."""

import numpy as np

from labs.checks import AnswerError
from labs.graders.compare import as_array, expect

CONVOLUTIONS = (  # height, width, inputs, outputs, kernel, stride
    (192, 256, 3, 48, 5, 1),
    (192, 256, 64, 128, 3, 2),
    (97, 131, 32, 21, 1, 2),
    (181, 241, 7, 9, 3, 4),
)


def grade_conv_multiply_adds(function):
    """Grades `conv_multiply_adds(height, width, inputs, outputs, kernel, stride)`."""
    for height, width, inputs, outputs, kernel, stride in CONVOLUTIONS:
        rows, columns = -(-height // stride), -(-width // stride)
        parameters = kernel**2 * inputs * outputs
        expected = rows * columns * parameters
        hints = [
            (parameters, "these are the parameters: the kernel is applied at every position of the output"),
            (2 * expected, "a multiplication and its addition count as one multiply-add"),
            (rows * columns * kernel * inputs * outputs, "the kernel has kernel x kernel weights"),
            (rows * columns * kernel**2 * outputs, "each output channel takes all input channels"),
            (rows * columns * kernel**2 * inputs, "this is a depthwise convolution: there are `outputs` kernels"),
            (
                (height // stride) * (width // stride) * parameters,
                "with padding 'same' the output's size is rounded up",
            ),
            (height * width * parameters, "a stride skips positions: the kernel is applied once for each output pixel"),
            (height * width * parameters / stride, "the stride skips rows and columns, so it counts twice"),
            ((height - kernel + 1) * (width - kernel + 1) * parameters, "padding is 'same', not 'valid'"),
        ]
        found = function(height, width, inputs, outputs, kernel, stride)
        hints = [(value, hint) for value, hint in hints if value != expected]
        context = f"for {height}x{width}, {inputs} to {outputs} channels, kernel {kernel}, stride {stride}"
        expect("conv_multiply_adds", found, expected, 1e-9, hints, context)


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


def grade_dominated(function):
    """Grades `dominated(milliseconds, scores)`."""
    times, scores = np.array([10.0, 20.0, 30.0, 25.0]), np.array([0.4, 0.6, 0.7, 0.5])
    found = as_array("dominated", function(times.copy(), scores.copy()), (4,), bool)
    expected = np.array([False, False, False, True])
    if np.array_equal(found, ~expected):
        raise AnswerError("this is the front: return True for the networks that another one beats")
    if found.all():
        raise AnswerError(
            "every network is dominated: none is by itself, nor by one that is only faster or only better"
        )
    if not np.array_equal(found, expected):
        raise AnswerError(f"milliseconds {times.tolist()}, scores {scores.tolist()}: only the last one is dominated")
    for times, scores, expected, hint in (
        ([10, 10], [0.5, 0.6], [True, False], "equally fast and worse is dominated"),
        ([10, 20], [0.5, 0.5], [False, True], "equally good and slower is dominated"),
        ([10, 10], [0.5, 0.5], [False, False], "two equal networks do not dominate each other"),
        ([10], [0.5], [False], "a single network is not dominated"),
        ([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4], [False] * 4, "slower and better is not dominated"),
        ([4, 3, 2, 1], [0.1, 0.2, 0.3, 0.4], [True] * 3 + [False], "the networks are in any order"),
    ):
        found = as_array("dominated", function(np.array(times, float), np.array(scores)), (len(times),), bool)
        if not np.array_equal(found, expected):
            raise AnswerError(
                f"{hint}: milliseconds {times}, scores {scores}: {expected} is right, not {found.tolist()}"
            )
    random = np.random.default_rng(0)
    for _ in range(20):
        count = int(random.integers(2, 12))
        times, scores = random.integers(1, 9, count).astype(float), random.integers(1, 9, count) / 10
        expected = [
            any((t <= t0 and s >= s0) and (t < t0 or s > s0) for t, s in zip(times, scores))
            for t0, s0 in zip(times, scores)
        ]
        found = as_array("dominated", function(times.copy(), scores.copy()), (count,), bool)
        if not np.array_equal(found, expected):
            raise AnswerError(
                f"milliseconds {times.tolist()}, scores {scores.tolist()}: {expected} is right, not {found.tolist()}"
            )
