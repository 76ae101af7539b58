"""Class weights for imbalanced datasets: median frequency balancing."""

import numpy as np


def median_frequency_weights(pixels: np.ndarray) -> np.ndarray:
    """Computes median frequency balancing (Eigen and Fergus 2015, 1411.4734): median of the frequencies / frequency.

    A class's frequency is its share of the pixels of those images in which it occurs.

    Args:
        pixels: integer array `(N, C)`, the pixels of each class in each training image.

    Returns:
        float32 array `(C,)`; 0 for classes that never occur.
    """
    pixels = np.asarray(pixels)
    of_images_with_class = ((pixels > 0) * pixels.sum(axis=1, keepdims=True)).sum(axis=0)
    total = pixels.sum(axis=0)
    present = total > 0
    weights = np.zeros(len(total), np.float32)
    if present.any():
        frequency = total[present] / of_images_with_class[present]
        weights[present] = np.median(frequency) / frequency
    return weights
