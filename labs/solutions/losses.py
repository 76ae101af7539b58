"""Solutions of lab 7: cross entropy, median frequency balancing, soft Dice."""

import numpy as np


def cross_entropy(logits, labels, weights):
    """Computes the weighted mean of -log p over the labeled pixels."""
    valid = labels != 255
    logits, labels = logits[valid], labels[valid]
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    losses = -log_probabilities[np.arange(len(labels)), labels]
    of_pixels = weights[labels]
    return (of_pixels * losses).sum() / of_pixels.sum()


def median_frequency_weights(pixels):
    """Divides the median of the classes' frequencies by each of them."""
    total = pixels.sum(axis=0)
    of_images_with_class = ((pixels > 0) * pixels.sum(axis=1, keepdims=True)).sum(axis=0)
    present = total > 0
    frequency = total[present] / of_images_with_class[present]
    weights = np.zeros(len(total))
    weights[present] = np.median(frequency) / frequency
    return weights


def soft_dice(probabilities, labels):
    """Computes 1 - the mean Dice score of the classes in the labels."""
    valid = labels != 255
    probabilities, labels = probabilities[valid], labels[valid]
    truth = np.eye(probabilities.shape[-1])[labels]
    overlap, size = (truth * probabilities).sum(axis=0), truth.sum(axis=0)
    dice = 2 * overlap / (size + probabilities.sum(axis=0))
    return 1 - dice[size > 0].mean()
