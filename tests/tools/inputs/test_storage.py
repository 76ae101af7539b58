import io

import numpy as np
import pytest
from PIL import Image

from tools.inputs.storage import PALETTES, STORAGES, encode_png, palette_colors, write_file


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_own_png_files_as_pillow_reads_them(bits):
    most = 2**bits - 1
    pixels = np.array([[0, most, 1], [1, 0, most]])
    image = Image.open(io.BytesIO(encode_png(pixels, bits)))
    read = np.asarray(image).astype(int)
    assert read.tolist() == (pixels * (255 // most if 1 < bits < 8 else 1)).tolist()  # Pillow scales 2 and 4 bits
    if bits <= 8:
        image = Image.open(io.BytesIO(encode_png(pixels, bits, [(9, 9, 9), (8, 7, 6)])))
        assert image.mode == "P" and np.asarray(image).tolist() == pixels.tolist()
        assert image.getpalette()[3:6] == [8, 7, 6]


@pytest.mark.parametrize("channels, mode", [(2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_own_png_files_of_several_channels(channels, mode):
    pixels = np.arange(12 * channels).reshape(3, 4, channels)
    image = Image.open(io.BytesIO(encode_png(pixels)))
    assert image.mode == mode and np.array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("storage", STORAGES)
def test_files_are_of_the_format_that_their_name_says(storage, tmp_path):
    form = STORAGES[storage]
    pixels = np.resize([0, 1], (16, 24, 3) if form.channels == "rgb" else (16, 24))
    palette = palette_colors("other colors", [], min(form.most + 1, 256)) if form.channels == "palette" else None
    path = write_file(tmp_path, "a", storage, pixels, palette)
    if form.extension == "npy":
        assert np.array_equal(np.load(path), pixels)
    else:
        image = Image.open(path)
        assert image.size == (24, 16) and image.format.lower() == storage.split()[0]
        assert (image.mode == "P") == (form.channels == "palette")


@pytest.mark.parametrize("name", PALETTES)
def test_palettes_have_one_color_per_entry(name):
    colors = palette_colors(name, [(1, 2, 3), (4, 5, 6)], 256)
    assert len(colors) == 256 and all(len(color) == 3 and 0 <= min(color) <= max(color) < 256 for color in colors)
