import pytest

from utils.distribution import describe, largest_divisor


@pytest.mark.parametrize("batch_size, most, expected", [(32, 8, 8), (12, 8, 6), (1, 8, 1), (7, 4, 1), (4, 8, 4)])
def test_largest_divisor(batch_size, most, expected):
    assert largest_divisor(batch_size, most) == expected


def test_devices_are_told():
    assert describe(1, 1, 4) is None
    assert describe(8, 8, 32) == "Devices --> 8 of 8, with 4 images of each batch"
    assert describe(1, 2, 1).endswith("multiple of 2, such as 2") and "with 1 image of" in describe(1, 2, 1)
    assert describe(6, 8, 12).endswith("multiple of 8, such as 16")
