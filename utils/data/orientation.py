"""EXIF orientation of images and of the labels drawn on them."""

import pathlib
import struct
from collections.abc import Iterable

import numpy as np

from utils.data import tiff_header
from utils.data.pillow import open_with_pillow
from utils.errors import UsageError

TAG = 0x0112
APPLY = {  # from stored to upright pixels, by EXIF orientation
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: np.swapaxes(pixels, 0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.swapaxes(np.rot90(pixels, 2), 0, 1),
    8: np.rot90,
}
UNDO = {**APPLY, 6: APPLY[8], 8: APPLY[6]}  # from upright to stored pixels; the others are their own inverse


def exif_orientation(path: str | pathlib.Path) -> int:
    """Reads the EXIF orientation of an image, 1..8; 1, upright, if it has none or cannot be read."""
    try:
        return orientation_of(pathlib.Path(path).read_bytes())
    except OSError:
        return 1


def orientation_of(data: bytes) -> int:
    """Reads the EXIF orientation of a JPEG, PNG, WebP, AVIF or TIFF file without decoding its pixels.

    Returns:
        1..8; 1, upright, for files without one.
    """
    if tiff_header.is_tiff(data):
        header = tiff_header.read_tiff_header(data)
        return header.orientation if header else 1
    is_avif, is_jpeg = data[4:8] == b"ftyp", data[:2] == b"\xff\xd8"
    has_exif = b"Exif\0\0" in data[:65536] or (not is_jpeg and (b"eXIf" in data or b"EXIF" in data))
    if not is_avif and not has_exif:
        return 1  # the usual case, without Pillow's reading of all other metadata
    return orientation_in(_png_exif(data) if data[:4] == b"\x89PNG" else _exif(data))


def orientation_in(exif) -> int:
    """Returns the orientation of EXIF tags, a mapping; 1 if they have none or another number."""
    orientation = exif.get(TAG, 1)
    return orientation if orientation in range(1, 9) else 1


def exif_of_jpeg(data: bytes):
    """Returns the EXIF tags of a JPEG file, of which only the beginning is needed; an empty mapping without them."""
    if b"Exif\0\0" not in data[:1024]:
        return {}
    from PIL import Image

    exif, at = Image.Exif(), 2
    try:
        while data[at] == 0xFF and data[at + 1] != 0xDA:  # until the first scan
            (length,) = struct.unpack_from(">H", data, at + 2)
            segment = data[at + 4 : at + 2 + length]
            if data[at + 1] == 0xE1 and segment[:6] == b"Exif\0\0":
                exif.load(segment)
                return exif
            at += 2 + length
    except Exception:  # Pillow has no common base class for the errors of damaged files
        pass
    return {}


def apply_orientation(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turns stored pixels `(H, W, ...)` upright."""
    return np.ascontiguousarray(APPLY[orientation](pixels)) if orientation in APPLY else pixels


def undo_orientation(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turns upright pixels `(H, W, ...)` as they are stored in an image of that orientation."""
    return np.ascontiguousarray(UNDO[orientation](pixels)) if orientation in UNDO else pixels


def drawn_orientation(orientation: int, stored_size: tuple[int, int], label_size: tuple[int, int]) -> str:
    """Classifies a label, by its size, as drawn on the stored or on the upright pixels of its image.

    Args:
        orientation: of the image, 1..8.
        stored_size: `(height, width)` of the image as stored.
        label_size: `(height, width)` of the label.

    Returns:
        "same" if the orientation is 1 and the sizes are equal; "stored", or "upright"; "ambiguous" if both sizes are
        equal, as for half a turn; "different" if neither fits.
    """
    stored_size, label_size = tuple(stored_size), tuple(label_size)
    upright_size = stored_size[::-1] if orientation >= 5 else stored_size
    if label_size not in (stored_size, upright_size):
        return "different"
    if orientation == 1:
        return "same"
    if stored_size == upright_size:
        return "ambiguous"
    return "stored" if label_size == stored_size else "upright"


def unequal_sizes(image_path, image_size: tuple[int, int], label_path, label_size: tuple[int, int]) -> str:
    """Returns the problem of an image and a label of two sizes `(height, width)`."""
    return (
        f"{image_path} is {image_size[1]}x{image_size[0]} but its label {label_path} is "
        f"{label_size[1]}x{label_size[0]}; they must have the same size"
    )


def decide_orientation(drawn: Iterable[str], paths: Iterable[pathlib.Path]) -> str:
    """Decides, once for a dataset, how labels are drawn whose size fits stored and upright images.

    Args:
        drawn: results of `drawn_orientation`.
        paths: of the images, for errors.

    Returns:
        "stored" or "upright", as all labels whose size tells; "auto" if there is nothing to decide.

    Raises:
        UsageError: if labels have to be decided and no others tell, or if others differ.
    """
    drawn, paths = list(drawn), list(paths)
    told = {kind for kind in drawn if kind in ("stored", "upright")}
    if "ambiguous" not in drawn:
        return "auto"
    if len(told) == 1:
        return told.pop()
    count, path = drawn.count("ambiguous"), paths[drawn.index("ambiguous")]
    images = f"{path} and {count - 1} more images have" if count > 1 else f"{path} has"
    raise UsageError(
        f"{images} an EXIF orientation, and the size of the label does not tell whether it is drawn on the pixels as "
        "stored or as viewers show them: give --image_orientation stored or upright, or remove the orientation"
    )


def _exif(data):
    try:
        with open_with_pillow(data) as image:
            return image.getexif()
    except Exception:  # Pillow has no common base class for the errors of damaged files
        return {}


def _png_exif(data):
    """Returns the EXIF data of a PNG file; Pillow would decode all pixels before it looks behind them."""
    from PIL import Image

    exif, at = Image.Exif(), 8
    try:
        while at < len(data):
            (length,) = struct.unpack_from(">I", data, at)
            if data[at + 4 : at + 8] == b"eXIf":
                exif.load(data[at + 8 : at + 8 + length])
                break
            at += length + 12
    except Exception:
        return {}
    return exif
