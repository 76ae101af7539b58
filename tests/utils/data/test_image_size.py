import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image
from tiny_png import png_header

from utils.data.decoding import decode_image
from utils.data.image_size import MAX_PIXELS, check_size, read_size, set_max_pixels
from utils.data.label_files import read_stored
from utils.errors import UsageError

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)


def encode(kind, **options):
    """An image file of 40x24 pixels."""
    file = io.BytesIO()
    if kind == "NPY":
        np.save(file, PIXELS)
    elif kind in (".pam", ".pbm"):
        pixels = PIXELS[..., 0] if kind == ".pbm" else PIXELS
        return cv2.imencode(kind, pixels)[1].tobytes()
    else:
        Image.fromarray(PIXELS).convert("P" if kind == "GIF" else "RGB").save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def limit(monkeypatch):
    """Sets the limit, which is at its default in a process without the flag."""
    monkeypatch.setattr("utils.data.image_size._max_pixels", MAX_PIXELS)
    monkeypatch.setattr("utils.data.image_size._has_flag", False)
    return set_max_pixels


KINDS = ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "AVIF", "NPY", "JPEG2000", ".pam", ".pbm"]


@pytest.mark.parametrize("kind", KINDS)
def test_size_is_that_of_the_header(kind):
    try:
        data = encode(kind)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {kind}")
    assert read_size(data) == (40, 24)
    check_size(data, "a.file")
    for length in range(0, min(len(data), 400)):
        size = read_size(data[:length])
        assert size is None or len(size) == 2


@pytest.mark.parametrize("options", [{"lossless": True}, {"exif": b"Exif\0\0" + bytes(20)}, {"quality": 50}])
def test_size_of_the_kinds_of_webp(options):
    assert read_size(encode("WEBP", **options)) == (40, 24)


def test_first_frame_of_a_gif_counts():
    data = bytearray(encode("GIF"))
    data[6:10] = struct.pack("<HH", 3, 3)  # the screen; decoders enlarge it to the frame
    assert read_size(bytes(data)) == (40, 24)


@pytest.mark.parametrize("kind, place, less", [("WEBP", slice(24, 27), 1), ("GIF", slice(6, 8), 0)])
def test_animations_much_larger_than_their_first_frame_are_damaged(kind, place, less):
    """A decoder fills a canvas of several bytes for each pixel, whatever the file holds."""
    data = bytearray(encode(kind, save_all=True, append_images=[Image.new("RGB", (40, 24))]))
    for width, size in ((60 * 40, (60 * 40, 24)), (70 * 40, None)):
        data[place] = (width - less).to_bytes(place.stop - place.start, "little")
        assert read_size(bytes(data)) == size
    with pytest.raises(UsageError, match="cannot read a: damaged, or not an image"):
        decode_image(bytes(data), "a")


def test_large_images_are_refused_by_their_header(limit, tmp_path):
    data = png_header(30000, 20000, data=bytes(1000))
    for read in (lambda: decode_image(data, "a.png"), lambda: read_stored(tmp_path / "a.png")):
        (tmp_path / "a.png").write_bytes(data)
        with pytest.raises(UsageError, match=r"a.png is 30000x20000, 600,000,000 pixels.*limit is 400,000,000.*tiles$"):
            read()
    limit(900)
    with pytest.raises(UsageError, match="limit is 900.*raise the limit with --max_pixels 960"):
        decode_image(encode("PNG"), "a.png")
    limit(960)
    assert decode_image(encode("PNG"), "a.png").pixels.shape == PIXELS.shape
    limit(None)
    assert MAX_PIXELS == 20000 * 20000


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "PPM"])
def test_files_too_short_for_their_pixels_are_damaged(kind):
    data = bytearray(encode(kind))
    if kind == "PPM":
        data = data.replace(b"40 24", b"16000 16000")
    else:
        at = {"PNG": 16, "JPEG": data.find(b"\xff\xc0") + 5, "BMP": 18}[kind]
        form = {"PNG": ">II", "JPEG": ">HH", "BMP": "<II"}[kind]
        data[at : at + struct.calcsize(form)] = struct.pack(form, 16000, 16000)
    with pytest.raises(UsageError, match="a.file: damaged, 16000x16000 pixels take .* bytes at least and the file has"):
        decode_image(bytes(data), "a.file")


def test_arrays_are_refused_by_their_header(tmp_path):
    data = io.BytesIO()
    np.lib.format.write_array_header_1_0(data, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**6)})
    (tmp_path / "a.npy").write_bytes(data.getvalue())
    with pytest.raises(UsageError, match="1000000x1000000"):
        read_stored(tmp_path / "a.npy")


def test_palettes_beyond_the_limit_of_pillow_are_read(monkeypatch, tmp_path):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    (tmp_path / "a.png").write_bytes(png_header(40, 24, color_type=3, data=bytes(41 * 24)))
    assert read_stored(tmp_path / "a.png").pixels.shape == (24, 40)


def test_tiff_of_very_many_bands_is_refused():
    data = encode("TIFF")
    at = data.index(struct.pack("<HHI", 277, 3, 1)) + 8  # samples per pixel
    size = data.index(struct.pack("<HHI", 256, 4, 1)) + 8
    data = bytearray(data)
    data[at : at + 2] = struct.pack("<H", 65535)
    data[size : size + 4] = struct.pack("<I", 10_000_000)
    with pytest.raises(UsageError, match="bytes of pixels"):
        decode_image(bytes(data), "a.tif")
