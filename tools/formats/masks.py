"""Label images as stored: values of one channel, a palette, or colors."""

import numpy as np

from utils.errors import UsageError


def read_stored(path):
    """Reads a label image without decoding its values.

    Args:
        path: of an image file.

    Returns:
        `(pixels, palette)`: integer array `(H, W)` of values or uint8 `(H, W, 3)` of RGB colors; the palette, uint8
        `(P, 3)`, or None.

    Raises:
        UsageError: if it is damaged or not an image.
    """
    from PIL import Image  # OpenCV replaces palette indices with colors

    try:
        with Image.open(path) as image:
            image.load()
    except Exception as error:  # Pillow's errors have no common base class
        raise UsageError(f"cannot read {path}: damaged, or not an image") from error
    if image.mode == "P":
        return np.array(image), np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    if image.mode in ("1", "L", "I", "I;16", "I;16B"):
        pixels = np.array(image)
        return (pixels.astype(np.uint8) if image.mode == "1" else pixels), None
    if image.mode == "LA":
        return np.array(image)[..., 0], None
    return np.array(image.convert("RGB")), None


def read_ids(path, table):
    """Reads a label image of one channel as class indices.

    Args:
        path: of an image file, grayscale or with a palette.
        table: uint8 array `(65536,)`, the class index of each value.

    Returns:
        uint8 array `(H, W)` of class indices.

    Raises:
        UsageError: if it is unreadable, or has colors.
    """
    pixels, _ = read_stored(path)
    if pixels.ndim != 2:
        raise UsageError(f"{path} has colors; expected one channel of class numbers")
    if pixels.min() < 0 or pixels.max() >= len(table):
        raise UsageError(f"{path} has values from {pixels.min()} to {pixels.max()}; expected class numbers")
    return table.take(pixels)
