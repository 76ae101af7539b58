import contextlib

import cv2
import numpy as np
import pytest
from PIL import Image
from tiny_labels import save, save_palette

from tools.inputs.storage import encode_png
from utils.class_dict import ClassDict
from utils.data.images import read_image, write_image
from utils.data.labels import read_label, read_pair, write_label
from utils.errors import RunError, UsageError

COLORS = [(128, 128, 128), (128, 64, 128), (64, 0, 128), (0, 0, 0)]


INDICES = np.array([[0, 1, 2, 3], [3, 3, 1, 0], [2, 2, 2, 1]], np.uint8)


@pytest.fixture
def classes():
    return ClassDict(["Sky", "Road", "Car", "Void"], COLORS)


@pytest.fixture
def lenient():
    """The same classes; other colors and indices are ignored."""
    return ClassDict(["Sky", "Road", "Car", "Void"], COLORS, unknown="ignore")


def test_palette_image_becomes_rgb(tmp_path):
    path = save_palette(tmp_path / "a.png", INDICES, COLORS)
    assert np.array_equal(read_image(path), np.array(COLORS, np.uint8)[INDICES])


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "signature", "header", "half", "end", "folder"])
@pytest.mark.parametrize("extension", ["png", "jpg", "bmp", "tif", "webp", "palette.png"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_unreadable_files_are_named(tmp_path, lenient, extension, damage):
    path = tmp_path / f"a.{extension}"
    noise = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
    if extension == "palette.png":
        save_palette(path, noise[..., 0] % 4, COLORS)
    else:
        save(path, noise)
    data = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        damaged = {
            "empty": b"", "text": b"name,r,g,b\n" * 9, "signature": data[:8], "header": data[:26],
            "half": data[: len(data) // 2], "end": data[:-40],
        }[damage]  # fmt: skip
        path.write_bytes(damaged)
    for read in (read_image, lambda path: read_label(path, lenient)):
        with pytest.raises(UsageError, match="cannot read") as error:
            read(path)
        assert str(path) in str(error.value)


def test_damaged_palette_files_give_no_other_error(tmp_path, lenient):
    rng = np.random.default_rng(0)
    path = save_palette(tmp_path / "a.png", rng.integers(0, 4, (30, 30), np.uint8), COLORS)
    data = path.read_bytes()
    for position in range(8, len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0x5A]) + data[position + 1 :])
        with contextlib.suppress(UsageError):
            read_label(path, lenient)


def test_file_names_of_any_alphabet(tmp_path, classes):
    path = tmp_path / "Straße 路 ñ.png"
    write_image(path, classes.decode(INDICES))
    assert np.array_equal(read_label(path, classes), INDICES)


def test_a_photo_is_rotated_only_if_its_label_is(tmp_path, classes):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be rotated by 90 degrees clockwise
    photo = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
    image = save(tmp_path / "a.jpg", photo, exif=exif)
    label = np.zeros((24, 40), np.uint8)
    label[:5] = 1
    for drawn in (label, np.ascontiguousarray(np.rot90(label, -1))):
        pixels, indices = read_pair(image, save(tmp_path / "a.png", classes.decode(drawn)), classes)
        assert np.array_equal(indices, drawn)
        assert np.array_equal(pixels, read_image(image, upright=drawn.shape == (40, 24)))


def test_unequal_sizes_are_reported(tmp_path, classes):
    image, label = (
        save(tmp_path / "a.png", np.zeros((24, 40, 3), np.uint8)),
        save(tmp_path / "b.png", classes.decode(INDICES)),
    )
    with pytest.raises(UsageError) as error:
        read_pair(image, label, classes)
    assert all(part in str(error.value) for part in (str(image), "40x24", str(label), "4x3"))


@pytest.mark.parametrize(
    "extension, alpha", [("png", None), ("png", 0), ("png", 255), ("bmp", None), ("tif", None), ("tif", 255)]
)
def test_labels_by_color(tmp_path, classes, extension, alpha):
    rgb = classes.decode(INDICES)
    if alpha is not None:
        rgb = np.concatenate([rgb, np.full((3, 4, 1), alpha, np.uint8)], axis=-1)
    label = read_label(save(tmp_path / f"a.{extension}", rgb), classes)
    assert label.dtype == np.uint8 and np.array_equal(label, INDICES)


def test_labels_by_color_with_16_bits(tmp_path, classes):
    wide = classes.decode(INDICES).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), wide[..., ::-1] * 257)
    assert np.array_equal(read_label(tmp_path / "a.png", classes), INDICES)
    # A channel of 256 must not be taken for 0.
    wide[0, 0] = 256
    cv2.imwrite(str(tmp_path / "a.png"), wide[..., ::-1])
    with pytest.raises(UsageError, match="uint16"):
        read_label(tmp_path / "a.png", classes)


def test_unknown_colors_name_the_file(tmp_path, classes, lenient):
    rgb = classes.decode(INDICES)
    rgb[0, :2] = (1, 2, 3)
    path = save(tmp_path / "a.png", rgb)
    with pytest.raises(UsageError) as error:
        read_label(path, classes)
    assert str(path) in str(error.value) and "(1, 2, 3) (2 px)" in str(error.value)
    assert read_label(path, lenient)[0].tolist() == [255, 255, 2, 3]


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_palette_by_color_in_another_order(tmp_path, classes, bits):
    order = [3, 1, 0, 2]
    stored = np.argsort(order)[INDICES].astype(np.uint8)
    palette = [*np.array(COLORS)[order], *[(9, 9, 9)] * (2**bits - 4)]
    path = save_palette(tmp_path / "a.png", stored, palette, bits=bits)
    assert np.array_equal(read_label(path, classes), INDICES)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_by_index_with_colors_of_no_class(tmp_path, classes, bits):
    indices = INDICES & (2**bits - 1)
    palette = [(i, 255 - i, 77) for i in range(2**bits)]
    path = save_palette(tmp_path / "a.png", indices, palette, bits=bits)
    assert np.array_equal(read_label(path, classes), indices)


def test_palette_by_color_with_one_bit(tmp_path, classes):
    path = save_palette(tmp_path / "a.png", INDICES % 2, [COLORS[2], COLORS[0]], bits=1)
    assert np.array_equal(read_label(path, classes), np.array([2, 0], np.uint8)[INDICES % 2])


def test_palette_by_color_of_ignored_classes(tmp_path, classes):
    """Colors of ignored classes are known ones: a label that has little else is one by color all the same."""
    fewer = classes.without(["Void"])
    stored = np.array([[0, 0, 1], [0, 1, 1]], np.uint8)
    path = save_palette(tmp_path / "a.png", stored, [COLORS[3], COLORS[1]])
    assert read_label(path, fewer).tolist() == [[255, 255, 1], [255, 1, 1]]
    path = save_palette(tmp_path / "b.png", stored * 0, [COLORS[3]])
    assert (read_label(path, fewer) == 255).all()


def test_gray_ramp_palette_is_by_index(tmp_path):
    grays = ClassDict(["a", "b", "c"], [(2, 2, 2), (1, 1, 1), (0, 0, 0)])
    indices = np.array([[0, 1, 2, 255]], np.uint8)
    path = save_palette(tmp_path / "a.png", indices, np.repeat(np.arange(256)[:, None], 3, axis=1))
    assert np.array_equal(read_label(path, grays), indices)


@pytest.mark.parametrize("used", [[0, 1, 255], [0, 255], [255], [0, 1, 2, 3, 255], [3]])
def test_index_255_is_ignored_as_in_pascal_voc(tmp_path, classes, used):
    palette = np.full((256, 3), 7)
    palette[:4], palette[255] = COLORS, (224, 224, 192)
    stored = np.array([used], np.uint8)
    assert np.array_equal(read_label(save_palette(tmp_path / "a.png", stored, palette), classes), stored)
    # The same with the palette in another order than the classes.
    palette[:4] = COLORS[::-1]
    expected = [[255 if i == 255 else 3 - i for i in used]]
    if sum(i < 4 for i in used) > 0:
        assert read_label(save_palette(tmp_path / "a.png", stored, palette), classes).tolist() == expected


def test_index_255_of_a_class_color_is_that_class(tmp_path, classes):
    palette = np.full((256, 3), 7)
    palette[0], palette[255] = COLORS[1], COLORS[2]
    stored = np.array([[0, 255]], np.uint8)
    assert read_label(save_palette(tmp_path / "a.png", stored, palette), classes).tolist() == [[1, 2]]


def test_unknown_color_of_a_palette_is_reported(tmp_path, classes, lenient):
    path = save_palette(tmp_path / "a.png", INDICES, [*COLORS[:3], (9, 8, 7)])
    with pytest.raises(UsageError, match=r"\(9, 8, 7\) \(3 px\)"):
        read_label(path, classes)
    assert np.array_equal(read_label(path, lenient), np.where(INDICES == 3, 255, INDICES))


@pytest.mark.parametrize("extension", ["png", "bmp", "tif"])
def test_single_channel_is_by_index(tmp_path, classes, extension):
    indices = INDICES.copy()
    indices[1, 1] = 255
    assert np.array_equal(read_label(save(tmp_path / f"a.{extension}", indices), classes), indices)


def test_single_channel_with_alpha_is_by_index(tmp_path, classes):
    with_alpha = np.stack([INDICES, np.full_like(INDICES, 255)], axis=-1)
    assert np.array_equal(read_label(save(tmp_path / "a.png", with_alpha), classes), INDICES)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_gray_of_few_bits_is_by_index(tmp_path, classes, bits):
    indices = INDICES & (2**bits - 1)
    (tmp_path / "a.png").write_bytes(encode_png(indices, bits))
    assert np.array_equal(read_label(tmp_path / "a.png", classes), indices)


def test_index_255_beyond_the_palette_is_ignored_and_not_black(tmp_path, classes):
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(np.array([[1, 0, 255]]), 8, [COLORS[1], COLORS[2]]))
    assert read_label(path, classes).tolist() == [[2, 1, 255]]


@pytest.mark.parametrize("dtype, extension", [(np.uint16, "png"), (np.uint16, "tif"), (np.int32, "tif")])
def test_wide_indices(tmp_path, classes, dtype, extension):
    path = tmp_path / f"a.{extension}"
    indices = INDICES.astype(dtype)
    indices[0, 0] = 255
    assert cv2.imwrite(str(path), indices)
    assert np.array_equal(read_label(path, classes), indices)
    indices[0, :2] = 300
    cv2.imwrite(str(path), indices)
    with pytest.raises(UsageError, match=r"300 \(2 px\)") as error:
        read_label(path, classes)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("value, dtype", [(-1, np.int32), (70_000, np.int32), (1.0, np.float32)])
def test_pixels_outside_of_the_index_range_are_reported(tmp_path, classes, value, dtype):
    path = tmp_path / "a.tif"
    assert cv2.imwrite(str(path), np.full((2, 2), value, dtype))
    with pytest.raises(UsageError, match=np.dtype(dtype).name):
        read_label(path, classes)


def test_unknown_indices_are_reported_with_counts(tmp_path, classes, lenient):
    indices = INDICES.copy()
    indices[0, :2], indices[1, 0] = 4, 77
    path = save(tmp_path / "a.png", indices)
    with pytest.raises(UsageError, match=r"4 \(2 px\), 77 \(1 px\)") as error:
        read_label(path, classes)
    assert str(path) in str(error.value)
    assert (read_label(path, lenient) == 255).sum() == 3


def test_black_and_white_mask_is_by_color_if_these_are_classes(tmp_path):
    """Else all white pixels would be taken for ignored ones: training would run, and learn nothing."""
    binary = ClassDict(["ground", "crack"], [(0, 0, 0), (255, 255, 255)])
    mask = np.array([[0, 255, 255]], np.uint8)
    path = tmp_path / "a.png"
    assert read_label(save(path, mask), binary).tolist() == [[0, 1, 1]]
    # As soon as there is another index, 255 is the ignored one.
    assert read_label(save(path, np.array([[0, 1, 255]], np.uint8)), binary).tolist() == [[0, 1, 255]]
    # The same values without a white class can be read in two ways, which is no matter of one file.
    colored = ClassDict(["ground", "crack"], [(0, 0, 0), (255, 0, 0)])
    with pytest.raises(UsageError, match="two ways"):
        read_label(save(path, mask), colored)
    colored.readings = {"gray": "binary"}
    assert read_label(path, colored).tolist() == [[0, 1, 1]]
    colored.readings = {"gray": "indices"}
    assert read_label(path, colored).tolist() == [[0, 255, 255]]


def test_labels_are_written_as_indices(tmp_path):
    classes = ClassDict(["a", "b"], [(0, 0, 0), (9, 9, 9)])
    label = np.array([[0, 1, 255]], np.uint8)
    write_label(tmp_path / "a.png", label)
    assert (tmp_path / "a.png").read_bytes()[24:26] == b"\x08\x00"  # 8 bits, gray
    assert read_label(tmp_path / "a.png", classes).tolist() == label.tolist()
    with pytest.raises(RunError, match="cannot write"):
        write_label(tmp_path / "a.none", label)
