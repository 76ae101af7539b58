import json

import numpy as np
import pytest

from tests.utils.data.tiff_files import samples_of
from utils import notices
from utils.data.decoding import StoredImage
from utils.data.image_format import ImageFormat, scale_to_bytes
from utils.errors import UsageError


@pytest.fixture(autouse=True)
def told(monkeypatch, capsys):
    """A function that returns what was told, with nothing told before."""
    monkeypatch.setattr(notices, "_told", set())
    return lambda: capsys.readouterr().err


def stored(dtype="u1", bands=3, colors=3, **options):
    return StoredImage(samples_of(dtype, bands), colors, **options)


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({}, ImageFormat()),
        ({"bands": None, "image_range": "auto", "input_channels": None}, ImageFormat()),
        ({"bands": "4,1", "image_range": "0,3987"}, ImageFormat((4, 1), (0.0, 3987.0), 2)),
        ({"image_range": "-0.5,1.25"}, ImageFormat(value_range=(-0.5, 1.25))),
        ({"input_channels": 5}, ImageFormat(channels=5)),
    ],
)
def test_settings_round_trip(settings, expected):
    image_format = ImageFormat.from_settings(settings)
    assert image_format == expected
    assert ImageFormat.from_settings(json.loads(json.dumps(image_format.to_settings()))) == expected


def test_bands_and_channels_must_agree():
    with pytest.raises(UsageError, match="--bands 4,1,2: 3 bands for 4 input channels"):
        ImageFormat.from_settings({"bands": "4,1,2", "input_channels": 4})


@pytest.mark.parametrize(
    "image_format, image, chosen",
    [
        (ImageFormat(), stored(), [0, 1, 2]),
        (ImageFormat(), stored(bands=1, colors=1), [0, 0, 0]),
        (ImageFormat(), stored(bands=2, colors=1, has_alpha=True), [0, 0, 0]),
        (ImageFormat(), stored(bands=4, has_alpha=True), [0, 1, 2]),
        (ImageFormat(), stored(bands=4), [0, 1, 2]),
        (ImageFormat(), stored(bands=4, colors=0), [0, 1, 2]),
        (ImageFormat(channels=4), stored(bands=4, has_alpha=True), [0, 1, 2, 3]),
        (ImageFormat(channels=8), stored(bands=8, colors=0), range(8)),
        (ImageFormat(channels=1), stored(bands=1, colors=1), [0]),
        (ImageFormat((4, 1, 2)), stored(bands=5, colors=0), [3, 0, 1]),
        (ImageFormat((2,), channels=1), stored(), [1]),
    ],
)
def test_bands(image_format, image, chosen):
    converted = image_format.convert(image, "a.tif")
    assert np.array_equal(converted, image.pixels[..., list(chosen)]) and converted.flags.c_contiguous


@pytest.mark.parametrize(
    "image_format, image, words",
    [
        (ImageFormat(), stored(bands=2, colors=0), "has 2 bands, and the network takes 3; --input_channels 2 trains"),
        (ImageFormat(), stored(bands=5, colors=3), "has 5 bands.*--bands 1,2,3.*--input_channels 5"),
        (ImageFormat(channels=4), stored(), "has 3 bands, and the network takes 4; --input_channels 3"),
        (ImageFormat(channels=4), stored(bands=1, colors=1), "has 1 band, and the network takes 4"),
        (
            ImageFormat(channels=1),
            stored(),
            "has 3 bands, and the network takes 1; choose with --bands, such as --bands 1",
        ),
        (ImageFormat((2, 4)), stored(), "has 3 bands, not the band 4"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(image_format, image, words):
    with pytest.raises(UsageError, match=f"^a.tif {words}"):
        image_format.convert(image, "a.tif")


def test_what_is_left_out_is_told_once(told):
    for name in ("a.tif", "b.tif"):
        ImageFormat().convert(stored(bands=4, has_alpha=True), name)
        ImageFormat().convert(stored(bands=4), name)
        ImageFormat().convert(stored(pages=5), name)
    lines = told().splitlines()
    assert len(lines) == 3 and all("a.tif" in line for line in lines)
    assert "alpha" in lines[0] and "--bands" in lines[1] and "5 pages" in lines[2]


def test_an_opaque_alpha_channel_is_not_worth_a_word(told):
    image = stored(bands=4, has_alpha=True)
    image.pixels[..., 3] = 255
    ImageFormat().convert(image, "a.png")
    assert told() == ""


@pytest.mark.parametrize("dtype", ["u2", "i2", "u4", "i4", "f4", "f8"])
def test_range_becomes_bytes(dtype, told):
    pixels = np.array([0, 100, 101, 2100, 4099, 4100, 9000]).astype(dtype).reshape(1, 7, 1)
    image_format = ImageFormat(value_range=(100.0, 4100.0), channels=1)
    assert image_format.convert(StoredImage(pixels, 1), "a").ravel().tolist() == [0, 0, 0, 128, 255, 255, 255]
    assert told() == ""


def test_8_bits_keep_their_values():
    image = stored()
    assert np.array_equal(ImageFormat(value_range=(100.0, 4100.0)).convert(image, "a"), image.pixels)


@pytest.mark.parametrize(
    "dtype, values, full",
    [
        ("u2", [0, 200], 255),
        ("u2", [0, 700], 1023),
        ("u2", [9, 4095], 4095),
        ("u2", [0, 4096], 16383),
        ("u2", [0, 65535], 65535),
        ("i4", [0, 252], 255),
        ("f4", [0, 0.98], 1),
        ("f8", [0, 252.5], 255),
    ],
)
def test_an_unknown_range_is_a_usual_full_scale_and_told(dtype, values, full, told):
    pixels = np.array(values).astype(dtype).reshape(1, -1, 1)
    converted = ImageFormat(channels=1).convert(StoredImage(pixels, 1), "a.tif")
    assert converted.ravel().tolist() == [round(255 * float(value) / full) for value in pixels.ravel()]
    assert f"0..{full} becomes 0..255; --image_range" in told()


@pytest.mark.parametrize("dtype, values", [("i2", [-500, 2000]), ("u4", [0, 252000]), ("f4", [-0.5, 1])])
def test_a_range_that_cannot_be_guessed_is_asked_for(dtype, values):
    pixels = np.array(values).astype(dtype).reshape(1, -1, 1)
    with pytest.raises(UsageError, match="a.tif has .* values from .* --image_range LOW,HIGH"):
        ImageFormat(channels=1).convert(StoredImage(pixels, 1), "a.tif")


@pytest.mark.parametrize("values", [[0.0, 0.5, 1.0], [5000.0, 60000.0, 65000.0]])
def test_values_outside_of_the_range_of_the_training_are_told(values, told):
    image_format = ImageFormat(value_range=(600.0, 3500.0), channels=1)
    for name in ("a.tif", "b.tif"):
        image_format.convert(StoredImage(np.array(values, "f4").reshape(1, -1, 1), 1), name)
    image_format.convert(StoredImage(np.array([[[0], [2000]]], "u2"), 1), "c.tif")
    text = told()
    assert text.count("\n") == 1
    assert "a.tif has float32 values of which 100 % are black or white in the range of the training, 600..3500" in text


def test_missing_values_become_black(told):
    pixels = np.array([np.nan, np.inf, -np.inf, -9999, 0.25, 1], "f4").reshape(1, -1, 1)
    for image_format in (ImageFormat(channels=1), ImageFormat(value_range=(0.0, 1.0), channels=1)):
        converted = image_format.convert(StoredImage(pixels, 1, nodata=-9999.0), "a.tif")
        assert converted.ravel().tolist() == [0, 0, 0, 0, 64, 255]
    assert told().count("without data") == 1
    wide = np.array([65535, 0, 1000], "u2").reshape(1, -1, 1)
    converted = ImageFormat(value_range=(0.0, 1000.0), channels=1).convert(StoredImage(wide, 1, nodata=65535.0), "a")
    assert converted.ravel().tolist() == [0, 0, 255]
    assert ImageFormat(channels=1).convert(StoredImage(wide, 1, nodata=-1.0), "a").max() == 255  # no such value


def test_scale_of_16_bits_equals_that_of_floats():
    values = np.arange(0, 65536, 7, np.uint16)
    assert np.array_equal(scale_to_bytes(values, 31.0, 3987.0), scale_to_bytes(values.astype("f4"), 31.0, 3987.0))
