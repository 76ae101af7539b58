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
    return weights_from_sums(pixels.sum(axis=0), ((pixels > 0) * pixels.sum(axis=1, keepdims=True)).sum(axis=0))


def weights_from_sums(total: np.ndarray, of_images_with_class: np.ndarray) -> np.ndarray:
    """Computes median frequency balancing from sums over the training images.

    Args:
        total: integer array `(C,)`, pixels of each class.
        of_images_with_class: integer array `(C,)`, labeled pixels of the images that have the class.

    Returns:
        float32 array `(C,)`; 0 for classes that never occur.
    """
    present = total > 0
    weights = np.zeros(len(total), np.float32)
    if present.any():
        frequency = total[present] / of_images_with_class[present]
        weights[present] = np.median(frequency) / frequency
    return weights
