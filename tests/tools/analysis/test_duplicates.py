"""Difference hash."""

import cv2
import numpy as np

from tools.analysis.duplicates import difference_hash


def test_difference_hash_survives_brightness_and_size():
    rgb = cv2.resize(np.random.default_rng(1).integers(0, 200, (9, 9, 3), np.uint8), (90, 80))
    brighter = cv2.resize((rgb * 1.2).astype(np.uint8), (180, 160))
    assert np.bitwise_count(difference_hash(rgb) ^ difference_hash(brighter)) <= 3
    assert np.bitwise_count(difference_hash(rgb) ^ difference_hash(rgb[:, ::-1])) > 20
