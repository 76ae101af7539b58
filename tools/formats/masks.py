"""Label images as stored: values of one channel, a palette, or colors."""

from utils.data import label_files
from utils.errors import UsageError


def read_stored(path):
    """Reads a label image without decoding its values.

    Args:
        path: of an image file, or of a NumPy array in a `.npy` file.

    Returns:
        `(pixels, palette)`: integer array `(H, W)` of values or uint8 `(H, W, 3)` of RGB colors; the palette, uint8
        `(P, 3)`, or None.

    Raises:
        UsageError: if it is damaged or not an image.
    """
    stored = label_files.read_stored(path)
    return stored.pixels, stored.palette


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
