import os
import pathlib

import cv2
import numpy as np
import pytest
from PIL import Image

from utils.data.image_format import ImageFormat
from utils.data.images import describe_skipped, is_image, pad, read_image, resize, skipped_kinds, to_rgb, write_image
from utils.errors import RunError, UsageError


def picture(height=24, width=40):
    """Smooth, so that lossy formats stay close; different in every channel and not symmetric."""
    y, x = np.mgrid[:height, :width]
    return np.stack([40 + 4 * x, 220 - 5 * y, 60 + x + 3 * y], axis=-1).astype(np.uint8)


def save(path, pixels, mode=None, **options):
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


@pytest.mark.parametrize(
    "name, yes",
    [("a.png", 1), ("a.JPG", 1), ("a.jpeg", 1), ("a.b.tif", 1), ("a.tiff", 1), ("a.bmp", 1), ("a.WebP", 1)]
    + [(".a.png", 0), ("._a.jpg", 0), ("a.txt", 0), ("png", 0), ("a.png.tmp", 0), ("Thumbs.db", 0), ("a.heic", 0)]
    + [("a.GIF", 1), ("a.avif", 1), ("a.jfif", 1), ("a.jp2", 1)],
)
def test_is_image(name, yes):
    assert is_image(pathlib.Path("folder") / name) == bool(yes)


@pytest.mark.parametrize("extension", ["png", "bmp", "tif", "tiff", "PNG"])
def test_lossless_formats_are_read_exactly(tmp_path, extension):
    pixels = read_image(save(tmp_path / f"a.{extension}", picture()))
    assert pixels.dtype == np.uint8 and np.array_equal(pixels, picture())


@pytest.mark.parametrize("extension", ["jpg", "webp"])
def test_lossy_formats_are_read_with_channels_in_order(tmp_path, extension):
    pixels = read_image(save(tmp_path / f"a.{extension}", picture(), quality=95))
    assert pixels.dtype == np.uint8 and np.abs(pixels.astype(int) - picture()).max() < 25


@pytest.mark.parametrize("extension", ["png", "bmp", "tif", "jpg"])
def test_gray_becomes_rgb(tmp_path, extension):
    gray = picture()[..., 0]
    pixels = read_image(save(tmp_path / f"a.{extension}", gray))
    assert pixels.shape == (24, 40, 3) and np.abs(pixels - gray[..., None].astype(int)).max() < 5


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_gray_with_alpha_becomes_rgb(tmp_path, extension):
    gray_alpha = np.stack([picture()[..., 0], np.full((24, 40), 9, np.uint8)], axis=-1)
    pixels = read_image(save(tmp_path / f"a.{extension}", gray_alpha))
    assert np.array_equal(pixels, np.repeat(gray_alpha[..., :1], 3, axis=2))


@pytest.mark.parametrize("extension, alpha", [("png", 0), ("tif", 255)])
def test_alpha_is_dropped(tmp_path, extension, alpha):
    rgba = np.concatenate([picture(), np.full((24, 40, 1), alpha, np.uint8)], axis=-1)
    assert np.array_equal(read_image(save(tmp_path / f"a.{extension}", rgba)), picture())


@pytest.mark.parametrize("extension", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_become_8(tmp_path, extension, channels):
    pixels = picture() if channels == 3 else picture()[..., 1]
    wide = pixels.astype(np.uint16) * 16 + 3
    cv2.imwrite(str(tmp_path / f"a.{extension}"), wide[..., ::-1] if channels == 3 else wide)
    expected = pixels if channels == 3 else np.repeat(pixels[..., None], 3, axis=2)
    read = read_image(tmp_path / f"a.{extension}", image_format=ImageFormat(value_range=(3.0, 4083.0)))
    assert read.dtype == np.uint8 and np.array_equal(read, expected)
    without = read_image(tmp_path / f"a.{extension}")  # by the full scale of 12 bits
    assert without.dtype == np.uint8 and np.abs(without.astype(int) - expected).max() <= 1


def test_file_names_of_any_alphabet(tmp_path):
    path = tmp_path / "Straße 路 ñ.png"
    write_image(path, picture())
    assert np.array_equal(read_image(path), picture())


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "signature", "half", "folder"])
@pytest.mark.parametrize("extension", ["png", "jpg", "bmp", "tif", "webp"])
def test_unreadable_files_are_named(tmp_path, extension, damage):
    path = tmp_path / f"a.{extension}"
    data = save(path, np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)).read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        damaged = {"empty": b"", "text": b"name,r,g,b\n" * 9, "signature": data[:8], "half": data[: len(data) // 2]}
        path.write_bytes(damaged[damage])
    with pytest.raises(UsageError, match="cannot read") as error:
        read_image(path)
    assert str(path) in str(error.value)


def test_skipped_files_are_counted():
    names = "a.jpg b.heic c.HEIC d.txt .e.txt Thumbs.db folder".split()
    kinds = skipped_kinds(map(pathlib.Path, names))
    assert kinds == {".heic": 2, ".txt": 1}
    assert describe_skipped(kinds) == "skipped 2 .heic, 1 .txt" and describe_skipped(skipped_kinds([])) == ""


def save_rotated(path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return save(path, picture(), quality=95, exif=exif)


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tif"])
def test_exif_orientation_is_applied_only_on_request(tmp_path, extension):
    path = save_rotated(tmp_path / f"a.{extension}", 6)  # 6: rotate by 90 degrees clockwise to see it upright
    stored, upright = read_image(path), read_image(path, upright=True)
    assert stored.shape == (24, 40, 3) and upright.shape == (40, 24, 3)
    assert np.array_equal(upright, np.rot90(stored, -1))
    half_turn = save_rotated(tmp_path / f"b.{extension}", 3)
    assert np.array_equal(read_image(half_turn, upright=True), read_image(half_turn)[::-1, ::-1])


@pytest.mark.parametrize("extension", ["png", "bmp", "tif", "jpg", "PNG"])
def test_write_image_writes_rgb_and_nothing_else(tmp_path, extension):
    path = tmp_path / f"a.{extension}"
    for _ in range(2):  # the second time over the first
        write_image(path, picture())
    assert np.abs(np.asarray(Image.open(path), int) - picture()).max() < (25 if extension == "jpg" else 1)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("failing", ["write_bytes", "replace"])
def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch, failing):
    path = tmp_path / "a.png"
    write_image(path, picture())

    def half_write(self, data):
        with open(self, "wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError("No space left on device")

    def no_replace(source, target):
        raise OSError("No space left on device")

    if failing == "write_bytes":
        monkeypatch.setattr(pathlib.Path, "write_bytes", half_write)
    else:
        monkeypatch.setattr(os, "replace", no_replace)
    with pytest.raises(RunError, match="No space left") as error:
        write_image(path, 255 - picture())
    monkeypatch.undo()
    assert str(path) in str(error.value)
    assert np.array_equal(read_image(path), picture())
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("name", ["missing/a.png", "a.xyz", "a"])
def test_unwritable_files_are_named(tmp_path, name):
    with pytest.raises(RunError, match="cannot write"):
        write_image(tmp_path / name, picture())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("height, width", [(32, 64), (33, 31), (1, 1), (2, 95), (480, 361)])
def test_padding_is_black_on_the_right_and_below(height, width):
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    padded = pad(rgb, height + 3, width + 5)
    assert padded.shape == (height + 3, width + 5, 3)
    assert np.array_equal(padded[:height, :width], rgb)
    assert not padded[height:].any() and not padded[:, width:].any()
    assert np.array_equal(pad(rgb, height, width), rgb)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 8])
def test_any_number_of_bands(channels):
    image = np.random.default_rng(0).integers(0, 256, (6, 9, channels), np.uint8)
    assert pad(image, 32, 64).shape == (32, 64, channels)
    assert resize(image, (12, 5)).shape == (12, 5, channels) and resize(image, (6, 9)) is image
    rgb = to_rgb(image)
    assert rgb.shape == (6, 9, 3) and np.array_equal(rgb[..., 0], image[..., 0])
    assert np.array_equal(rgb[..., 2], image[..., 2 if channels > 2 else 0])


def test_pipes_and_devices_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("/dev/zero")
    for name in ("a.png", "b.png"):
        with pytest.raises(UsageError, match=f"cannot read .*{name}: a pipe or device, not a file"):
            read_image(tmp_path / name)
