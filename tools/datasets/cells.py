"""Synthetic microscopy: gray images of cells with nuclei, and masks of class numbers."""

import pathlib

import cv2
import numpy as np

from utils.files import make_folder, write_text

CLASSES = ("background", "cell", "nucleus")
SIZE = 256  # pixels
COUNT = 200  # images


def draw_cells(folder: pathlib.Path, count: int = COUNT, size: int = SIZE, seed: int = 0) -> pathlib.Path:
    """Writes `images/`, `masks/` and `classes.txt`, which convert_dataset.py `--format folder` reads.

    Args:
        folder: to write to.
        count: number of images.
        size: side of the images in pixels.
        seed: random seed; an image depends on it and its number only.

    Returns:
        `folder`.
    """
    for name in ("images", "masks"):
        make_folder(folder / name)
    for index in range(count):
        image, mask = draw_field(np.random.default_rng([seed, index]), size)
        for name, pixels in (("images", image), ("masks", mask)):
            _, encoded = cv2.imencode(".png", pixels)
            (folder / name / f"cells_{index:04d}.png").write_bytes(encoded.tobytes())
    write_text(folder / "classes.txt", "\n".join([*CLASSES, ""]))
    return folder


def draw_field(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws a field of view.

    Args:
        rng: random generator.
        size: side in pixels.

    Returns:
        uint8 arrays `(size, size)`: gray image and class numbers.
    """
    mask = np.zeros((size, size), np.uint8)
    image = np.full((size, size), rng.uniform(90, 150), np.float32)
    for _ in range(rng.integers(8, 40)):
        center, angle = rng.uniform(0, size, 2), rng.uniform(0, 180)
        radii = rng.uniform(0.03, 0.09, 2) * size
        gray, is_debris = image.mean() + rng.uniform(-25, 25), rng.random() < 0.25
        if is_debris:  # looks like a nucleus without a cell, and is background
            fill(image, center, 0.4 * radii, angle, gray - 50)
            continue
        outline = fill(mask, center, radii, angle, 1)
        image[outline] = gray + rng.uniform(8, 20)
        edge = outline & ~fill(np.zeros_like(mask), center, radii - 2, angle, 1)
        image[edge] = gray + 35
        shift = rng.uniform(-0.25, 0.25, 2) * radii.min()
        nucleus = fill(mask, center + shift, radii * rng.uniform(0.3, 0.5), angle, 2)
        image[nucleus] = gray - rng.uniform(20, 50)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(1.0, 2.5))
    slope = np.add.outer(*(np.linspace(-1, 1, size) * rng.uniform(-25, 25) for _ in range(2)))
    image += slope + rng.normal(0, rng.uniform(4, 12), image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), mask


def fill(array: np.ndarray, center: np.ndarray, radii: np.ndarray, angle: float, value: float) -> np.ndarray:
    """Fills an ellipse in place; returns the bool array of its pixels."""
    inside = np.zeros(array.shape, np.uint8)
    axes = tuple(max(1, int(radius)) for radius in radii)
    cv2.ellipse(inside, tuple(map(int, center)), axes, angle, 0, 360, 1, -1)
    array[inside > 0] = value
    return inside > 0
