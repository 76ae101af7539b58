import io

import cv2
import numpy as np
import pytest
from PIL import Image
from tiny_labels import save, save_palette

from utils.data.label_files import is_label, read_stored
from utils.errors import UsageError

GRAYS = np.array([[0, 1, 2], [3, 255, 7]], np.uint8)


@pytest.mark.parametrize("extension", ["png", "bmp", "tif", "gif"])
def test_grays_of_8_bits(tmp_path, extension):
    stored = read_stored(save(tmp_path / f"a.{extension}", GRAYS))
    assert stored.kind == "gray" and stored.bits == 8 and np.array_equal(stored.pixels, GRAYS)


@pytest.mark.parametrize("extension", ["png", "bmp", "tif", "webp"])
def test_colors(tmp_path, extension):
    rgb = np.stack([GRAYS, GRAYS * 2, GRAYS * 0], axis=-1)
    stored = read_stored(save(tmp_path / f"a.{extension}", rgb, **({"lossless": True} if extension == "webp" else {})))
    assert stored.kind == "rgb" and np.array_equal(stored.pixels, rgb) and not stored.lossy


@pytest.mark.parametrize("extension", ["png", "tif", "webp"])
def test_alpha_neither_counts_nor_multiplies(tmp_path, extension):
    rgba = np.stack([GRAYS, GRAYS, GRAYS * 0, GRAYS // 2], axis=-1)
    options = {"lossless": True, "exact": True} if extension == "webp" else {}
    stored = read_stored(save(tmp_path / f"a.{extension}", rgba, **options))
    assert stored.kind == "rgb" and np.array_equal(stored.pixels, rgba[..., :3])


@pytest.mark.parametrize("extension", ["png", "bmp", "tif", "gif"])
def test_palettes_keep_their_indices(tmp_path, extension):
    palette = [(9, 8, 7), (255, 0, 0), (0, 0, 255), (1, 2, 3)]
    indices = np.array([[0, 1, 2], [3, 0, 1]], np.uint8)
    stored = read_stored(save_palette(tmp_path / f"a.{extension}", indices, palette))
    assert stored.kind == "palette"
    assert np.array_equal(stored.palette[stored.pixels], np.array(palette, np.uint8)[indices])
    assert extension == "gif" or np.array_equal(stored.pixels, indices)  # GIF writers may sort the palette


def test_a_black_gif_of_a_color_palette_keeps_it(tmp_path):
    """Its index would get lost, and with it what the files of its dataset have in common."""
    palette = [(255, 0, 0), (0, 0, 255), (0, 0, 0), (1, 2, 3)]
    path = save_palette(tmp_path / "a.gif", np.full((2, 3), 2, np.uint8), palette, optimize=False)
    stored = read_stored(path)
    assert stored.kind == "palette" and (stored.pixels == 2).all() and not stored.palette[2].any()


@pytest.mark.parametrize("extension", ["png", "bmp", "tif"])
def test_one_bit(tmp_path, extension):
    mask = np.array([[True, False, True]])
    Image.fromarray(mask).save(tmp_path / f"a.{extension}")
    stored = read_stored(tmp_path / f"a.{extension}")
    values = stored.pixels * (255 if stored.bits == 1 else 1)
    if stored.kind == "palette":  # a 1-bit BMP
        values = stored.palette[stored.pixels][..., 0]
    assert np.array_equal(values, mask * 255)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.int32, np.int64])
def test_numpy_arrays(tmp_path, dtype):
    labels = (GRAYS > 1).astype(dtype) if dtype is bool else GRAYS.astype(dtype)
    np.save(tmp_path / "a.npy", labels)
    stored = read_stored(tmp_path / "a.npy")
    assert stored.kind == "gray" and np.array_equal(stored.pixels, labels.astype(int))
    assert stored.bits == {bool: 1, np.uint8: 8}.get(dtype, 16)


def test_numpy_colors(tmp_path):
    rgb = np.stack([GRAYS] * 3, axis=-1)
    np.save(tmp_path / "a.npy", rgb)
    assert np.array_equal(read_stored(tmp_path / "a.npy").pixels, rgb)


@pytest.mark.parametrize(
    "array, words",
    [
        (np.array([[0.5]]), "float64"),
        (np.array([[-1]]), "int64"),
        (np.zeros((2, 2, 4), np.uint8), "shape"),
        (np.zeros(3, np.uint8), "shape"),
        (np.zeros((0, 3), np.uint8), "shape"),
        (np.array([[{}]], object), "array of numbers"),
    ],
)
def test_arrays_that_are_no_labels(tmp_path, array, words):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(UsageError, match=words) as error:
        read_stored(tmp_path / "a.npy")
    assert str(tmp_path / "a.npy") in str(error.value)


def test_truncated_array(tmp_path):
    np.save(tmp_path / "a.npy", GRAYS)
    data = (tmp_path / "a.npy").read_bytes()
    for length in (8, 40, len(data) - 1):
        (tmp_path / "a.npy").write_bytes(data[:length])
        with pytest.raises(UsageError, match="damaged"):
            read_stored(tmp_path / "a.npy")


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.fromarray(np.full((2, 3), value, np.uint8)) for value in (5, 9)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    stored = read_stored(tmp_path / "a.gif")
    shown = stored.pixels if stored.palette is None else stored.palette[stored.pixels][..., 0]
    assert (shown == 5).all()


def test_pages_are_refused(tmp_path):
    frames = [Image.fromarray(GRAYS)] * 3
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(UsageError, match="3 pages"):
        read_stored(tmp_path / "a.tif")


def test_16_bit_colors_of_8_bits(tmp_path):
    rgb = np.stack([GRAYS, GRAYS, GRAYS * 0], axis=-1)
    for extension in ("png", "tif"):
        cv2.imwrite(str(tmp_path / f"a.{extension}"), rgb[..., ::-1].astype(np.uint16) * 257)
        assert np.array_equal(read_stored(tmp_path / f"a.{extension}").pixels, rgb)


@pytest.mark.parametrize("extension, name", [("jpg", "JPEG"), ("webp", "lossy WebP"), ("avif", "AVIF")])
def test_lossy_formats_are_named(tmp_path, extension, name):
    stored = read_stored(save(tmp_path / f"a.{extension}", np.zeros((16, 16, 3), np.uint8)))
    assert stored.lossy == name


def test_kinds_of_label_files(tmp_path):
    names = ["a.png", "a.NPY", "b.tif", ".hidden.npy", "a.txt", "a.npz"]
    assert [name for name in names if is_label(tmp_path / name)] == names[:3]


def test_bytes_of_another_kind_than_the_name_says(tmp_path):
    data = io.BytesIO()
    Image.fromarray(GRAYS).save(data, "BMP")
    (tmp_path / "a.png").write_bytes(data.getvalue())
    assert np.array_equal(read_stored(tmp_path / "a.png").pixels, GRAYS)
