"""Wrong answers of lab 7: `(task, function, part of the hint)`."""

import numpy as np

from labs.solutions.losses import cross_entropy, soft_dice


def overflowing(logits, labels, weights):
    valid = labels != 255
    powers = np.exp(logits[valid])
    of_pixels = weights[labels[valid]]
    losses = -np.log((powers / powers.sum(-1, keepdims=True))[np.arange(len(of_pixels)), labels[valid]])
    return (of_pixels * losses).sum() / of_pixels.sum()


def log_of_softmax(logits, labels, weights, smallest=0.0):
    valid = labels != 255
    powers = np.exp(logits[valid] - logits[valid].max(-1, keepdims=True))
    of_pixels = weights[labels[valid]]
    p = (powers / powers.sum(-1, keepdims=True))[np.arange(len(of_pixels)), labels[valid]]
    return (of_pixels * -np.log(np.maximum(p, smallest))).sum() / of_pixels.sum()


def clipped(logits, labels, weights):
    return log_of_softmax(logits, labels, weights, 1e-7)


def ignored_in_divisor(logits, labels, weights):
    valid = labels != 255
    total = weights[labels[valid]].sum() + weights[0] * (~valid).sum()
    return cross_entropy(logits, labels, weights) * weights[labels[valid]].sum() / total


def ignored_as_class_0(logits, labels, weights):
    return cross_entropy(logits, np.where(labels == 255, 0, labels), weights)


def ignored_as_index(logits, labels, weights):
    return cross_entropy(logits, labels.astype(int) + 0 * weights[labels].astype(int), weights)


def number_of_pixels(logits, labels, weights):
    valid = labels != 255
    return cross_entropy(logits, labels, weights) * weights[labels[valid]].mean()


def each_pixel(logits, labels, weights):
    return np.zeros(labels.shape)


def of_all_images(pixels):
    frequency = pixels.sum(0) / pixels.sum()
    return np.median(frequency) / frequency


def inverse(pixels):
    frequency = pixels.sum(0) / ((pixels > 0) * pixels.sum(1, keepdims=True)).sum(0)
    return 1 / frequency


def infinite(pixels):
    with np.errstate(all="ignore"):
        frequency = pixels.sum(0) / ((pixels > 0) * pixels.sum(1, keepdims=True)).sum(0)
        return np.nanmedian(frequency) / frequency


def absent_in_median(pixels):
    total, images = pixels.sum(0), ((pixels > 0) * pixels.sum(1, keepdims=True)).sum(0)
    frequency = total / np.maximum(images, 1)
    return np.divide(np.median(frequency), frequency, out=np.zeros(len(total)), where=total > 0)


def score(probabilities, labels):
    return 1 - soft_dice(probabilities, labels)


def all_classes(probabilities, labels):
    truth = np.eye(256)[labels][..., : probabilities.shape[-1]]
    overlap = (truth * probabilities).sum((0, 1))
    return 1 - (2 * overlap / (truth.sum((0, 1)) + probabilities.sum((0, 1)))).mean()


def ignored_probabilities(probabilities, labels):
    truth = np.eye(256)[labels][..., : probabilities.shape[-1]]
    overlap, size = (truth * probabilities).sum((0, 1)), truth.sum((0, 1))
    return 1 - (2 * overlap / (size + probabilities.sum((0, 1))))[size > 0].mean()


def one_quotient(probabilities, labels):
    valid = labels != 255
    p = probabilities[valid][np.arange(valid.sum()), labels[valid]]
    return 1 - p.mean()


WRONG = [
    ("cross_entropy", overflowing, "overflows"),
    ("cross_entropy", log_of_softmax, "rounds to 0"),
    ("cross_entropy", clipped, "do not clip"),
    ("cross_entropy", ignored_in_divisor, "in the divisor"),
    ("cross_entropy", ignored_as_class_0, "as class 0"),
    ("cross_entropy", ignored_as_index, "with label 255 it raises IndexError"),
    ("cross_entropy", number_of_pixels, "not by the number of pixels"),
    ("cross_entropy", each_pixel, "loss of each pixel"),
    ("median_frequency_weights", of_all_images, "in which it occurs"),
    ("median_frequency_weights", inverse, "multiply them by the median"),
    ("median_frequency_weights", infinite, "must be 0"),
    ("median_frequency_weights", absent_in_median, "must not count in the median"),
    ("soft_dice", score, "1 - score"),
    ("soft_dice", all_classes, "not in the labels"),
    ("soft_dice", ignored_probabilities, "of ignored pixels"),
    ("soft_dice", one_quotient, "one quotient"),
]
