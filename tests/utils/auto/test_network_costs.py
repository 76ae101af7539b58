"""Costs of networks by their layers."""

import pytest

from utils.auto.network_costs import SIDE, measure_costs


def test_costs_of_a_small_network_by_hand():
    """The network "tiny": 3x3 convolutions to 8 and 16 channels at strides 2 and 4, a classifier at stride 2."""
    costs = measure_costs("tiny", "MobileNet")
    convolutions = 9 * 3 * 8 + 9 * 8 * 16
    assert convolutions < costs.parameters < convolutions + 24 * 12 * 9 + 200
    stride_2, stride_4 = 4 * 8 / 4, 4 * 16 / 16  # bytes of a feature per pixel of the image
    assert stride_2 + stride_4 < costs.feature_bytes < 300
    assert costs.seconds > 0 and SIDE % 32 == 0


def test_auxiliary_heads_count():
    assert measure_costs("tiny-heads", "MobileNet").parameters > measure_costs("tiny", "MobileNet").parameters / 10
    with pytest.raises(KeyError):
        measure_costs("nothing", "MobileNet")
