"""Image format of a network: bands, value range and number of channels of its input."""

import functools
import pathlib
from typing import NamedTuple

import numpy as np

from utils.data.decoding import StoredImage
from utils.errors import UsageError
from utils.notices import tell_once

MAX_OUTSIDE = 0.95  # share of values at the ends of the range or beyond that is not worth a notice
FULL_SCALES = (255, 1023, 4095, 16383, 65535)  # of images of 8, 10, 12, 14 and 16 bits


class ImageFormat(NamedTuple):
    """Bands, value range and channels of the images that a network takes, uint8 `(H, W, channels)`.

    Attributes:
        bands: numbers of the bands to use, the first band is 1; None for all, or for R, G and B.
        value_range: `(low, high)`, values that become 0 and 255 in images of more than 8 bits; None if the network was
            trained on 8-bit images.
        channels: number of input channels.
    """

    bands: tuple[int, ...] | None = None
    value_range: tuple[float, float] | None = None
    channels: int = 3

    @classmethod
    def from_settings(cls, settings: dict) -> "ImageFormat":
        """Returns the format of a run.

        Args:
            settings: with the flags `bands` ("4,1,2" or None), `image_range` ("auto" or "0,3987") and `input_channels`
                (int or None). Older runs have none of these and mean 8-bit RGB.

        Raises:
            UsageError: if the number of bands is not that of the channels.
        """
        bands, value_range = settings.get("bands"), settings.get("image_range") or "auto"
        bands = tuple(map(int, bands.split(","))) if bands else None
        channels = settings.get("input_channels") or (len(bands) if bands else 3)
        if bands and len(bands) != channels:
            raise UsageError(f"--bands {settings['bands']}: {len(bands)} bands for {channels} input channels")
        return cls(bands, None if value_range == "auto" else tuple(map(float, value_range.split(","))), channels)

    def to_settings(self) -> dict:
        """Returns the format as settings of a run, in the spelling of the flags."""
        low, high = self.value_range or (None, None)
        return {
            "bands": ",".join(map(str, self.bands)) if self.bands else None,
            "image_range": f"{low:.10g},{high:.10g}" if self.value_range else "auto",
            "input_channels": self.channels,
        }

    def convert(self, image: StoredImage, path: str | pathlib.Path) -> np.ndarray:
        """Selects the bands of a stored image and scales them to bytes.

        Args:
            image: as decoded.
            path: of the file, for messages.

        Returns:
            uint8 array `(H, W, channels)`.

        Raises:
            UsageError: if the image does not have the bands, or has no value range that could be guessed.
        """
        if image.pages > 1:
            tell_once("pages", f"{path} has {image.pages} pages or frames: the first one is read")
        pixels = self.select_bands(image, path)
        if pixels.dtype == np.uint8:
            return np.ascontiguousarray(pixels)
        missing = missing_values(pixels, image.nodata)
        value_range = self.value_range or _guess_range(pixels, missing, path)
        scaled = scale_to_bytes(pixels, *value_range)
        outside = np.mean((scaled == 0) | (scaled == 255))
        if self.value_range and outside > MAX_OUTSIDE:
            low, high = value_range
            tell_once(
                "outside",
                f"{path} has {pixels.dtype} values of which {100 * outside:.0f} % are black or white in the range of "
                f"the training, {low:g}..{high:g}; --image_range LOW,HIGH sets another one",
            )
        if missing is not None:
            if pixels.dtype.kind == "f" or scaled[missing].any():
                tell_once("missing", f"{path} has pixels without data (NaN, infinite or no-data): they become black")
            scaled[missing] = 0
        return scaled

    def select_bands(self, image: StoredImage, path: str | pathlib.Path) -> np.ndarray:
        """Selects the bands of a stored image.

        Returns:
            Array `(H, W, channels)` of the file's own type; maybe a view.

        Raises:
            UsageError: telling which bands there are.
        """
        pixels, count = image.pixels, image.pixels.shape[2]
        if self.bands:
            if max(self.bands) > count:
                raise UsageError(
                    f"{path} has {count} band{'s' * (count > 1)}, not the band {max(self.bands)} of --bands"
                )
            return pixels[..., [band - 1 for band in self.bands]]
        if count == self.channels:
            return pixels
        without_alpha = count - image.has_alpha
        if image.colors == 1 and without_alpha == 1 and self.channels <= 3:
            _tell_alpha(image, path)
            return np.repeat(pixels[..., :1], self.channels, axis=2)
        if self.channels == 3 and image.colors == 3 and image.has_alpha and without_alpha == 3:
            _tell_alpha(image, path)
            return pixels[..., :3]
        if self.channels == 3 and count == 4:
            tell_once(
                "four bands",
                f"{path} has 4 bands, of which 1,2,3 are used; --bands chooses, --input_channels 4 --bands 1,2,3,4 "
                "trains on all",
            )
            return pixels[..., :3]
        example = ",".join(str(band) for band in range(1, self.channels + 1))
        choice = f"choose with --bands, such as --bands {example}, or train on all: " if count > self.channels else ""
        raise UsageError(
            f"{path} has {count} band{'s' * (count > 1)}, and the network takes {self.channels}; {choice}"
            f"--input_channels {count}{'' if choice else ' trains on these'}"
        )


def missing_values(pixels: np.ndarray, nodata: float | None) -> np.ndarray | None:
    """Finds values without data: NaN, infinite, or the file's no-data value.

    Returns:
        bool array of the shape of `pixels`, or None if there are none.
    """
    missing = ~np.isfinite(pixels) if pixels.dtype.kind == "f" else None
    if nodata is not None and np.isfinite(nodata):
        same = pixels == pixels.dtype.type(nodata) if _fits(nodata, pixels.dtype) else None
        missing = same if missing is None else missing if same is None else missing | same
    return missing if missing is not None and missing.any() else None


def scale_to_bytes(pixels: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scales values linearly from `low..high` to uint8 0..255; values outside are clipped, NaN becomes 0."""
    if pixels.dtype == np.uint16:
        return _table(low, high)[pixels]
    values = np.nan_to_num(pixels, nan=low, posinf=high, neginf=low).astype(np.float32)
    scaled = (values - low) * (255 / (high - low))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


@functools.lru_cache(8)
def _table(low, high):
    """Returns the byte of each 16-bit value."""
    return np.clip(np.rint((np.arange(65536) - low) * (255 / (high - low))), 0, 255).astype(np.uint8)


def _fits(value, dtype):
    """Returns whether a type can hold a value."""
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return limits.min <= value <= limits.max and float(value).is_integer()


def _guess_range(pixels, missing, path):
    """Returns the range of an image of more than 8 bits for a network that knows none, and tells it.

    The smallest usual full scale that holds its values, rather than its extremes: equal brightness stays equal.
    """
    present = pixels if missing is None else pixels[~missing]
    low, high = (float(present.min()), float(present.max())) if present.size else (0.0, 0.0)
    is_fraction = pixels.dtype.kind == "f" and high <= 1
    full = 1 if is_fraction else next((scale for scale in FULL_SCALES if high <= scale), None)
    if low < 0 or full is None:
        raise UsageError(
            f"{path} has {pixels.dtype} values from {low:g} to {high:g}, and their range is not known: give the values "
            "of black and white, --image_range LOW,HIGH"
        )
    tell_once(
        f"range {full}",
        f"{path} has {pixels.dtype} values, and their range is not known: 0..{full} becomes 0..255; --image_range "
        "LOW,HIGH sets it",
    )
    return 0.0, float(full)


def _tell_alpha(image, path):
    """Tells that an alpha channel is dropped, unless it is opaque everywhere."""
    if image.has_alpha and (image.pixels[..., -1] != np.max(image.pixels[..., -1])).any():
        count = image.pixels.shape[2]
        tell_once("alpha", f"{path} has an alpha channel, which is not used; --input_channels {count} trains on it too")
