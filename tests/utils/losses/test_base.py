import numpy as np
import pytest
from keras import ops

from utils.losses.base import SegmentationLoss, ratio, split_ignored


def test_split_ignored():
    labels, valid = split_ignored(np.array([[[0, 3, 255]]], np.uint8))
    assert ops.convert_to_numpy(labels).tolist() == [[[0, 3, 0]]]
    assert ops.convert_to_numpy(valid).tolist() == [[[True, True, False]]]


@pytest.mark.parametrize("weights, expected", [(None, 1.5), ([1, 3, 1], 1.75), ([0, 0, 1], 0)])
def test_mean_over_classes(weights, expected):
    loss = SegmentationLoss(3, weights)
    mean = loss.mean_over_classes(np.array([1, 2, 30], np.float32), np.array([True, True, False]))
    assert float(mean) == expected


def test_ratio_is_0_where_the_denominator_is_0():
    assert ops.convert_to_numpy(ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0]))).tolist() == [0.5, 0]
