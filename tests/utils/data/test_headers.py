import os

import numpy as np
import pytest
from PIL import Image

from tests.utils.data.tiff_files import tiff_bytes
from utils.data import headers, image_size
from utils.data.folder import Pair
from utils.data.headers import CHUNK, Header, check_headers, map_files, read_header, spaced
from utils.errors import UsageError


@pytest.fixture
def read_bytes_of(monkeypatch):
    """Counts the bytes that are read: `counted()`."""
    total, real = [], os.read
    monkeypatch.setattr(headers.os, "read", lambda *words: total.append(len(data := real(*words))) or data)
    return lambda: sum(total)


def photo(path, size=(4, 6), orientation=None, padding=0, **options):
    """Writes a picture of noise, with as many bytes of metadata before its header."""
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path, exif=exif, **options)
    if padding:
        data = path.read_bytes()
        segment = b"\xff\xed" + (padding + 2).to_bytes(2, "big") + bytes(padding)
        path.write_bytes(data[:2] + segment + data[2:])
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.bmp", "a.tif", "a.webp", "a.gif", "a.jp2"])
def test_size_is_read_from_the_beginning(name, tmp_path, read_bytes_of):
    path = photo(tmp_path / name, (300, 500))
    assert path.stat().st_size > 3 * headers.HEAD
    assert read_header(path) == Header((300, 500))
    assert read_bytes_of() == headers.HEAD


def test_long_metadata(tmp_path, read_bytes_of):
    path = photo(tmp_path / "a.jpg", (600, 1000), padding=60_000)
    assert read_header(path).size == (600, 1000) and read_bytes_of() == headers.LONG_HEAD


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("padding", [0, 900])
def test_orientation_of_photos(orientation, padding, tmp_path):
    assert read_header(photo(tmp_path / "a.jpg", (300, 500), orientation, padding)).orientation == orientation


def test_tags_at_the_end_of_a_large_file(tmp_path, read_bytes_of):
    """Many programs write the tags of TIFF files behind the pixels."""
    small = tiff_bytes(np.ones((2, 3), np.uint16), 1)
    path, hole = tmp_path / "a.tif", 50_000_000
    Image.fromarray(np.ones((5000, 5000), np.uint16)).save(path)
    assert path.stat().st_size > hole and read_header(path) == Header((5000, 5000), is_wide=True)
    assert read_bytes_of() == headers.HEAD
    path.write_bytes(small)
    assert read_header(path) == Header((2, 3), is_wide=True)


@pytest.mark.parametrize(
    "content, words",
    [(None, "No such file"), (b"", "damaged, or not an image"), (b"no image" * 900, "damaged, or not an image")],
)
def test_files_that_are_no_images(content, words, tmp_path):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=f"cannot read .*a.png: {words}"):
        read_header(path)


def test_pipes_and_folders_are_refused(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").mkdir()
    with pytest.raises(UsageError, match="a pipe or device"):
        read_header(tmp_path / "a.png")
    with pytest.raises(UsageError, match="b.png: Is a directory"):
        read_header(tmp_path / "b.png")


def test_sizes_that_cannot_be(tmp_path, monkeypatch):
    path = photo(tmp_path / "a.png", (300, 500))
    monkeypatch.setattr(image_size, "_max_pixels", 1000)
    with pytest.raises(UsageError, match="500x300.*the limit is 1,000"):
        read_header(path)
    monkeypatch.setattr(image_size, "_max_pixels", 10**12)
    path.write_bytes(path.read_bytes()[:16] + b"\0\1\0\0" * 2 + path.read_bytes()[24:])
    with pytest.raises(UsageError, match="damaged, 65536x65536 pixels"):
        read_header(path)


def test_images_and_labels_fit(tmp_path):
    label = tmp_path / "label.npy"
    np.save(label, np.zeros((6, 4), np.uint8))
    for orientation, drawn in ((None, "different"), (6, "upright"), (3, "different")):
        pair = Pair("a", photo(tmp_path / "a.jpg", (4, 6), orientation), label)
        size, found, problems = check_headers(pair)
        assert (size, found) == ((6, 4), drawn) and len(problems) == (drawn == "different")
    assert problems == [f"{pair.image} is 6x4 but its label {label} is 4x6; they must have the same size"]
    problems = check_headers(Pair("a", tmp_path / "b.jpg", tmp_path / "c.png")).problems
    assert [problem.split(": ")[0][-5:] for problem in problems] == ["b.jpg", "c.png"]


def test_orientation_behind_the_pixels_counts(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = photo(tmp_path / "a.png", (40, 60)).read_bytes()
    image = photo(tmp_path / "b.png", (40, 60), 6)
    np.save(tmp_path / "label.npy", np.zeros((60, 40), np.uint8))
    at = image.read_bytes().index(b"eXIf") - 4
    length = int.from_bytes(image.read_bytes()[at : at + 4], "big") + 12
    (tmp_path / "a.png").write_bytes(data[:-12] + image.read_bytes()[at : at + length] + data[-12:])
    assert check_headers(Pair("a", tmp_path / "a.png", tmp_path / "label.npy")).drawn == "upright"


def test_order_of_threads():
    assert list(map_files(lambda number: -number, range(3 * CHUNK + 1), 2)) == [-n for n in range(3 * CHUNK + 1)]
    assert list(map_files(str, [], 2)) == []


def test_samples_are_spaced():
    assert spaced(range(10), 5) == [0, 2, 4, 6, 8] and spaced([1, 2], 5) == [1, 2]
