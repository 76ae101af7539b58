"""Trained networks for notebooks and scripts.

net = load("checkpoints/latest_model_custom_CamVid.keras")
net("street.jpg").overlay("street_overlay.png")
"""

import os
import pathlib
from collections.abc import Iterable

import numpy as np

from utils.class_dict import ClassDict
from utils.data.image_format import ImageFormat
from utils.data.images import read_image
from utils.errors import UsageError
from utils.inference.geotiff import is_geotiff
from utils.inference.loading import load_trained
from utils.inference.prediction import Prediction
from utils.inference.predictor import Backend, Predictor
from utils.inference.scored import as_scored
from utils.notices import tell_once
from utils.run_folder import PRETRAINED, PRETRAINED_NOTE
from utils.threads import prefetch

Image = str | os.PathLike | np.ndarray


def load(
    path: str | os.PathLike | None = None,
    batch_size: int = 1,
    scales: Iterable[float] = (1.0,),
    flip: bool = False,
    tile: int | None = None,
    overlap: int = 128,
    jit_compile: bool | None = None,
) -> "Network":
    """Loads a trained network.

    Args:
        path: a checkpoint of train.py or a file of export.py; by default the network of CamVid's street scenes in
            models/pretrained/, with a notice.
        batch_size: the most images or tiles at once.
        scales: factors on height and width; the probabilities at all scales are averaged.
        flip: whether to average with the prediction of the horizontally flipped image.
        tile: pixels, a multiple of 32: larger images are predicted in overlapping tiles of this side.
        overlap: pixels, a multiple of 32.
        jit_compile: whether to compile with XLA; by default on accelerators only.

    Returns:
        A `Network`.

    Raises:
        UsageError: if the file is missing or damaged, its runtime is not installed, or the tiles do not fit.
    """
    from utils.cli.checks import tile_size

    if path is None:
        tell_once("pretrained", f"load() without a path: {PRETRAINED_NOTE}")
    backend, settings, class_dict = load_trained(path or PRETRAINED, jit_compile=jit_compile)
    options = {"batch_size": batch_size, "scales": tuple(scales), "flip": flip, "tile": tile_size(tile, overlap)}
    return Network(backend, settings, class_dict, overlap=overlap, **options)


class Network:
    """A trained network with its classes, a function of images; made by `load`.

    Args:
        backend: `Backend`.
        settings: dict, the settings of its training.
        class_dict: `ClassDict`.
        **options: of `Predictor`.

    Attributes:
        class_names: list of C str.
        class_dict, settings: as given.
    """

    def __init__(self, backend: Backend, settings: dict, class_dict: ClassDict, **options):
        self.class_dict, self.settings, self.class_names = class_dict, settings, class_dict.class_names
        self._backend, self._options = backend, options
        self._image_format = ImageFormat.from_settings(settings)
        gives_logits = getattr(backend, "output", "logits") == "logits"
        self._predictor = Predictor(backend, keep="confidence" if gives_logits else "classes", **options)

    def __repr__(self):
        return f"Network({self.settings['model']}, {len(self.class_names)} classes: {', '.join(self.class_names)})"

    def __call__(self, images: Image | Iterable[Image]) -> "Prediction | list[Prediction]":
        """Predicts an image, or several.

        Args:
            images: path of an image, uint8 array `(H, W, 3)` in RGB (or with the bands of the network), or an iterable
                of these.

        Returns:
            A `Prediction`, or a list of them in the order of the images.

        Raises:
            UsageError: if a file cannot be read, or an array is no such image.
        """
        is_single = isinstance(images, str | os.PathLike | np.ndarray)
        numbered = [(images, "image")] if is_single else [(image, f"image_{n}") for n, image in enumerate(images)]
        read = {}

        def inputs():
            for number, (_, (name, path, image)) in enumerate(prefetch(self._read, numbered)):
                read[number] = name, path, image
                yield number, image

        predictions = {}
        for number, result in self._predictor(inputs()):
            name, path, image = read.pop(number)
            predictions[number] = Prediction(name, image, as_scored(result), self.class_dict, self.probabilities, path)
        ordered = [predictions[number] for number in sorted(predictions)]
        return ordered[0] if is_single else ordered

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """Predicts the probabilities of all classes.

        Args:
            image: uint8 array `(H, W, 3)`, RGB.

        Returns:
            float16 array `(H, W, C)`, 0..1.

        Raises:
            UsageError: if it is an exported file without logits.
        """
        ((_, scored),) = Predictor(self._backend, keep="probabilities", **self._options)([(0, image)])
        return scored.probabilities

    def _read(self, item):
        """Returns the name, the path (None for an array) and the pixels of an image."""
        image, name = item
        if not isinstance(image, np.ndarray):
            path = pathlib.Path(image)
            upright = not is_geotiff(path)
            return path.stem, path, read_image(path, upright=upright, image_format=self._image_format)
        channels = self._image_format.channels
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != channels or not image.size:
            raise UsageError(
                f"an image is a uint8 array (H, W, {channels}) with values 0..255, not {image.dtype} {image.shape}"
            )
        return name, None, image
