import io
import warnings

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.utils.data.tiff_files import samples_of, tiff_bytes
from utils.data import tiff
from utils.data.decoding import decode_image
from utils.data.label_files import read_stored
from utils.data.tiff import UnreadableError, choose_library, decode_tiff
from utils.data.tiff_header import read_tiff_header
from utils.errors import UsageError


def decode(data, path="a.tif"):
    return decode_tiff(data, read_tiff_header(data), path)


def pillow_bytes(pixels, mode=None, **options):
    file, image = io.BytesIO(), Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(file, "TIFF", **options)
    return file.getvalue()


# (type, samples, photometric, extra samples): the library that reads it exactly.
KINDS = {
    ("u1", 1, 1, None): "opencv",
    ("u1", 1, 0, None): "opencv",
    ("u1", 3, 2, None): "opencv",
    ("u1", 4, 2, (0,)): "opencv",
    ("u1", 4, 2, (2,)): "pillow",
    ("u1", 4, 2, None): "pillow",
    ("u1", 2, 1, (2,)): "pillow",
    ("u1", 2, 1, (0,)): "rasterio",
    ("u1", 4, 1, (0, 0, 0)): "rasterio",
    ("u1", 5, 2, (0, 0)): "rasterio",
    ("i1", 1, 1, None): "rasterio",
    ("u2", 1, 1, None): "opencv",
    ("u2", 1, 0, None): "opencv",
    ("i2", 1, 1, None): "opencv",
    ("u2", 3, 2, None): "opencv",
    ("u2", 4, 2, (0,)): "opencv",
    ("u2", 4, 2, (2,)): "opencv",
    ("u2", 2, 1, (0,)): "rasterio",
    ("u2", 3, 1, (0, 0)): "opencv",
    ("u2", 4, 1, (0, 0, 0)): "opencv",
    ("f4", 4, 1, (0, 0, 0)): "opencv",
    ("i2", 4, 1, (0, 0, 0)): "opencv",
    ("u2", 8, 1, (0,) * 7): "rasterio",
    ("f4", 1, 1, None): "opencv",
    ("f4", 3, 2, None): "opencv",
    ("f4", 4, 2, (2,)): "opencv",
    ("f8", 1, 1, None): "opencv",
    ("i4", 1, 1, None): "opencv",
    ("u4", 1, 1, None): "opencv",
}


@pytest.mark.parametrize("kind, library", KINDS.items(), ids=str)
@pytest.mark.parametrize("order", "<>")
def test_samples_are_read_exactly(kind, library, order, tmp_path):
    dtype, bands, photometric, extra = kind
    pixels = samples_of(dtype, bands)
    data = tiff_bytes(pixels, photometric, extra, order)
    assert choose_library(read_tiff_header(data)) == library
    if library == "rasterio":
        pytest.importorskip("rasterio")
    (tmp_path / "a.tif").write_bytes(data)
    expected = np.iinfo(pixels.dtype).max - pixels if photometric == 0 else pixels
    decoded = decode(data, tmp_path / "a.tif")
    assert decoded.dtype == pixels.dtype.newbyteorder("=") and np.array_equal(decoded, expected)


@pytest.mark.parametrize(
    "photometric, bands, extra, changes",
    [
        (1, 1, None, {"bits": (4,), "is_tiled": True}),  # Pillow mixes up such tiles
        (2, 4, (0,), {"compression": 50000}),  # Pillow drops the fourth sample, OpenCV has no ZSTD
        (1, 1, None, {"bits": (12,)}),
        (2, 3, None, {"bits": (8, 8, 16)}),
    ],
)
def test_what_the_others_would_read_wrong_is_left_to_rasterio(photometric, bands, extra, changes):
    header = read_tiff_header(tiff_bytes(samples_of("u1", bands), photometric, extra))
    assert choose_library(header) != "rasterio"
    assert choose_library(header._replace(**changes)) == "rasterio"


@pytest.mark.parametrize("bits", [1, 2, 4, 12])
@pytest.mark.parametrize("photometric", ["MINISBLACK", "MINISWHITE"])
@pytest.mark.parametrize("tiled", [False, True])
def test_other_numbers_of_bits(bits, photometric, tiled, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    full, path, layout = 2**bits - 1, tmp_path / "a.tif", {"tiled": tiled}
    layout |= {"blockxsize": 16, "blockysize": 16} if tiled else {}
    dtype = np.uint16 if bits > 8 else np.uint8
    pixels = np.random.default_rng(bits).integers(0, full, (1, 40, 50), dtype, endpoint=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"dtype": dtype, "photometric": photometric, "NBITS": bits, **layout}
        with rasterio.open(path, "w", "GTiff", 50, 40, 1, **options) as file:
            file.write(pixels)
    seen = full - pixels if photometric == "MINISWHITE" else pixels
    assert np.array_equal(decode(path.read_bytes(), path)[..., 0], (seen if bits > 8 else seen * (255 // full))[0])


@pytest.mark.parametrize("dtype, bands", [("u1", 3), ("u1", 4), ("u2", 3), ("u2", 5)])
def test_planes(dtype, bands, tmp_path):
    pixels = samples_of(dtype, bands)
    data = tiff_bytes(pixels, 2, [0] * (bands - 3) or None, planar=True)
    (tmp_path / "a.tif").write_bytes(data)
    if choose_library(read_tiff_header(data)) == "rasterio":
        pytest.importorskip("rasterio")
    assert np.array_equal(decode(data, tmp_path / "a.tif"), pixels)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "lzma", "zstd"])
def test_compressions(compression):
    pixels = samples_of("u1", 3)
    assert np.array_equal(decode(pillow_bytes(pixels, compression=compression)), pixels)


def test_tiles_and_wide_samples_of_opencv():
    for dtype, bands in (("u2", 3), ("u2", 4), ("f4", 4), ("i2", 3)):
        pixels = samples_of(dtype, bands)
        _, data = cv2.imencode(".tif", pixels[..., [2, 1, 0, 3][:bands]])
        assert np.array_equal(decode(data.tobytes()), pixels)


@pytest.mark.parametrize("mode, tolerance", [("P", 60), ("CMYK", 1), ("YCbCr", 4), ("1", None), ("RGBA", 0)])
def test_color_modes_become_rgb(mode, tolerance):
    pixels = cv2.GaussianBlur(samples_of("u1", 3, 24, 32), (0, 0), 4)
    decoded = decode(pillow_bytes(pixels, mode))
    if mode == "1":
        assert decoded.shape[2] == 1 and set(np.unique(decoded)) <= {0, 255}
        return
    assert np.abs(decoded[..., :3].astype(int) - pixels).max() <= tolerance


def test_colors_are_not_multiplied_by_a_fourth_band():
    pixels = samples_of("u1", 4)
    pixels[..., 3] = 7
    for extra in ((0,), (2,), None):
        assert np.array_equal(decode(tiff_bytes(pixels, 2, extra)), pixels)
    opaque = pixels.copy()
    opaque[..., :3] //= 4
    opaque[..., 3] = 64  # associated alpha: stored colors are multiplied by it
    colors = decode(tiff_bytes(opaque, 2, (1,)))[..., :3]
    assert np.abs(colors.astype(int) - np.minimum(opaque[..., :3] * (255 / 64), 255)).max() <= 1


def test_orientation_is_not_applied():
    pixels = samples_of("u1", 3)
    for orientation in range(1, 9):
        data = tiff_bytes(pixels, 2, tags=[(274, "H", [orientation])])
        assert np.array_equal(decode(data), pixels)
        wide = tiff_bytes(pixels.astype(np.uint16), 2, tags=[(274, "H", [orientation])])
        assert np.array_equal(decode(wide), pixels)


@pytest.mark.parametrize(
    "data, words",
    [
        (tiff_bytes(samples_of("u1", 5)), "5 bands of 8-bit unsigned integer"),
        (tiff_bytes(samples_of("u2", 4), planar=True), "4 bands in planes of 16-bit"),
        (tiff_bytes(samples_of("u1", 3), 2, tags=[(259, "H", [34887])]), "LERC compression"),
        (tiff_bytes(samples_of("u1", 3), 2, tags=[(259, "H", [34712])]), "JPEG 2000 compression"),
    ],
)
def test_what_needs_rasterio_says_so(data, words, monkeypatch):
    monkeypatch.setattr(tiff.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnreadableError, match=f"{words}.*pip install rasterio"):
        decode(data)


@pytest.mark.parametrize(
    "data, words",
    [
        (tiff_bytes(samples_of("u1", 3), 8), "neither RGB nor gray"),
        (tiff_bytes(samples_of("f4", 2).view(np.complex64)), "complex"),
        (tiff_bytes(samples_of("u2", 4), 5), "CMYK"),
    ],
)
def test_what_cannot_be_right_is_refused(data, words):
    with pytest.raises(UnreadableError, match=words):
        decode(data)


@pytest.mark.parametrize("compression", ["ZSTD", "LERC", "WEBP"])
def test_compressions_of_rasterio(compression, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    pixels, path = samples_of("u1", 3, 32, 48), tmp_path / "a.tif"
    options = {"WEBP_LOSSLESS": True} if compression == "WEBP" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path, "w", "GTiff", 48, 32, 3, dtype="uint8", compress=compression, photometric="RGB", **options
        ) as file:
            file.write(np.moveaxis(pixels, 2, 0))
    assert np.array_equal(decode(path.read_bytes(), path), pixels)


@pytest.mark.parametrize("kind", [("u1", 3), ("u1", 4), ("u2", 1), ("u2", 8)])
def test_cut_files_are_damaged(kind, tmp_path):
    dtype, bands = kind
    data = tiff_bytes(samples_of(dtype, bands, 40, 50), 2 if bands in (3, 4) else 1)[:-3000]
    (tmp_path / "a.tif").write_bytes(data)
    if bands == 8:
        pytest.importorskip("rasterio")
    assert decode(data, tmp_path / "a.tif") is None


def test_palette_of_rasterio(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    path, colors = tmp_path / "a.tif", np.random.default_rng(0).integers(0, 256, (16, 3), np.uint8)
    indices = np.random.default_rng(1).integers(0, 16, (1, 40, 50), np.uint8)
    layout = {"dtype": "uint8", "NBITS": 4, "tiled": True, "blockxsize": 16, "blockysize": 16}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", "GTiff", 50, 40, 1, photometric="PALETTE", **layout) as file:
            file.write_colormap(1, {index: tuple(color) for index, color in enumerate(colors.tolist())})
            file.write(indices)
    assert choose_library(read_tiff_header(path.read_bytes())) == "rasterio"
    assert np.array_equal(decode(path.read_bytes(), path), colors[indices[0]])


def test_missing_strips_are_no_zeros(tmp_path):
    """Pillow fills what no strip covers with zeros, which are pixels of the first class."""
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_bytes(np.full((6, 9), 2, np.uint8), tags=[(257, "I", [700]), (278, "I", [6])]))
    for read in (lambda: decode_image(path.read_bytes(), path), lambda: read_stored(path)):
        with pytest.raises(UsageError, match="a.tif: damaged, strips of its 9x700 pixels are missing"):
            read()
