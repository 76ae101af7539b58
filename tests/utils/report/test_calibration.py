"""Calibration, against the definition of Guo et al., pixel by pixel."""

import numpy as np
import pytest

from utils.report.calibration import Calibration


def test_random_images():
    rng, calibration = np.random.default_rng(0), Calibration(15)
    pixels = []
    for _ in range(3):
        label = rng.choice([0, 1, 2, 255], (17, 23)).astype(np.uint8)
        prediction = rng.integers(0, 3, label.shape).astype(np.uint8)
        confidence = rng.uniform(0.33, 1, label.shape).astype(np.float32)
        confidence[0, :4] = 1.0, 0.4, 0.6, 0.8  # upper ends of bins belong to them
        calibration.update(label, prediction, confidence)
        pixels += [(c, a == b) for a, b, c in zip(label.flat, prediction.flat, confidence.flat) if a != 255]
    result, ece = calibration.result(), 0
    for bin in range(15):
        inside = [(c, hit) for c, hit in pixels if bin / 15 < c <= (bin + 1) / 15 + 1e-9]
        assert result["count"][bin] == len(inside)
        if inside:
            confidence, accuracy = np.mean(inside, axis=0)
            assert result["confidence"][bin] == pytest.approx(confidence)
            assert result["accuracy"][bin] == pytest.approx(accuracy)
            ece += len(inside) / len(pixels) * abs(accuracy - confidence)
        else:
            assert result["confidence"][bin] is result["accuracy"][bin] is None
    assert result["ece"] == pytest.approx(ece)


def test_confidence_that_is_the_accuracy_has_no_error():
    calibration = Calibration()
    label = np.zeros(1000, np.uint8)
    prediction = (np.arange(1000) >= 700).astype(np.uint8)
    calibration.update(label, prediction, np.full(1000, 0.7))
    assert calibration.result()["ece"] == pytest.approx(0, abs=1e-6)


def test_no_pixels():
    calibration = Calibration()
    calibration.update(np.full((2, 2), 255, np.uint8), np.zeros((2, 2), np.uint8), np.ones((2, 2)))
    assert calibration.result()["ece"] is None
