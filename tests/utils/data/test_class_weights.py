import numpy as np
import pytest

from utils.data.class_weights import median_frequency_weights


def test_median_frequency_weights_by_hand():
    pixels = np.array([[60, 40, 0, 0], [80, 0, 10, 0]])  # of 100 each; 10 of the second image are ignored
    # Frequencies: 140 / 190, 40 / 100, 10 / 90; the median is the second; the last class never occurs.
    expected = [0.4 / (140 / 190), 1.0, 0.4 / (10 / 90), 0.0]
    weights = median_frequency_weights(pixels)
    assert weights.dtype == np.float32 and np.allclose(weights, expected)
    # An even number of classes: the median lies between two.
    two = median_frequency_weights(np.array([[3, 1]]))
    assert np.allclose(two, [0.5 / 0.75, 0.5 / 0.25])


@pytest.mark.filterwarnings("error")
def test_median_frequency_weights_of_nothing_are_0():
    assert median_frequency_weights(np.zeros((1, 3), int)).tolist() == [0, 0, 0]
