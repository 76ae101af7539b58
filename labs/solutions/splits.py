"""Solutions of lab 8: hashes, near duplicates, and splits by drive."""

import numpy as np


def average_hash(image):
    """Computes which of 8x8 cells are brighter than the image's mean."""
    gray = image.astype(float).mean(axis=2)
    cells = gray.reshape(8, gray.shape[0] // 8, 8, gray.shape[1] // 8).mean(axis=(1, 3))
    return (cells > cells.mean()).reshape(64)


def share_with_twin(validation, training, limit):
    """Computes the share of validation images that have a near duplicate in training."""
    distances = (validation[:, None] != training[None]).sum(axis=2)
    return float((distances.min(axis=1) <= limit).mean())


def split_by_drive(drives, share, seed):
    """Chooses whole drives for validation."""
    names = sorted(set(drives))
    count = min(max(round(share * len(names)), 1), len(names) - 1)
    chosen = np.random.default_rng(seed).permutation(names)[:count]
    return np.isin(drives, chosen)
