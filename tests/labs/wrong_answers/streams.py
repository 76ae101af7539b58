"""Wrong answers of lab 6: `(task, function, part of the hint)`."""

import numpy as np


def only_parameters(height, width, inputs, outputs, kernel, stride):
    return kernel**2 * inputs * outputs


def without_stride(height, width, inputs, outputs, kernel, stride):
    return height * width * kernel**2 * inputs * outputs


def rounded_down(height, width, inputs, outputs, kernel, stride):
    return (height // stride) * (width // stride) * kernel**2 * inputs * outputs


def twice(height, width, inputs, outputs, kernel, stride):
    return 2 * -(-height // stride) * -(-width // stride) * kernel**2 * inputs * outputs


def numbers(height, width, features, batch_size):
    return batch_size * sum(-(-height // s) * -(-width // s) * c for s, c in features)


def one_image(height, width, features, batch_size):
    return numbers(height, width, features, 4)


def stride_once(height, width, features, batch_size):
    return 4 * batch_size * sum(height * width * c / s for s, c in features)


def largest(height, width, features, batch_size):
    return 4 * batch_size * max((-(-height // s) * -(-width // s) * c for s, c in features), default=0)


def front(milliseconds, scores):
    return [not any((milliseconds < t) & (scores > s)) for t, s in zip(milliseconds, scores)]


def either(milliseconds, scores):
    return [any((milliseconds < t) | (scores > s)) for t, s in zip(milliseconds, scores)]


def strict(milliseconds, scores):
    return [any((milliseconds < t) & (scores > s)) for t, s in zip(milliseconds, scores)]


def by_itself(milliseconds, scores):
    return [any((milliseconds <= t) & (scores >= s)) for t, s in zip(milliseconds, scores)]


def after_the_next(milliseconds, scores):
    return np.append(np.diff(scores) < 0, False)[np.argsort(milliseconds)]


WRONG = [
    ("conv_multiply_adds", only_parameters, "these are the parameters"),
    ("conv_multiply_adds", without_stride, "a stride skips positions"),
    ("conv_multiply_adds", rounded_down, "rounded up"),
    ("conv_multiply_adds", twice, "as one multiply-add"),
    ("stream_bytes", numbers, "4 bytes"),
    ("stream_bytes", one_image, "its own features"),
    ("stream_bytes", stride_once, "counts twice"),
    ("stream_bytes", largest, "keeps all of them"),
    ("dominated", front, "this is the front"),
    ("dominated", either, "only faster or only better"),
    ("dominated", strict, "equally fast and worse"),
    ("dominated", by_itself, "none is by itself"),
    ("dominated", after_the_next, "is right, not"),
]
