"""Images that annotations name: finding, sizes, EXIF orientation of labels."""

import pathlib
import struct
import zlib

import pytest
from PIL import Image
from tiny_sources import photo

from tools.formats.images import ImageFinder, draw_label, image_size, unique_names
from utils.data.png import PNG_SIGNATURE
from utils.errors import UsageError


@pytest.mark.parametrize(
    "name, found",
    [
        ("a.jpg", "images/a.jpg"),
        ("images/a.jpg", "images/a.jpg"),
        ("images\\a.jpg", "images/a.jpg"),
        ("C:\\Users\\me\\a.jpg", "images/a.jpg"),
        ("/data/upload/1/a.jpg", "images/a.jpg"),
        ("frame_000000", "images/frame_000000.PNG"),
        ("frame_000000.png", "images/frame_000000.PNG"),
        ("seq/b.jpg", "images/seq/b.jpg"),
        ("../in/images/a.jpg", "images/a.jpg"),
        ("project/7/seq/b.jpg", "images/seq/b.jpg"),
        ("a.png", None),
        ("b.jpg", None),
        ("", None),
        ("..", None),
        ("x" * 5000, None),
        ("a\0.jpg", None),
    ],
)
def test_names_in_annotations(tmp_path, name, found):
    for path in ("a.jpg", "frame_000000.PNG", "seq/b.jpg"):
        photo(tmp_path / "in" / "images" / path)
    finder = ImageFinder(tmp_path / "in" / "images", tmp_path / "in")
    assert finder.find(name) == (tmp_path / "in" / found if found else None)


def test_one_file_is_not_taken_for_two_names(tmp_path):
    photo(tmp_path / "a.jpg")
    finder = ImageFinder(tmp_path)
    assert finder.find("one/a.jpg") == tmp_path / "a.jpg" and finder.find("two/a.jpg") is None


def test_images_that_nothing_names(tmp_path):
    for name in ("a.jpg", "b.jpg", ".c.jpg"):
        photo(tmp_path / name)
    (tmp_path / "notes.txt").write_text("")
    finder = ImageFinder(tmp_path)
    finder.find("a")
    assert finder.not_named() == [tmp_path / "b.jpg"]


@pytest.mark.parametrize("size, shape", [((4, 6), (6, 4)), ((6, 4), (6, 4)), (None, (6, 4))])
def test_labels_are_drawn_upright_or_as_stored(tmp_path, size, shape):
    exif = Image.Exif()
    exif[0x0112] = 6  # the upright image is 6 pixels wide and 4 high
    Image.new("RGB", (4, 6)).save(tmp_path / "a.jpg", exif=exif)
    label = draw_label(tmp_path / "a.jpg", size, 0, lambda canvas: canvas.rectangle((0, 0), (2, 1), 1))
    assert label.shape == shape and label.sum() == 2
    assert label[0, :2].all() if size == (6, 4) else label[-2:, 0].all()


def test_other_sizes_and_damaged_images(tmp_path):
    photo(tmp_path / "a.jpg")
    with pytest.raises(UsageError, match="a.jpg is 10x8 but its annotation is for 9x8; they must have the same size"):
        draw_label(tmp_path / "a.jpg", (8, 9), 0, None)
    (tmp_path / "b.jpg").write_bytes(b"none")
    for image in (tmp_path / "b.jpg", b"none"):
        with pytest.raises(UsageError, match="damaged, or not an image"):
            image_size(image)


def png_header(width, height):
    """A PNG file of that size without pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return PNG_SIGNATURE + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


@pytest.mark.parametrize("size", [(60000, 60000), (8, 10), None])
def test_no_canvas_is_made_before_sizes_are_compared(tmp_path, monkeypatch, size):
    monkeypatch.setattr("tools.formats.images.Canvas", None)
    photo(tmp_path / "small.png", (4, 6))
    (tmp_path / "large.png").write_bytes(png_header(60000, 60000))
    if size:
        with pytest.raises(UsageError, match=f"small.png is 6x4 but its annotation is for {size[1]}x{size[0]}"):
            draw_label(tmp_path / "small.png", size, 0, None)
    for image in (tmp_path / "large.png", (tmp_path / "large.png").read_bytes()):
        with pytest.raises(UsageError, match="is 60000x60000, 3,600,000,000 pixels, and the limit is 400,000,000"):
            draw_label(image, size, 0, None)


@pytest.mark.parametrize("name", ("../secret.jpg", "..\\secret.jpg", "images/../../secret.jpg"))
def test_names_that_lead_out_of_the_source(tmp_path, name):
    photo(tmp_path / "secret.jpg")
    photo(tmp_path / "in" / "images" / "a.jpg")
    finder = ImageFinder(tmp_path / "in" / "images", inside=tmp_path / "in")
    finder.roots = (tmp_path / "in",)
    assert finder.find(name) is None and finder.outside == [name]
    assert finder.find("none/secret.jpg") is None and finder.outside == [name]


def test_unique_names():
    paths = [pathlib.Path(path) for path in ("x/images/a.jpg", "x/y/images/b.jpg", "x/z/b.png", "q/c.jpg", "c.jpg")]
    assert unique_names(paths, [None] * 5) == ["a", "y_b", "z_b", "q_c", "c"]
    assert unique_names(paths, [1, 2, 3, 4, 5]) == ["a", "b", "b", "c", "c"]
    assert unique_names([], []) == []
