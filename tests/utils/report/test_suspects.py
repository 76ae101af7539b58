"""Suspect areas: against a flood fill, and their order."""

import numpy as np
import pytest

from utils.report.suspects import Region, find_regions, suspicion


def test_an_object_of_another_class_is_one_region():
    label, prediction = np.zeros((40, 60), np.uint8), np.zeros((40, 60), np.uint8)
    prediction[10:20, 5:25], prediction[10:20, 25:35] = 1, 2  # side by side
    prediction[30, :] = 3  # a line is an inexact outline
    prediction[0:5, 40:60] = 1
    label[0:5, 40:60] = 255
    confidence = np.full(label.shape, 0.99)
    confidence[10:20, 5:10] = 0.5
    first, second = find_regions(label, prediction, confidence, 0.9)
    assert first[:2] == (0, 1) and first[3:] == (11, 11, 13, 8)
    assert second[:2] == (0, 2) and second[3:] == (26, 11, 8, 8)
    assert first.weight == pytest.approx(-np.log(0.01) * 13 * 8)
    assert find_regions(label, label, confidence) == []


def test_an_area_beside_its_class_is_rather_an_outline():
    label, prediction = np.zeros((40, 60), np.uint8), np.zeros((40, 60), np.uint8)
    prediction[10:20, 10:20] = 1
    confidence = np.full(label.shape, 0.99)
    (alone,) = find_regions(label, prediction, confidence)
    label[10:20, 20:30] = prediction[10:20, 20:30] = 1
    (beside,) = find_regions(label, prediction, confidence)
    assert beside[3:] == alone[3:] and 0.3 * alone.weight < beside.weight < 0.8 * alone.weight


def test_rare_confusions_count_more():
    usual, rare = Region(0, 1, 100.0, 0, 0, 1, 1), Region(2, 3, 100.0, 0, 0, 1, 1)
    images = [[usual], [usual], [usual], [rare], []]
    values = suspicion(images)
    assert values[3][0] > values[0][0] > 0 and values[4] == []
    assert suspicion([[usual, usual]])[0] == pytest.approx([100 / 201**0.5] * 2)
