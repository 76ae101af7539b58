"""Value range of a dataset's images of more than 8 bits: percentiles over the training images."""

import math
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from utils.data.decoding import decode_image
from utils.data.headers import map_files, read_header, spaced
from utils.data.image_format import ImageFormat, missing_values
from utils.data.images import read_bytes
from utils.errors import UsageError
from utils.threads import prefetch

PERCENTILES = (0.1, 99.9)  # a few hot pixels or clouds do not decide
MAX_HEADERS = 10_000  # images whose depth is looked at
MAX_IMAGES = 400  # evenly spaced over the sorted names
MOST_PIXELS = 300_000_000  # decoded, after which no more images are
MAX_PIXELS = 10000  # of each of them, on a grid


class ImageRange(NamedTuple):
    """Result of `measure_range`.

    Attributes:
        image_format: `ImageFormat` with the range.
        text: a line that tells it, or "" for images of 8 bits.
    """

    image_format: ImageFormat
    text: str = ""


def measure_range(paths: Sequence[pathlib.Path], image_format: ImageFormat, workers: int = 2) -> ImageRange:
    """Measures the range of values of images of more than 8 bits.

    One range for all bands, so that their ratios, the colors, stay.

    Args:
        paths: the training images.
        image_format: bands to measure; a range that it has is kept.
        workers: number of threads.

    Returns:
        `ImageRange`; the format is unchanged if all images have 8 bits.

    Raises:
        UsageError: if the format has a range and all images have 8 bits.
    """
    paths = spaced(paths, MAX_HEADERS)
    wide = [path for path, is_wide in zip(paths, map_files(has_wide_values, paths, workers)) if is_wide]
    if image_format.value_range:
        if paths and not wide:
            raise UsageError("--image_range is for images of more than 8 bits, and these have 8 bits; leave it out")
        return ImageRange(image_format)
    samples, pixels, chosen = [], 0, spaced(wide, MAX_IMAGES)
    order = chosen[::16] + [path for index, path in enumerate(chosen) if index % 16]  # spaced if it ends early
    for _, (values, size) in prefetch(lambda path: _sample(path, image_format), order, workers):
        samples += [values] * bool(values.size)
        pixels += size
        if pixels > MOST_PIXELS:
            break
    if not samples:
        return ImageRange(image_format)
    low, high = _round_range(*np.percentile(np.concatenate(samples), PERCENTILES), samples[0].dtype)
    kind = {"u": "", "i": " signed", "f": " float"}[samples[0].dtype.kind]
    ends = " and ".join(f"{percentile:g}" for percentile in PERCENTILES)
    other = f"; {len(paths) - len(wide)} images of 8 bits keep 0..255" if len(wide) < len(paths) else ""
    text = (
        f"images: {8 * samples[0].itemsize}-bit{kind}, scaled from {low:g}..{high:g} ({ends} percentiles of "
        f"{len(samples)} training images) to 0..255; --image_range sets it{other}"
    )
    return ImageRange(image_format._replace(value_range=(low, high)), text)


def has_wide_values(path: pathlib.Path) -> bool:
    """Returns whether an image has more than 8 bits per value; False for files that cannot be read.

    Headers of PNG, TIFF and JPEG 2000 files tell; all other kinds are decoded to 8 bits.
    """
    try:
        return read_header(path).is_wide
    except UsageError:
        return False


def _sample(path, image_format):
    """Returns values of an image on a grid, without missing ones, and its pixels; none if it cannot be read."""
    try:
        image = decode_image(read_bytes(path), path)
        pixels = image_format.select_bands(image, path)
    except UsageError:
        return np.empty(0), 0
    size = pixels.shape[0] * pixels.shape[1]
    step = max(1, math.isqrt(size // MAX_PIXELS))
    pixels = pixels[::step, ::step]
    missing = missing_values(pixels, image.nodata)
    return (pixels.ravel() if missing is None else pixels[~missing]), size


def _round_range(low, high, dtype):
    """Rounds a range outwards to whole numbers, or to four digits for floats; it never has the width 0."""
    digits = 0 if dtype.kind in "iu" else 3 - math.floor(math.log10(max(abs(low), abs(high)) or 1))
    scale = 10.0**digits
    low, high = math.floor(low * scale) / scale, math.ceil(high * scale) / scale
    return low, high if high > low else low + 1 / scale
