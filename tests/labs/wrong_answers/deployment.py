"""Wrong answers of lab 9: `(task, function, part of the hint)`."""

import numpy as np

from labs.solutions.deployment import quantize


def of_all_pixels(first, second):
    return 100 * (first == second).mean()


def share(first, second):
    known = (first != 255) & (second != 255)
    return (first[known] == second[known]).mean()


def known_in_first(first, second):
    return 100 * (first == second)[first != 255].mean()


def known_in_second(first, second):
    return known_in_first(second, first)


def mean(seconds, warm_up):
    return 1000 * np.mean(seconds[warm_up:])


def in_seconds(seconds, warm_up):
    return np.median(seconds[warm_up:])


def all_calls(seconds, warm_up):
    return 1000 * np.median(seconds)


def without_slowest(seconds, warm_up):
    return 1000 * np.median(sorted(seconds)[: len(seconds) - warm_up])


def upper_middle(seconds, warm_up):
    kept = sorted(seconds[warm_up:])
    return 1000 * kept[len(kept) // 2]


def one_scale(kernel, bits):
    scale = np.abs(kernel).max() / (2 ** (bits - 1) - 1)
    return np.rint(kernel / scale).astype(np.int8), scale


def cut_off(kernel, bits):
    _, scale = quantize(kernel, bits)
    return (kernel / scale).astype(np.int8), scale


def unrounded(kernel, bits):
    _, scale = quantize(kernel, bits)
    return kernel / scale, scale


def always_8_bits(kernel, bits):
    return quantize(kernel, 8)


def overflowing(kernel, bits):
    scale = np.abs(kernel).max((0, 1, 2)) / 2 ** (bits - 1)
    return np.rint(kernel / scale).astype(np.int8), scale


def zeros_divided(kernel, bits):
    scale = np.abs(kernel).max((0, 1, 2)) / (2 ** (bits - 1) - 1)
    return np.nan_to_num(np.rint(kernel / scale)).astype(np.int8), np.where(scale == 0, np.nan, scale)


def wide_codes(kernel, bits):
    codes, scale = quantize(kernel, bits)
    return codes.astype(np.int64), scale


WRONG = [
    ("agreement", of_all_pixels, "255 in both count as equal"),
    ("agreement", share, "percent"),
    ("agreement", known_in_first, "second prediction must be left out"),
    ("agreement", known_in_second, "first|share|divisor|left out"),
    ("latency", mean, "the mean"),
    ("latency", in_seconds, "milliseconds"),
    ("latency", all_calls, "not left out"),
    ("latency", without_slowest, "not the slowest"),
    ("latency", upper_middle, "middle two"),
    ("quantize", one_scale, "share a scale"),
    ("quantize", cut_off, "cuts off"),
    ("quantize", unrounded, "not rounded"),
    ("quantize", always_8_bits, "with 2 bits"),
    ("quantize", overflowing, "128, which int8 cannot hold"),
    ("quantize", zeros_divided, "channel of zeros"),
    ("quantize", wide_codes, "np.int8"),
]
