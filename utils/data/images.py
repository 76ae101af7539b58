"""Reading and writing pictures and label images. RGB everywhere; BGR exists only inside this file."""

import io
import pathlib

import cv2
import numpy as np

from utils.class_dict import IGNORED
from utils.errors import RunError, UsageError
from utils.files import atomic_write

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


def is_image(path):
    """Whether the name of `path` is that of an image and not of a hidden file."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def read_image(path, upright=False):
    """Reads a picture of any supported format; gray, RGBA and 16-bit ones become RGB uint8.

    Args:
        path: of a JPEG, PNG, BMP, TIFF or WebP file.
        upright: whether to turn the picture as its EXIF orientation says. Labels are drawn on the stored pixels, so
            images of a dataset are not turned; a photo to predict on is.

    Returns:
        uint8 array `(H, W, 3)`, RGB.

    Raises:
        UsageError: if the file is missing, damaged or no image.
    """
    flags = cv2.IMREAD_COLOR if upright else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    return cv2.cvtColor(_decode(_read_bytes(path), flags, path), cv2.COLOR_BGR2RGB)


def read_label(path, class_dict, unknown="error"):
    """Reads a label image: class colors (RGB or palette PNG), or class indices (one channel, 255 = ignored).

    A palette PNG counts as colors if most of its colors that occur are class colors, and as indices otherwise or if
    its palette is a gray ramp. Either way its index 255 is ignored if its color is no class's, as in Pascal VOC.
    A mask of one channel counts as colors if it has 255, white is a class, and all its grays are class colors.

    Args:
        path: of the file.
        class_dict: `ClassDict`.
        unknown: "error" or "ignore", what to do with colors and indices of no class.

    Returns:
        uint8 array `(H, W)` of class indices; 255 = ignored.

    Raises:
        UsageError: if the file is missing, damaged or has unknown colors.
    """
    data = _read_bytes(path)
    # Byte 24 of a PNG is its bit depth, byte 25 its color type: 0 = gray, 2 = RGB, 3 = palette, 4 and 6 with alpha.
    depth, color_type = data[24:26] if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 25 else (None, None)
    if color_type == 3:
        return _encode_palette(data, class_dict, unknown, path)
    pixels = _decode(data, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION, path)
    if color_type in (0, 4) and pixels.ndim == 3:
        pixels = pixels[..., 0]  # OpenCV makes gray with alpha BGRA
    if pixels.ndim == 3:
        return class_dict.encode(_to_rgb(pixels, path), unknown, path)
    if color_type == 0 and depth < 8:  # OpenCV spreads 1, 2 and 4 bits over 0..255
        return class_dict.encode_indices(pixels // (255 // (2**depth - 1)), unknown, path)
    return _encode_gray(pixels, class_dict, unknown, path)


def read_pair(image_path, label_path, class_dict, unknown="error"):
    """Reads an image and its label, which must have the same size.

    Returns:
        `(image, label)`: uint8 arrays `(H, W, 3)` and `(H, W)`.

    Raises:
        UsageError: if one is unreadable or the sizes differ.
    """
    image = read_image(image_path)
    label = read_label(label_path, class_dict, unknown)
    if image.shape[:2] != label.shape:
        # Labels drawn on a photo as a viewer shows it are turned as its EXIF orientation says.
        upright = read_image(image_path, upright=True)
        if upright.shape[:2] != label.shape:
            (height, width), (label_height, label_width) = image.shape[:2], label.shape
            raise UsageError(
                f"{image_path} is {width}x{height} but its label {label_path} is {label_width}x{label_height}; "
                "they must have the same size"
            )
        image = upright
    return image, label


def write_image(path, rgb):
    """Writes an image, at once or not at all: an interruption leaves no half file under its name.

    Args:
        path: with the extension that tells the format.
        rgb: uint8 array `(H, W, 3)`, RGB.

    Raises:
        RunError: if the file cannot be written.
    """
    _write(path, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def write_label(path, indices):
    """Writes class indices, uint8 `(H, W)` with 255 = ignored, as a PNG of one channel, in the way of `write_image`."""
    _write(path, indices)


def overlay(rgb, colors, alpha=0.5):
    """Lays a color map over a picture.

    Args:
        rgb, colors: uint8 arrays `(H, W, 3)`.
        alpha: share of the colors, 0..1.

    Returns:
        uint8 array `(H, W, 3)`.
    """
    return cv2.addWeighted(rgb, 1 - alpha, colors, alpha, 0)


def with_legend(rgb, class_dict, indices):
    """Adds a strip below a picture with the color and the name of each class that occurs in `indices`.

    Args:
        rgb: uint8 array `(H, W, 3)`.
        class_dict: `ClassDict`.
        indices: integer array of class indices.

    Returns:
        uint8 array `(H + strip, W, 3)`.
    """
    width = rgb.shape[1]
    scale = float(np.clip(width / 640, 0.8, 3.0))  # smaller letters are not legible
    line, margin = round(26 * scale), round(6 * scale)
    found = [i for i in np.unique(indices).tolist() if i < class_dict.num_classes]
    strip = np.full((line, width, 3), 255, np.uint8)
    x, y = margin, 0
    for index in found:
        name = class_dict.class_names[index]
        (text_width, _), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.5 * scale, 1)
        if x > margin and x + line + text_width > width:
            strip = np.concatenate([strip, np.full((line, width, 3), 255, np.uint8)])
            x, y = margin, y + line
        color = class_dict.label_values[index].tolist()
        cv2.rectangle(strip, (x, y + margin), (x + line - 2 * margin, y + line - margin), color, -1)
        baseline = y + line - round(8 * scale)
        cv2.putText(
            strip, name, (x + line - margin, baseline), cv2.FONT_HERSHEY_SIMPLEX, 0.5 * scale, (0, 0, 0), 1, cv2.LINE_AA
        )
        x += line + text_width + 2 * margin
    return np.concatenate([rgb, strip])


def pad(rgb, height, width):
    """Adds black on the right and below.

    Black, as convolutions pad: on CamVid's test images a mirrored edge costs a point of mean IoU against it.

    Args:
        rgb: uint8 array `(H, W, 3)`.
        height, width: int, pixels, not below H and W.

    Returns:
        uint8 array `(height, width, 3)` whose upper left `(H, W)` pixels are the image's.
    """
    below, right = height - rgb.shape[0], width - rgb.shape[1]
    return cv2.copyMakeBorder(rgb, 0, below, 0, right, cv2.BORDER_CONSTANT)


def _write(path, pixels):
    try:
        _, data = cv2.imencode(pathlib.Path(path).suffix, pixels)
    except cv2.error as error:
        raise RunError(f"cannot write {path}: {error}") from error
    with atomic_write(path) as temporary:
        temporary.write_bytes(data.tobytes())


def _read_bytes(path):
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _decode(data, flags, path):
    """Decodes from memory: file names of any alphabet work on every system, and damaged files give None."""
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error:
        pixels = None
    if pixels is None:
        raise UsageError(f"cannot read {path}: damaged, or not an image")
    return pixels


def _encode_palette(data, class_dict, unknown, path):
    """A palette PNG's classes. OpenCV expands palettes to colors and loses the indices, so Pillow reads these."""
    from PIL import Image  # a dependency of matplotlib

    try:
        image = Image.open(io.BytesIO(data))
        indices = np.array(image)
        colors = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    except Exception as error:  # Pillow has no common class for all that can be wrong with a file
        raise UsageError(f"cannot read {path}: damaged, or not an image") from error
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(colors)] = colors
    known = class_dict.knows(palette[None])[0]
    known[len(colors) :] = False
    used = np.unique(indices)
    votes = known[used[(used != IGNORED) | known[used]]]
    ramp = len(colors) > 1 and (colors == np.arange(len(colors))[:, None]).all()
    if ramp or 2 * np.count_nonzero(votes) <= len(votes):
        return class_dict.encode_indices(indices, unknown, path)
    void = (indices == IGNORED) & ~known[IGNORED]
    palette[IGNORED] = palette[IGNORED] if known[IGNORED] else class_dict.label_values[0]
    classes = class_dict.encode(palette[indices], unknown, path)
    classes[void] = IGNORED
    return classes


def _to_rgb(pixels, path):
    """The colors of a label as OpenCV decodes it, uint8."""
    if pixels.dtype == np.uint16 and not (pixels % 257).any():
        pixels = (pixels // 257).astype(np.uint8)  # 8-bit colors, stored with 16
    if pixels.dtype != np.uint8:
        raise UsageError(f"{path} has {pixels.dtype} colors; a label must have 8 bits per channel")
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)


def _encode_gray(pixels, class_dict, unknown, path):
    """The classes of a label with one channel."""
    if pixels.dtype.kind not in "iu" or pixels.min() < 0 or pixels.max() > 65535:
        raise UsageError(f"{path} has {pixels.dtype} pixels; a label must have whole numbers from 0 to 65535")
    if pixels.dtype == np.uint8 and pixels.max() == 255:
        grays = np.repeat(np.unique(pixels)[:, None], 3, axis=1)[None]
        if class_dict.knows(grays).all():
            return class_dict.encode(np.repeat(pixels[..., None], 3, axis=2), unknown, path)
    return class_dict.encode_indices(pixels, unknown, path)
