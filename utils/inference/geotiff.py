"""GeoTIFF of class indices or confidences, in the place and projection of its input."""

import mmap
import pathlib
from collections.abc import Iterable

import numpy as np

from utils.data.tiff import import_rasterio
from utils.data.tiff_header import is_tiff, read_tiff_header
from utils.errors import RunError
from utils.files import atomic_write
from utils.notices import tell_once


def is_geotiff(path: pathlib.Path) -> bool:
    """Returns whether a file is a TIFF with a georeference in its tags; False for files that cannot be read."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            header = read_tiff_header(data) if is_tiff(data) else None
    except (OSError, ValueError):  # no file, or an empty one
        return False
    return header is not None and header.is_georeferenced


def can_write_geotiff(path: pathlib.Path) -> bool:
    """Returns whether the result of an image can be a GeoTIFF; prints a notice if only rasterio is missing.

    Args:
        path: of the image.
    """
    if not is_geotiff(path):
        return False
    if import_rasterio() is None:
        tell_once("georeference", f"{path} is a GeoTIFF, and the results lose its georeference: pip install rasterio")
        return False
    return True


def write_geotiff(
    path: pathlib.Path,
    pixels: np.ndarray,
    source: pathlib.Path,
    description: str,
    colors: np.ndarray | None = None,
    tags: dict[str, str] | None = None,
) -> None:
    """Writes a GeoTIFF of one band, atomically.

    Args:
        path: of the result, ending in `.tif`.
        pixels: uint8 array `(H, W)`, of the size of the source.
        source: the GeoTIFF whose coordinate system and transformation (or control points) are taken.
        description: of the band.
        colors: uint8 array `(256, 3)`, the RGB color of each value, or None for a gray image.
        tags: of the file, see `class_tags`.

    Raises:
        RunError: if the file cannot be written.
    """
    rasterio = import_rasterio()
    height, width = pixels.shape
    layout = {"height": height, "width": width, "count": 1, "dtype": "uint8"}
    storage = {"driver": "GTiff", "compress": "deflate", "tiled": True, "bigtiff": "if_safer"}
    try:
        with rasterio.open(source) as file:
            points, points_crs = file.gcps
            place = {"crs": points_crs, "gcps": points} if points else {"crs": file.crs, "transform": file.transform}
        with atomic_write(path) as temporary, rasterio.open(temporary, "w", **storage, **layout, **place) as file:
            file.write(pixels, 1)
            if colors is not None:
                file.write_colormap(1, {value: tuple(color) for value, color in enumerate(colors.tolist())})
            file.set_band_description(1, description)
            file.update_tags(**(tags or {}))
    except rasterio.errors.RasterioError as error:
        raise RunError(f"cannot write {path}: {error}") from error


def class_tags(class_names: Iterable[str]) -> dict[str, str]:
    """Returns the names of classes as tags: `CLASS_0`, `CLASS_1`, ..., and `CLASS_255` of unknown pixels."""
    return {**{f"CLASS_{index}": name for index, name in enumerate(class_names)}, "CLASS_255": "unknown"}
