import cv2
import numpy as np
import pytest

from tests.utils.data.tiff_files import tiff_bytes
from utils.data.image_format import ImageFormat
from utils.data.image_range import MAX_IMAGES, has_wide_values, measure_range
from utils.errors import UsageError


@pytest.fixture
def make(tmp_path):
    """Writes files, from a list of `(name, array)`, and returns their paths."""

    def make(*files):
        paths = [tmp_path / name for name, _ in files]
        for path, (_, pixels) in zip(paths, files):
            if path.suffix == ".tif":
                path.write_bytes(tiff_bytes(pixels, 2 if pixels.ndim == 3 and pixels.shape[2] == 3 else 1))
            else:
                cv2.imwrite(str(path), pixels)
        return paths

    return make


def values(low, high, shape=(50, 60, 3), dtype=np.uint16, seed=0):
    return np.random.default_rng(seed).uniform(low, high, shape).astype(dtype)


@pytest.mark.parametrize(
    "name, dtype, wide",
    [("a.png", "u1", False), ("a.png", "u2", True), ("a.tif", "u1", False), ("a.tif", "u2", True)]
    + [("a.tif", "f4", True), ("a.jp2", "u1", False), ("a.jp2", "u2", True), ("a.jpg", "u1", False)],
)
def test_wide_values(name, dtype, wide, make):
    assert has_wide_values(make((name, values(0, 200, dtype=dtype)))[0]) == wide


def test_files_that_cannot_be_read_are_left_to_the_checks(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"II*\0")
    paths = [tmp_path / "a.tif", tmp_path / "missing.png"]
    assert not any(map(has_wide_values, paths))
    assert measure_range(paths, ImageFormat()) == (ImageFormat(), "")


def test_percentiles_over_all_images(make):
    """A hot pixel in one image and darker ones do not matter; the range is the same in every run."""
    hot = values(100, 3900)
    hot[0, 0] = 65535
    paths = make(("a.png", hot), ("b.png", values(200, 900, seed=1)), ("c.png", values(150, 2000, seed=2)))
    image_format, text = measure_range(paths, ImageFormat())
    low, high = image_format.value_range
    assert 100 <= low < 120 and 3800 < high <= 3900
    assert text == (
        f"images: 16-bit, scaled from {low:g}..{high:g} (0.1 and 99.9 percentiles of 3 training images) to 0..255; "
        "--image_range sets it"
    )
    assert measure_range(paths, ImageFormat(), workers=3)[0] == image_format


def test_only_the_chosen_bands_count(make):
    pixels = np.concatenate([values(0, 100), values(1000, 4000, (50, 60, 1))], axis=2)
    paths = make(("a.tif", pixels))
    assert measure_range(paths, ImageFormat((1, 2)))[0].value_range[1] <= 100
    assert measure_range(paths, ImageFormat((4,), channels=1))[0].value_range[0] >= 1000


def test_8_bits_have_no_range(make):
    paths = make(("a.png", values(0, 255, dtype="u1")), ("b.png", values(0, 5000)))
    assert measure_range(paths[:1], ImageFormat()) == (ImageFormat(), "")
    assert measure_range(paths, ImageFormat())[1].endswith("; 1 images of 8 bits keep 0..255")
    fixed = ImageFormat(value_range=(0.0, 4095.0))
    assert measure_range(paths, fixed) == (fixed, "")
    with pytest.raises(UsageError, match="--image_range is for images of more than 8 bits"):
        measure_range(paths[:1], fixed)


def test_missing_values_do_not_count(make):
    pixels = values(0.2, 0.8, dtype="f4")
    pixels[:5], pixels[5], pixels[6] = np.nan, np.inf, -np.inf
    low, high = measure_range(make(("a.tif", pixels)), ImageFormat())[0].value_range
    assert 0.19 < low < 0.21 and 0.79 < high < 0.81


@pytest.mark.parametrize("dtype, value", [("u2", 7), ("f4", 0.5), ("f4", 0)])
def test_a_single_value_is_a_range(make, dtype, value):
    low, high = measure_range(make(("a.tif", np.full((9, 9, 3), value, dtype))), ImageFormat())[0].value_range
    assert low <= value < high


def test_many_images_are_sampled_evenly(make):
    count = 2 * MAX_IMAGES + 1
    paths = make(*((f"{n:04d}.png", np.full((2, 2), n, np.uint16)) for n in range(count)))
    (low, high), text = measure_range(paths, ImageFormat())[0].value_range, measure_range(paths, ImageFormat())[1]
    assert low <= 2 and high >= count - 5 and f"of {MAX_IMAGES} training images" in text
