"""Targets of fuzzing: images and labels of every format, and checkpoints."""

import functools
import io
import json
import pathlib
import random
import struct
import tempfile
import zipfile
import zlib

import cv2
import numpy as np
from PIL import Image, features

from tools.soak import mutators
from tools.soak.target import Target
from utils.class_dict import IGNORED, ClassDict
from utils.data.images import RGB_BYTES, read_image
from utils.data.labels import read_label
from utils.data.png import PNG_SIGNATURE
from utils.metrics import histogram

HEIGHT, WIDTH = 24, 40
CLASSES = [(0, 0, 0), (255, 0, 0), (0, 255, 0)]
SETTINGS = {
    "model": "custom",
    "frontend": None,
    "class_names": ["a", "b", "c"],
    "label_values": [list(color) for color in CLASSES],
    "ignored": {},
    "num_classes": 3,
    "dataset_path": "data",
    "image_range": "auto",
    "versions": {"keras": "3"},
}
STATE = {"epoch": 2, "step": 0, "best_mean_iou": 0.5, "log": [{"epoch": 0, "loss": 1.5}, {"epoch": 1, "loss": 1.0}]}
FIELDS = (0, 1, 2, 3, 255, 256, 2**14, 20_000, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6


def draw(dtype=np.uint8, bands: int = 3) -> np.ndarray:
    """Returns an image `(24, 40, bands)` of smooth and of random parts."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    pixels = np.stack([(rows * (band + 1) + columns * 3) % 256 for band in range(bands)], axis=2)
    pixels[:, WIDTH // 2 :] = rng.integers(0, 256, (HEIGHT, WIDTH - WIDTH // 2, bands))
    scale = {"u": np.iinfo(dtype).max // 255 if np.dtype(dtype).kind == "u" else 1, "f": 1 / 255}
    return (pixels * scale[np.dtype(dtype).kind]).astype(dtype)


def with_pillow(kind: str, mode: str = "RGB", **options) -> bytes:
    """Encodes an image with Pillow."""
    file = io.BytesIO()
    Image.fromarray(draw()).convert(mode).save(file, kind, **options)
    return file.getvalue()


def with_opencv(extension: str, dtype=np.uint8, bands: int = 3, *options: int) -> bytes:
    """Encodes an image with OpenCV."""
    pixels = draw(dtype, bands)
    return cv2.imencode(extension, pixels[..., 0] if bands == 1 else pixels, options)[1].tobytes()


def frames(kind: str) -> bytes:
    """Encodes an animation of two frames."""
    first, second = (Image.fromarray(pixels) for pixels in (draw(), draw()[::-1]))
    file = io.BytesIO()
    first.save(file, kind, save_all=True, append_images=[second])
    return file.getvalue()


IMAGES = {
    "png": functools.partial(with_pillow, "PNG"),
    "png_gray_alpha": functools.partial(with_pillow, "PNG", "LA"),
    "png_palette": functools.partial(with_pillow, "PNG", "P"),
    "png_16_bits": functools.partial(with_opencv, ".png", np.uint16),
    "jpeg": functools.partial(with_pillow, "JPEG", exif=EXIF),
    "jpeg_progressive": functools.partial(with_pillow, "JPEG", progressive=True),
    "jpeg_cmyk": functools.partial(with_pillow, "JPEG", "CMYK"),
    "bmp": functools.partial(with_pillow, "BMP"),
    "bmp_palette": functools.partial(with_pillow, "BMP", "P"),
    "gif": functools.partial(frames, "GIF"),
    "tiff": functools.partial(with_pillow, "TIFF"),
    "tiff_lzw": functools.partial(with_pillow, "TIFF", compression="tiff_lzw"),
    "tiff_jpeg": functools.partial(with_pillow, "TIFF", compression="jpeg"),
    "tiff_fax": functools.partial(with_pillow, "TIFF", "1", compression="group4"),
    "tiff_pages": functools.partial(frames, "TIFF"),
    "tiff_16_bits": functools.partial(with_opencv, ".tif", np.uint16),
    "tiff_float": functools.partial(with_opencv, ".tif", np.float32, 1),
    "webp": functools.partial(with_pillow, "WEBP"),
    "webp_lossless": functools.partial(with_pillow, "WEBP", "RGBA", lossless=True),
    "webp_frames": functools.partial(frames, "WEBP"),
    "ppm": functools.partial(with_pillow, "PPM"),
    "pbm": functools.partial(with_pillow, "PPM", "1"),
    "jp2": functools.partial(with_pillow, "JPEG2000"),
    "avif": functools.partial(with_pillow, "AVIF"),
}


def draw_label() -> np.ndarray:
    """Returns class indices `(24, 40)`, 255 in a corner."""
    label = np.random.default_rng(1).integers(0, 3, (HEIGHT // 4, WIDTH // 4), np.uint8).repeat(4, 0).repeat(4, 1)
    label[:2, :2] = IGNORED
    return label


def encode_label(kind: str, mode: str) -> bytes:
    """Encodes a label as colors (RGB), palette indices (P), class indices (L) or an array."""
    label, file = draw_label(), io.BytesIO()
    if kind == "NPY":
        np.save(file, label)
        return file.getvalue()
    if mode == "RGB":
        image = Image.fromarray(np.array(CLASSES, np.uint8)[np.minimum(label, 2)])
    else:
        image = Image.fromarray(np.minimum(label, 2) if mode == "P" else label)
    if mode == "P":
        image.putpalette(np.array(CLASSES, np.uint8).tobytes())
    image.save(file, kind)
    return file.getvalue()


LABELS = {
    f"label_{kind.lower()}_{mode.lower()}": functools.partial(encode_label, kind, mode)
    for kind, mode in (
        *(("PNG", mode) for mode in ("RGB", "P", "L")),
        *(("BMP", mode) for mode in ("RGB", "P")),
        *(("TIFF", mode) for mode in ("RGB", "P", "L")),
        ("GIF", "P"),
        ("NPY", "L"),
    )
}


def make_file(folder: pathlib.Path, name: str, encode) -> pathlib.Path:
    """Writes an encoded file."""
    path = folder / f"{name}.{'npy' if 'npy' in name else 'png'}"  # readers go by the content
    path.write_bytes(encode())
    return path


def read_pixels(path: pathlib.Path) -> np.ndarray:
    """Reads an image as predict.py does."""
    pixels = read_image(path, upright=True)
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == RGB_BYTES.channels and pixels.size
    return pixels


def read_classes(path: pathlib.Path) -> np.ndarray:
    """Reads a label as train.py does; an index of no class is ignored, as it may come from a changed pixel."""
    label = read_label(path, ClassDict(["a", "b", "c"], CLASSES, unknown="ignore"))
    assert label.dtype == np.uint8 and label.ndim == 2 and not histogram(label, 256)[3:IGNORED].any()
    return label


def mutate_image(path: pathlib.Path, rng: random.Random) -> None:
    """Changes bytes anywhere, or a number in the header; PNG files mostly get right checksums."""
    for _ in range(rng.choice((1, 1, 2))):
        if rng.random() < 0.5:
            mutators.mutate_bytes(path, rng)
            continue
        data = bytearray(path.read_bytes())
        form = rng.choice(("<H", ">H", "<I", ">I"))
        most = 2 ** (8 * struct.calcsize(form)) - 1
        places = min(len(data), rng.choice((64, 64, 1024))) - struct.calcsize(form)
        if places > 0:
            struct.pack_into(form, data, rng.randrange(places), min(most, rng.choice(FIELDS)))
        path.write_bytes(data)
    data = path.read_bytes()
    if data[:8] == PNG_SIGNATURE and rng.random() < 0.8:
        path.write_bytes(with_checksums(data))


def with_checksums(data: bytes) -> bytes:
    """Corrects the checksums of the chunks of a PNG file, as far as their lengths fit."""
    data, at = bytearray(data), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            break
        struct.pack_into(">I", data, end, zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(data)


def make_checkpoint(folder: pathlib.Path) -> pathlib.Path:
    """Writes a checkpoint of three layers."""
    import keras

    from utils.checkpoints import save_checkpoint

    image = keras.Input((None, None, 3))
    hidden = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, padding="same")(image))
    model = keras.Model(image, keras.layers.Conv2D(3, 1, name="logits")(hidden))
    path = folder / "model.keras"
    save_checkpoint(path, model, SETTINGS, STATE)
    return path


def mutate_checkpoint(path: pathlib.Path, rng: random.Random) -> None:
    """Changes bytes of the archive, or the content of a member, with right checksums."""
    if rng.random() < 0.3:
        mutators.mutate_bytes(path, rng)
        return
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice([*members, "suite.json", "config.json"])
    member = path.with_name("member")
    member.write_bytes(members[name])
    mutate = rng.choice((mutators.mutate_bytes, mutators.mutate_json)) if name.endswith("json") else None
    (mutate or mutators.mutate_bytes)(member, rng)
    members[name] = member.read_bytes()
    if name == "suite.json" and rng.random() < 0.05:
        members[name] = json.dumps({"settings": SETTINGS, "state": {"padding": " " * 2**26}}).encode()
    with zipfile.ZipFile(path, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def read_network(path: pathlib.Path) -> tuple:
    """Loads a checkpoint as predict.py does; temporary folders of Keras are in that of the case."""
    tempfile.tempdir = str(path.parent)
    from utils.inference.loading import load_trained

    return load_trained(path)


TARGETS = {
    name: Target(make=functools.partial(make_file, name=name, encode=encode), mutate=mutate_image, read=read_pixels)
    for name, encode in IMAGES.items()
    if name != "avif" or features.check("avif")
}
TARGETS |= {
    name: Target(make=functools.partial(make_file, name=name, encode=encode), mutate=mutate_image, read=read_classes)
    for name, encode in LABELS.items()
}
TARGETS["checkpoint"] = Target(
    make=make_checkpoint,
    mutate=mutate_checkpoint,
    read=read_network,
    modules=("keras", "tensorflow", "utils.checkpoints", "utils.inference.keras_backend"),
)
