import io
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.utils.data.tiff_files import samples_of, tiff_bytes
from utils.data.decoding import decode_image
from utils.errors import UsageError

PIXELS = cv2.GaussianBlur(samples_of("u1", 3, 60, 80), (0, 0), 3)


def encode(pixels, kind, mode=None, **options):
    file, image = io.BytesIO(), Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def decode(data):
    return decode_image(data, "folder/a.file")


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_png_of_any_depth_is_exact(dtype, bands):
    pixels = samples_of(dtype, bands)
    if bands == 2:
        if dtype == "u2":
            return  # no library here writes it
        data = encode(pixels, "PNG")
    else:
        order = [2, 1, 0, 3][:bands] if bands > 1 else [0]
        data = cv2.imencode(".png", pixels[..., order])[1].tobytes()
    image = decode(data)
    assert np.array_equal(image.pixels, pixels)
    assert image.colors == (1 if bands < 3 else 3) and image.has_alpha == (bands in (2, 4))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "GIF", "BMP", "JPEG2000"])
def test_kinds(kind):
    try:
        data = encode(PIXELS, kind)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {kind}")
    image = decode(data)
    assert image.pixels.shape == PIXELS.shape and (image.colors, image.has_alpha, image.pages) == (3, False, 1)
    assert np.abs(image.pixels.astype(int) - PIXELS).mean() < 12
    gray = decode(encode(PIXELS[..., 0], kind))
    assert np.abs(gray.pixels[..., 0].astype(int) - PIXELS[..., 0]).mean() < 12


def test_jpeg_is_decoded_as_by_opencv():
    for options in ({}, {"progressive": True}, {"subsampling": 0}):
        data = encode(PIXELS, "JPEG", **options)
        expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert np.array_equal(decode(data).pixels, expected)


def test_wide_jpeg2000_keeps_its_bits():
    pixels = samples_of("u2", 1, 64, 64) // 16
    data = cv2.imencode(".jp2", pixels, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])[1].tobytes()
    assert np.array_equal(decode(data).pixels, pixels)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF"])
def test_first_of_several_frames(kind):
    frames = [Image.fromarray(255 - PIXELS), Image.fromarray(PIXELS // 2)]
    image = decode(encode(PIXELS, kind, save_all=True, append_images=frames))
    assert image.pages == 3 and np.abs(image.pixels.astype(int) - PIXELS).mean() < 12


def test_palette_with_transparency_is_rgb():
    image = decode(encode(PIXELS, "PNG", "P", transparency=3))
    assert image.pixels.shape == PIXELS.shape and not image.has_alpha


@pytest.mark.parametrize(
    "photometric, bands, extra, colors, alpha",
    [
        (2, 4, (2,), 3, True),
        (2, 4, (0,), 3, False),
        (2, 3, None, 3, False),
        (1, 4, (0, 0, 0), 0, False),
        (1, 3, (0, 0), 0, False),
        (1, 1, None, 1, False),
    ],
)
def test_meaning_of_the_bands_of_tiff(photometric, bands, extra, colors, alpha):
    image = decode(tiff_bytes(samples_of("u2", bands), photometric, extra))
    assert (image.colors, image.has_alpha) == (colors, alpha)


def test_nodata_and_pages_of_tiff():
    image = decode(tiff_bytes(samples_of("f4", 1), pages=2, tags=[(42113, "s", b"-1e4\0")]))
    assert image.nodata == -1e4 and image.pages == 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_cut_files_are_errors(kind, share):
    try:
        data = encode(PIXELS, kind)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {kind}")
    with pytest.raises(UsageError, match="cannot read folder/a.file: damaged"):
        decode(data[: int(len(data) * share)])


def test_where_a_file_ends_is_told():
    thumbnail = encode(PIXELS[::4, ::4], "JPEG")
    exif = b"Exif\0\0" + thumbnail  # its end is not that of the picture
    data = encode(PIXELS, "JPEG")
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    assert decode(data).pixels.shape == PIXELS.shape
    assert decode(data + b"appended by a camera").pixels.shape == PIXELS.shape
    png = encode(PIXELS, "PNG")
    for cut in (data[:-2], data[: len(data) * 3 // 4], png[:-12], png[:-20]):
        with pytest.raises(UsageError, match="ends in the middle"):
            decode(cut)
    wrong = bytearray(png)
    wrong[len(png) // 2] ^= 1
    with pytest.raises(UsageError, match="checksum"):
        decode(bytes(wrong))


def test_what_is_not_decoded_is_named():
    with pytest.raises(UsageError, match="HEIC files cannot be decoded.*convert"):
        decode(b"\0\0\0\x18ftypheic" + bytes(40))
    for data in (b"", b"name,r,g,b\n" * 9, b"II*\0"):
        with pytest.raises(UsageError, match="damaged, or not an image"):
            decode(data)


def test_decoders_print_nothing(tmp_path):
    """libpng, libjpeg and libtiff print to the process's standard error, where only a process can look."""
    png, jpeg = encode(PIXELS, "PNG"), encode(PIXELS, "JPEG")
    damaged = bytearray(jpeg)
    damaged[len(jpeg) // 2 : len(jpeg) // 2 + 60] = np.random.default_rng(0).integers(0, 250, 60, np.uint8).tobytes()
    files = {
        "icc.png": png[:33] + chunk(b"iCCP", b"sRGB\0\0wrong") + png[33:],
        "end.png": png[:-12],
        "sum.png": png[:-20] + bytes([png[-20] ^ 1]) + png[-19:],
        "cut.jpg": jpeg[: len(jpeg) // 2],
        "damaged.jpg": bytes(damaged),
        "cut.gif": encode(PIXELS, "GIF")[:900],
        "cut.jp2": encode(PIXELS, "JPEG2000")[:900],
        "tag.tif": tiff_bytes(PIXELS, 2, tags=[(33550, "H", [1, 2, 3]), (50000, "H", [1])]),
        "cut.tif": tiff_bytes(PIXELS, 2)[:-999],
        "lzw.tif": encode(PIXELS, "TIFF", compression="tiff_lzw")[:-999],
        "zstd.tif": encode(PIXELS, "TIFF", compression="zstd")[:-999],
        "bands.tif": tiff_bytes(samples_of("u1", 5)),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    program = (
        "import pathlib, sys\nfrom utils.data.decoding import decode_image\nfrom utils.errors import UsageError\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    try:\n        decode_image(path.read_bytes(), path)\n        print(path.name, 'read')\n"
        "    except UsageError as error:\n        print(path.name, 'error')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    read = {line.split()[0] for line in done.stdout.splitlines() if line.endswith("read")}
    assert {"icc.png", "tag.tif"} <= read and not read & {name for name in files if name.startswith(("cut", "sum"))}
