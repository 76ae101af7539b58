"""TIFF decoder: OpenCV, Pillow or rasterio, chosen by the header of the file."""

import importlib.util
import logging
import pathlib
import warnings

import numpy as np

from utils.data import tiff_header
from utils.data.opencv import decode_with_opencv
from utils.data.pillow import open_with_pillow
from utils.data.tiff_header import (
    ASSOCIATED_ALPHA,
    BLACK_IS_ZERO,
    CMYK,
    COMPRESSIONS,
    FLOAT,
    PALETTE,
    RGB,
    SIGNED,
    UNASSOCIATED_ALPHA,
    UNSIGNED,
    WHITE_IS_ZERO,
    YCBCR,
    TiffHeader,
)
from utils.errors import UnreadableError

_OPENCV_COMPRESSIONS = (1, 5, 7, 8, 32773, 32946)
_PILLOW_COMPRESSIONS = (1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 50000)  # those of the libtiff in Pillow's wheels
_GRAY = (WHITE_IS_ZERO, BLACK_IS_ZERO)
_READABLE = (*_GRAY, RGB, PALETTE, CMYK, YCBCR)


def import_rasterio():
    """Returns the optional package rasterio, without messages besides its exceptions; None if it is not installed."""
    if importlib.util.find_spec("rasterio") is None:
        return None
    import rasterio

    logging.getLogger("rasterio").addHandler(logging.NullHandler())
    warnings.filterwarnings("ignore", category=rasterio.errors.NotGeoreferencedWarning)
    return rasterio


def choose_library(header: TiffHeader) -> str:
    """Chooses the library that reads a file without loss, by its header.

    OpenCV multiplies 8-bit colors by their opacity and drops 8-bit samples after the first of gray; Pillow drops
    samples without a meaning, rounds 16-bit colors to 8 bits and mixes up tiles of less than 8 bits.

    Returns:
        "opencv", "pillow" or "rasterio".
    """
    bits, samples, photometric = set(header.bits), header.samples, header.photometric
    is_color = samples == 3 and photometric in (RGB, YCBCR)
    if header.compression in _OPENCV_COMPRESSIONS and header.sample_format in (UNSIGNED, SIGNED, FLOAT):
        is_byte = bits == {8} and header.sample_format == UNSIGNED
        is_wide = bits in ({16}, {32}) or bits == {64} and header.sample_format == FLOAT
        is_half = bits == {16} and header.sample_format == FLOAT
        is_rgbn = samples == 4 and photometric == RGB and header.extra_samples == (0,) and not header.is_planar
        if is_byte and (is_color or is_rgbn or samples == 1 and photometric in _GRAY):
            return "opencv"
        fits = samples == 1 and photometric in _GRAY or samples in (3, 4) and photometric in (BLACK_IS_ZERO, RGB)
        if is_wide and fits and not is_half and not header.is_planar:
            return "opencv"
    if header.compression in _PILLOW_COMPRESSIONS and header.sample_format == UNSIGNED and not header.is_planar:
        is_small = max(bits) <= 8 and photometric in (*_GRAY, PALETTE) and not (header.is_tiled and max(bits) < 8)
        has_alpha = header.extra_samples in ((ASSOCIATED_ALPHA,), (UNASSOCIATED_ALPHA,))
        is_gray_alpha = samples == 2 and photometric == BLACK_IS_ZERO and has_alpha
        is_four = samples == 4 and photometric in (RGB, CMYK) and header.extra_samples != (0,)
        if samples == 1 and is_small or bits == {8} and (is_color or is_gray_alpha or is_four):
            return "pillow"
    return "rasterio"


def decode_tiff(data: bytes, header: TiffHeader, path: str | pathlib.Path) -> np.ndarray | None:
    """Decodes the first page of a TIFF file, as stored: without its orientation.

    Args:
        data: the file.
        header: its header.
        path: of the file, for rasterio, which reads it in parts.

    Returns:
        Array `(H, W, samples)` of the file's own type, colors in the order R, G, B; None if the file is damaged.
        Palettes, CMYK and YCbCr become RGB, less than 8 bits become 0..255, and white-is-zero is inverted.

    Raises:
        UnreadableError: telling a kind that cannot be read.
    """
    if header.photometric not in _READABLE:
        raise UnreadableError(
            f"its colors are neither RGB nor gray (photometric {header.photometric}); convert it to RGB"
        )
    if header.sample_format not in (UNSIGNED, SIGNED, FLOAT):
        raise UnreadableError(f"its pixels are {header.dtype} numbers; convert it")
    library = choose_library(header)
    if header.photometric == CMYK and library != "pillow":
        raise UnreadableError(f"it has CMYK colors of {header.dtype}; convert it to RGB")
    if header.orientation != 1:  # libraries differ in whether they apply it
        data = tiff_header.with_tag(data, header, tiff_header.ORIENTATION, 1)
    if library == "opencv" and header.samples > 1 and header.photometric == BLACK_IS_ZERO:
        data = tiff_header.with_tag(data, header, tiff_header.PHOTOMETRIC, RGB)  # else it reads the first band only
    decode = {"opencv": _decode_opencv, "pillow": _decode_pillow}.get(library)
    pixels = decode(data) if decode else None
    # rasterio also reads some files that the others give up on, but no CMYK.
    if decode is None or pixels is None and header.photometric != CMYK and import_rasterio():
        pixels = _decode_rasterio(path, header)
    elif pixels is not None and header.photometric == WHITE_IS_ZERO and pixels.dtype in (np.uint16, np.uint32):
        pixels = np.iinfo(pixels.dtype).max - pixels  # OpenCV inverts bytes only
    return pixels if pixels is None or pixels.ndim == 3 else pixels[..., None]


def _decode_opencv(data):
    pixels = decode_with_opencv(data)
    if pixels is None or pixels.ndim == 2:
        return pixels
    return pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]


def _decode_pillow(data):
    try:
        with open_with_pillow(data) as image:
            # Colors that are stored multiplied by their opacity are divided by it.
            target = {"1": "L", "P": "RGB", "PA": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "RGBa": "RGBA", "La": "LA"}
            return np.array(image.convert(target[image.mode]) if image.mode in target else image)
    except MemoryError:
        raise
    except Exception:  # Pillow has no common base class for the errors of damaged files
        return None


def _decode_rasterio(path, header):
    rasterio = import_rasterio()
    if rasterio is None:
        raise UnreadableError(f"{_kind(header)}, which OpenCV and Pillow cannot read: pip install rasterio")
    try:
        with rasterio.open(path) as source:
            if source.count == 1 and header.photometric == PALETTE:
                colors = np.zeros((256, 3), np.uint8)
                for index, color in source.colormap(1).items():
                    colors[index] = color[:3]
                return colors[source.read(1)]
            pixels = np.moveaxis(source.read(), 0, 2)
    except (rasterio.errors.RasterioError, ValueError, KeyError, IndexError):
        # GDAL itself may lack a compression, too.
        if header.compression not in _PILLOW_COMPRESSIONS:
            raise UnreadableError(f"{_kind(header)}, which this rasterio cannot read; convert the file") from None
        return None
    full = 2 ** max(header.bits) - 1
    if header.photometric == WHITE_IS_ZERO and pixels.dtype.kind == "u":
        pixels = full - pixels
    return (pixels.astype(np.uint16) * 255 // full).astype(np.uint8) if full < 255 else pixels


def _kind(header):
    """Tells what is unusual about a file."""
    if header.compression not in _PILLOW_COMPRESSIONS:
        return f"it has {COMPRESSIONS.get(header.compression, f'unknown ({header.compression})')} compression"
    layout = " in planes" if header.is_planar else ""
    return f"it has {header.samples} band{'s' * (header.samples > 1)}{layout} of {header.dtype}"
