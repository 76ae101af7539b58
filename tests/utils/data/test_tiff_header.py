import numpy as np
import pytest
from PIL import Image

from tests.utils.data.tiff_files import samples_of, tiff_bytes
from utils.data.tiff_header import ORIENTATION, is_tiff, read_tiff_header, with_tag


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("dtype, kind", [("u1", 1), ("i2", 2), ("u2", 1), ("f4", 3), ("f8", 3)])
@pytest.mark.parametrize("bands", [1, 4, 8])
def test_every_byte_order_and_size(order, big, dtype, kind, bands):
    pixels = samples_of(dtype, bands)
    data = tiff_bytes(pixels, order=order, big=big, extra=[0] * (bands - 1) or None, tags=[(274, "H", [6])])
    header = read_tiff_header(data)
    assert is_tiff(data)
    assert (header.width, header.height, header.samples, header.orientation) == (9, 6, bands, 6)
    assert header.bits == (8 * pixels.itemsize,) * bands and header.sample_format == kind
    assert header.extra_samples == (0,) * (bands - 1) and not header.has_alpha and not header.is_planar
    upright = with_tag(data, header, ORIENTATION, 1)
    assert read_tiff_header(upright) == header._replace(orientation=1)
    assert len(upright) == len(data) and sum(a != b for a, b in zip(upright, data)) == 1


def test_pages_without_overviews_and_masks():
    data = tiff_bytes(samples_of("u1", 3), 2, pages=5)
    assert read_tiff_header(data).pages == 5
    for kind in (1, 4):
        overview = tiff_bytes(samples_of("u1", 3), 2, pages=5, tags=[(254, "I", [kind])])
        assert read_tiff_header(overview).pages == 1


def test_tags_of_geotiff():
    plain = read_tiff_header(tiff_bytes(samples_of("u1", 1)))
    assert plain.nodata is None and not plain.is_georeferenced
    tags = [(42113, "s", b"-9999\0"), (34735, "H", [1, 1, 0, 1])]
    header = read_tiff_header(tiff_bytes(samples_of("f4", 1), tags=tags))
    assert header.nodata == -9999 and header.is_georeferenced


@pytest.mark.parametrize("extra, alpha", [((0,), False), ((1,), True), ((2,), True), (None, False)])
def test_alpha(extra, alpha):
    assert read_tiff_header(tiff_bytes(samples_of("u1", 4), 2, extra)).has_alpha == alpha


def test_files_of_pillow(tmp_path):
    Image.fromarray(samples_of("u1", 3)).save(tmp_path / "a.tif", compression="tiff_lzw")
    header = read_tiff_header((tmp_path / "a.tif").read_bytes())
    assert (header.compression, header.photometric, header.samples, header.pages) == (5, 2, 3, 1)


@pytest.mark.parametrize(
    "height, rows, strips, is_whole", [(6, 6, 1, True), (6, 2, 3, True), (6, 2, 2, False), (7, 6, 1, False)]
)
def test_strips_are_counted(height, rows, strips, is_whole):
    tags = [(257, "I", [height]), (278, "I", [rows]), (273, "I", [8] * strips), (279, "I", [9] * strips)]
    data = tiff_bytes(samples_of("u1", 1), tags=tags)
    assert read_tiff_header(data).is_whole == is_whole


def test_tiles_are_counted():
    for tiles, is_whole in ((1, False), (2, True)):
        tags = [(256, "I", [20]), (257, "I", [16]), (322, "I", [16]), (323, "I", [16]), (324, "I", [8] * tiles)]
        assert read_tiff_header(tiff_bytes(samples_of("u1", 1), tags=tags)).is_whole == is_whole


def test_damaged_files_have_no_header():
    data = tiff_bytes(samples_of("u2", 3), 2)
    for end in (8, 9, 12, 60):
        assert read_tiff_header(data[:end]) is None
    assert read_tiff_header(b"II*\0" + bytes(np.arange(100, dtype=np.uint8))) is None
    assert not is_tiff(b"\x89PNG") and not is_tiff(b"")
