import random

import pytest
from tiny_png import png_header

from utils.data import png
from utils.data.decoding import decode_image
from utils.errors import UsageError


def test_pixels_inflate_to_no_more_than_the_header_tells(monkeypatch):
    monkeypatch.setattr(png, "UNCHECKED_BYTES", 2**20)
    pixels = b"".join(bytes([0, *range(100)] * 3)[:301] for _ in range(50))
    good = png_header(100, 50, data=pixels)
    assert decode_image(good, "a.png").pixels.shape == (50, 100, 3)
    with pytest.raises(UsageError, match="a.png: damaged, it has more data than its header has pixels"):
        decode_image(png_header(100, 50, data=pixels + bytes(3 * 2**20)), "a.png")
    with pytest.raises(UsageError, match="more data"):  # of few repetitions, by its length alone
        decode_image(png_header(10, 10, data=random.Random(0).randbytes(200_000)), "a.png")


@pytest.mark.parametrize("bits, color_type, expected", [(8, 2, 31 * 7), (1, 0, 3 * 7), (16, 6, 81 * 7), (4, 3, 6 * 7)])
def test_bytes_of_the_pixels(bits, color_type, expected):
    assert png.pixel_bytes(png_header(10, 7, bits, color_type)) == expected
