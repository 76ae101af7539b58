"""Does an exported file do what the network does? Both see the same images, at two sizes unless the file has one."""

import pathlib
from typing import NamedTuple

import cv2
import numpy as np

from utils.data.folder import find_dataset
from utils.data.images import is_image, read_image
from utils.inference.predictor import SIZE_MULTIPLE, round_up

LEAST_AGREEMENT = {"float32": 99.9, "float16": 99.0, "int8": 90.0}  # percent of pixels with the same class
NUM_IMAGES = 4
LEAST_SIDE, MOST_SIDE = 96, 1024  # pixels; every frontend works from the first on, the second bounds time and memory


class Comparison(NamedTuple):
    """How far an exported file is from its network.

    Attributes:
        agreement: percent of pixels with the same class.
        difference: greatest difference of a logit, or None if the file gives no logits.
        scale: greatest magnitude of the network's logits.
    """

    agreement: float
    difference: float
    scale: float


def compare(model, network, images, sizes, label_values):
    """Runs a network and its export.

    Args:
        model: `keras.Model` from images to logits.
        network: `ExportedNetwork`.
        images: list of uint8 arrays `(h, w, 3)` of any size.
        sizes: list of `(height, width)` to bring them to.
        label_values: RGB colors of the classes, `(C, 3)`.

    Returns:
        `Comparison`; its agreement is 0 if the export gives values that are not finite.
    """
    same, scale, difference = [], 0.0, 0.0
    for size in sizes:
        for image in images:
            batch = fit(image, size)[None]
            logits, result = np.asarray(model.predict_on_batch(batch)), network(batch)
            classes = logits.argmax(axis=-1).astype(np.uint8)
            if network.output == "colours":
                same.append((np.array(label_values, np.uint8)[classes] == result).all(axis=-1).mean())
            elif network.output == "classes":
                same.append((classes == result).mean())
            else:
                same.append((classes == result.argmax(axis=-1)).mean() if np.isfinite(result).all() else -np.inf)
                difference = max(difference, float(np.abs(logits - result).max()))
            scale = max(scale, float(np.abs(logits).max()))
    agreement = max(0.0, 100 * float(np.mean(same)))
    return Comparison(agreement, difference if network.output == "logits" else None, scale)


def sizes_to_check(size, images):
    """The sizes to compare at: a file's own, or the first image's and about half of it, as multiples of 32."""
    if size:
        return [size]
    height, width = images[0].shape[:2]
    shrink = min(1.0, MOST_SIDE / max(height, width))
    whole, half = (
        tuple(max(LEAST_SIDE, round_up(round(side * factor), SIZE_MULTIPLE)) for side in (height, width))
        for factor in (shrink, shrink / 2)
    )
    return [whole, half] if half != whole else [whole, (whole[0], whole[1] + SIZE_MULTIPLE)]


def fit(image, size):
    """An image brought to `(height, width)`."""
    return image if image.shape[:2] == tuple(size) else cv2.resize(image, size[::-1])


def images_to_check(paths, settings, dataset=None):
    """Images to compare on.

    Args:
        paths: list of `pathlib.Path` of images, or an empty one.
        settings: of the checkpoint.
        dataset: a name or a path, or None for the dataset of the run, if it is still there.

    Returns:
        `(images, where)`: list of uint8 arrays `(h, w, 3)`, and what they are, in words.
    """
    where = paths[0].parent if paths else None
    if not paths:
        folder = find_dataset(dataset) if dataset else dataset_still_there(settings)
        for split in ("test", "val", "train") if folder else ():
            if (folder / split).is_dir() and not paths:
                where = folder / split
                paths = sorted(path for path in where.iterdir() if is_image(path))
    if not paths:
        return [noise(seed) for seed in range(NUM_IMAGES)], "noise: the dataset is not here (--dataset, --image)"
    chosen = evenly(paths, NUM_IMAGES)
    return [read_image(path) for path in chosen], f"{len(chosen)} images of {where}"


def dataset_still_there(settings):
    """The folder of the dataset that a network was trained on, or None. Nothing is downloaded or drawn."""
    path = pathlib.Path(settings["dataset_path"])
    places = (path, pathlib.Path(path.name), pathlib.Path("datasets") / path.name)
    return next((place for place in places if place.is_dir()), None)


def evenly(items, number):
    """At most so many items of a list, from all over it."""
    return items if len(items) <= number else [items[index * len(items) // number] for index in range(number)]


def noise(seed, height=256, width=320):
    """A random picture of soft spots, uint8 `(height, width, 3)`."""
    spots = np.random.default_rng(seed).integers(0, 256, (height // 16, width // 16, 3), np.uint8)
    return cv2.resize(spots, (width, height), interpolation=cv2.INTER_CUBIC)
