"""Losses in NumPy, float64, with loops, straight from the papers; and helpers of the tests of losses."""

import keras
import numpy as np
import pytest
from keras import ops

WEIGHTS = [0.5, 2.0, 0.0, 1.25]


def case(seed=0, shape=(2, 5, 7), num_classes=4, ignored=0.2, scale=2.0):
    """Random labels (some ignored) and logits."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, shape).astype(np.uint8)
    labels[rng.random(shape) < ignored] = 255
    return labels, (scale * rng.standard_normal((*shape, num_classes))).astype(np.float32)


def value(loss, labels, logits):
    return float(loss(labels, logits))


def value_and_gradient(loss, labels, logits):
    """The loss and its gradient by the logits."""
    if keras.backend.backend() == "jax":
        import jax

        result, gradient = jax.value_and_grad(lambda logits: loss(labels, logits))(ops.convert_to_tensor(logits))
        return float(result), np.asarray(gradient, np.float64)
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are taken with TensorFlow or JAX")
    import tensorflow as tf

    logits = tf.convert_to_tensor(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        result = loss(labels, logits)
    return float(result), tape.gradient(result, logits).numpy().astype(np.float64)


def probabilities_of(labels, logits):
    """Valid pixels only: labels `(N,)` and probabilities `(N, C)`."""
    valid = labels != 255
    logits = logits[valid].astype(np.float64)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return labels[valid].astype(int), exponentials / exponentials.sum(axis=1, keepdims=True)


def numpy_cross_entropy(labels, logits, weights, gamma=0.0):
    labels, probabilities = probabilities_of(labels, logits)
    total = divisor = 0.0
    for label, p in zip(labels, probabilities):
        total += weights[label] * (1 - p[label]) ** gamma * -np.log(p[label])
        divisor += weights[label]
    return total / divisor if divisor else 0.0


def weighted_mean(values, labels, weights):
    present = sorted(set(labels.tolist()))
    divisor = sum(weights[c] for c in present)
    return sum(weights[c] * values[c] for c in present) / divisor if divisor else 0.0


def numpy_dice(labels, logits, weights):
    labels, p = probabilities_of(labels, logits)
    losses = [1 - 2 * p[labels == c, c].sum() / ((labels == c).sum() + p[:, c].sum() or 1.0) for c in range(p.shape[1])]
    return weighted_mean(losses, labels, weights)


def jaccard_loss(mispredicted, truth):
    """The set function of the paper, equation 5: of the set of mispredicted pixels, for one class."""
    return mispredicted.sum() / (truth | mispredicted).sum()


def lovasz_extension(errors, truth):
    """Equation 9 by its definition: errors in decreasing order times the set function's growth."""
    order = np.argsort(-errors)
    chosen, total, before = np.zeros(len(errors), bool), 0.0, 0.0
    for pixel in order:
        chosen[pixel] = True
        now = jaccard_loss(chosen, truth)
        total += errors[pixel] * (now - before)
        before = now
    return total


def numpy_lovasz(labels, logits, weights):
    labels, p = probabilities_of(labels, logits)
    losses = [lovasz_extension(np.abs((labels == c) - p[:, c]), labels == c) if (labels == c).any() else 0.0
              for c in range(p.shape[1])]  # fmt: skip
    return weighted_mean(losses, labels, weights)


def pixel_losses(labels, logits):
    """Labels and cross entropy of the valid pixels, both `(N,)`."""
    labels, p = probabilities_of(labels, logits)
    with np.errstate(divide="ignore"):
        return labels, -np.log(p[np.arange(len(labels)), labels])


def mean_of_hardest(images, weights):
    """Weighted mean over `(labels, losses, number)` of the number of hardest pixels of each."""
    total = divisor = 0.0
    for labels, losses, number in images:
        for pixel in np.argsort(-losses)[:number]:
            total += weights[labels[pixel]] * losses[pixel]
            divisor += weights[labels[pixel]]
    return total / divisor if divisor else 0.0


def numpy_cross_entropy_lovasz(labels, logits, weights, stride=3):
    chance, sampled = int(labels[labels != 255].astype(int).sum()), (labels, logits)
    for axis in (1, 2):
        size = labels.shape[axis]
        rows = [min(first + chance % stride, size - 1) for first in range(0, size, stride)]
        sampled = [np.take(array, rows, axis) for array in sampled]
        chance //= stride
    return (numpy_cross_entropy(labels, logits, weights) + numpy_lovasz(*sampled, weights)) / 2


def numpy_bootstrapped(labels, logits, weights, pixels=512 * 64):
    return mean_of_hardest([(*pixel_losses(*image), pixels) for image in zip(labels, logits)], weights)


def numpy_ohem(labels, logits, weights, probability=0.7, min_kept=1 / 16):
    labels, losses = pixel_losses(labels, logits)
    number = max(1, int(min_kept * len(labels)), np.sum(np.exp(-losses) <= probability))
    return mean_of_hardest([(labels, losses, number)], weights)


REFERENCES = {
    "cross_entropy": numpy_cross_entropy,
    "focal": lambda *arguments: numpy_cross_entropy(*arguments, gamma=2.0),
    "dice": numpy_dice,
    "lovasz": numpy_lovasz,
    "bootstrapped": numpy_bootstrapped,
    "ohem": numpy_ohem,
    "cross_entropy_lovasz": numpy_cross_entropy_lovasz,
}


def logits_of(probabilities):
    """Logits of two classes `(1, 1, N, 2)` from the probabilities of class 0."""
    p = np.asarray(probabilities, np.float64)
    return np.log(np.stack([p, 1 - p], axis=-1))[None, None].astype(np.float32)


def numerical_slopes(reference, labels, logits, option):
    """Yields `(position, slope)`: differences of a NumPy loss in float64 along every logit.

    Args:
        reference: function of labels, logits and `option`.
        option: its third argument, such as class weights.
    """
    step = 1e-6
    for position in np.ndindex(logits.shape):
        moved = [logits.astype(np.float64) for _ in range(2)]
        moved[0][position] += step
        moved[1][position] -= step
        yield position, (reference(labels, moved[0], option) - reference(labels, moved[1], option)) / (2 * step)
