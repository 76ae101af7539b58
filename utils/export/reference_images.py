"""Reference images of an export: for the parity check and for int8 calibration."""

import pathlib
from collections.abc import Sequence

import cv2
import numpy as np

from utils.data.folder import dataset_of_run, locate_dataset
from utils.data.image_format import ImageFormat
from utils.data.images import RGB_BYTES, is_image, read_image, resize
from utils.errors import UsageError

NUM_IMAGES = 4  # of the parity check


def find_reference_images(
    paths: Sequence[pathlib.Path],
    trained_on: str | pathlib.Path,
    dataset: pathlib.Path | None = None,
    image_format: ImageFormat = RGB_BYTES,
) -> tuple[list[np.ndarray], str]:
    """Reads the images of the parity check, or generates noise if there are none.

    Args:
        paths: of images, or empty.
        trained_on: folder of the dataset that the network was trained on, which may be gone or moved.
        dataset: folder of another dataset to use instead, or None.
        image_format: bands and value range of the images.

    Returns:
        `(images, source)`: list of uint8 arrays `(h, w, channels)`, and a description of their source.
    """
    source = paths[0].parent if paths else None
    if not paths:
        folder = dataset or locate_dataset(dataset_of_run(trained_on))
        for split in ("test", "val", "train") if folder else ():
            if (folder / split).is_dir() and not paths:
                source = folder / split
                paths = _images_of(source)
    if not paths:
        noise = [noise_image(seed, channels=image_format.channels) for seed in range(NUM_IMAGES)]
        return noise, "noise: the dataset is not here (--dataset, --image)"
    paths = evenly_spaced(paths, NUM_IMAGES)
    return [read_image(path, image_format=image_format) for path in paths], f"{len(paths)} images of {source}"


def read_calibration_images(
    folder: pathlib.Path, count: int, image_format: ImageFormat = RGB_BYTES
) -> list[np.ndarray]:
    """Reads training images for int8 calibration, evenly spaced over the sorted file names.

    Args:
        folder: of the training images.
        count: the most images.
        image_format: bands and value range of the images.

    Returns:
        List of uint8 arrays `(h, w, channels)`.

    Raises:
        UsageError: if there are none.
    """
    paths = _images_of(folder) if folder.is_dir() else []
    if not paths:
        raise UsageError(f"--int8 is calibrated with training images, and {folder} has none; give --dataset")
    return [read_image(path, image_format=image_format) for path in evenly_spaced(paths, count)]


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes an image to `(height, width)`."""
    return resize(image, size)


def evenly_spaced(items: Sequence, count: int) -> Sequence:
    """Returns at most `count` items, evenly spaced."""
    return items if len(items) <= count else [items[index * len(items) // count] for index in range(count)]


def noise_image(seed: int, height: int = 256, width: int = 320, channels: int = 3) -> np.ndarray:
    """Generates smooth noise, uint8 `(height, width, channels)`."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 16, width // 16, channels), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, channels)


def _images_of(folder):
    return sorted(path for path in folder.iterdir() if is_image(path))
