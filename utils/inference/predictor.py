"""Predictor: whole images of any size through a network, with padding, batches, tiles and test-time augmentation."""

import collections
import time
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np

from utils.data.images import pad, resize
from utils.errors import UsageError
from utils.inference.augmented import averaged_probabilities
from utils.inference.scored import Scored, resize_nearest, score_pixels
from utils.inference.tiles import predict_tiles

SIZE_MULTIPLE = 32  # the deepest feature of every network here has stride 32
MAX_SHAPES = 8  # padded sizes that are compiled one by one
MAX_WAITING = 8  # batches' worth of images of different sizes in memory


@runtime_checkable
class Backend(Protocol):
    """A network that predicts batches: `keras_backend.KerasBackend` or `exported_backend.ExportedBackend`.

    Attributes:
        size: `(height, width)` in pixels that all images must have, or None: any multiples of 32.
        compiles_each_shape: bool, whether a batch of a new shape costs a compilation.
    """

    size: tuple[int, int] | None
    compiles_each_shape: bool

    def classes(self, images: np.ndarray) -> np.ndarray:
        """Predicts class indices, uint8 `(B, H, W)`, of uint8 images `(B, H, W, channels)`."""

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Predicts logits, float32 `(B, H, W, C)`, of uint8 images `(B, H, W, channels)`."""


class Predictor:
    """Prediction of whole images in batches of equal size.

    Images are padded to a multiple of 32 on the right and at the bottom, and the prediction is cropped. XLA compiles
    for each shape: after eight shapes, images of other sizes are padded to the next of a few sizes.

    Args:
        model: `keras.Model` from images to logits, or a `Backend`. Images larger than a backend's `size` are resized
            to it.
        batch_size: the most images or tiles at once.
        scales: factors on height and width at which each image is predicted, see `averaged_probabilities`.
        flip: whether to average with the prediction of the horizontally flipped image.
        tile: pixels, a multiple of 32: larger images are predicted in tiles of this side. None: never.
        overlap: pixels, a multiple of 32: width of the strip in which the logits (with scales or flip: the
            probabilities) of neighboring tiles are blended.
        keep: "classes", "confidence" or "probabilities" (of all classes), see `scored.Scored`. Probabilities are the
            mean over scales and flips, and the softmax of blended logits in tiles.

    Raises:
        UsageError: if a backend of a fixed size is to predict other scales or tiles of another size.
    """

    def __init__(
        self,
        model: Any,
        batch_size: int = 1,
        scales: Iterable[float] = (1.0,),
        flip: bool = False,
        tile: int | None = None,
        overlap: int = 0,
        keep: str = "classes",
    ):
        self.backend, self.batch_size = _as_backend(model), batch_size
        self.scales, self.flip, self.tile, self.overlap = tuple(scales), flip, tile, overlap
        self.keep = keep
        size = self.backend.size
        if size and (self.scales != (1.0,) or tile and size != (tile, tile)):
            raise UsageError(
                f"the network is made for images of {size[0]}x{size[1]}; leave out --scales, and "
                "--tile if it is another size"
            )
        self._augments = flip or self.scales != (1.0,)
        self._sizes = set()  # padded sizes that were not rounded to one of a few
        self._shapes = set()  # of batches so far
        self._has_new_shape = False
        self._images, self._seconds = 0, 0.0

    def __call__(self, images: Iterable[tuple[Any, np.ndarray]]) -> Iterator[tuple[Any, np.ndarray | Scored]]:
        """Predicts a stream of images.

        Args:
            images: iterable of `(key, image)`, uint8 `(H, W, channels)`, of any sizes.

        Yields:
            `(key, indices)`, uint8 `(H, W)`; in order if all images have the same size. If more than classes are
            kept, `(key, Scored)`.
        """
        buckets = collections.defaultdict(list)
        for key, image in images:
            if self.tile and max(image.shape[:2]) > self.tile:
                yield key, self._timed(self._tiled, image, 1)
                continue
            # With augmentation images are resized: only images of exactly the same size share a batch.
            size = image.shape[:2] if self._augments else self._padded_size(*image.shape[:2])
            bucket = buckets[size]
            bucket.append((key, image))
            if len(bucket) == self.batch_size:
                yield from self.predict_bucket(buckets.pop(size))
            elif sum(map(len, buckets.values())) >= MAX_WAITING * self.batch_size:
                fullest = max(buckets, key=lambda size: len(buckets[size]))
                yield from self.predict_bucket(buckets.pop(fullest))
        for bucket in buckets.values():
            yield from self.predict_bucket(bucket)

    @property
    def images_per_second(self) -> float | None:
        """Images per second of prediction, without reading and without the first batch of each shape.

        None before the second batch of a shape.
        """
        return self._images / self._seconds if self._images else None

    def predict_bucket(self, bucket: list[tuple[Any, np.ndarray]]) -> Iterator[tuple[Any, np.ndarray]]:
        """Yields `(key, indices)` for a batch, a list of `(key, image)` of one size or padded size."""
        keys, images = zip(*bucket)
        yield from zip(keys, self._timed(self._whole, images, len(images)))

    def _timed(self, function, images, count):
        """Predicts `count` images with `function` and adds its time, unless a batch had a new shape."""
        self._has_new_shape, start = False, time.perf_counter()
        result = function(images)
        if not self._has_new_shape:
            self._seconds += time.perf_counter() - start
            self._images += count
        return result

    def _whole(self, images):
        """Predicts images; returns a list of uint8 arrays `(H, W)`, or of `Scored`."""
        if self.keep == "classes" and not self._augments:
            return self._run(self.backend.classes, images)
        scores = self._scores(np.stack(images)) if self._augments else self._run(self.backend.logits, images)
        return [self._kept(self._reduce(image_scores)) for image_scores in scores]

    def _tiled(self, image):
        """Predicts a large image; returns a uint8 array `(H, W)`, or a `Scored`."""
        height, width = image.shape[:2]
        least = self.tile if self.backend.size else 0  # a fixed size has tiles of that size only
        sides = (max(least, round_up(side, SIZE_MULTIPLE)) for side in (height, width))
        padded = pad(image, *sides)
        scored = predict_tiles(self._scores, padded, self.tile, self.overlap, self.batch_size, self._reduce)
        return self._kept(Scored(*(part if part is None else part[:height, :width] for part in scored)))

    def _reduce(self, scores):
        return score_pixels(scores, self.keep, are_probabilities=self._augments)

    def _kept(self, scored):
        return scored.indices if self.keep == "classes" else scored

    def _scores(self, images):
        """Predicts logits, or probabilities averaged over augmented views, of images of one size."""
        if self._augments:
            return averaged_probabilities(self._logits, images, self.scales, self.flip)
        return self._logits(images)

    def _logits(self, images):
        return np.stack(self._run(self.backend.logits, images))

    def _run(self, function, images):
        """Applies a method of the backend to images of one padded size and crops the results, a list of arrays.

        Sets `_has_new_shape` if it is the first batch of its shape, which may need a compilation.
        """
        size = self._padded_size(*images[0].shape[:2])
        batch = [_fit(image, size) for image in images]
        if self.backend.compiles_each_shape:
            batch += batch[-1:] * (self.batch_size - len(batch))
        batch = np.stack(batch)
        shape = function.__name__, batch.shape
        self._has_new_shape |= shape not in self._shapes
        self._shapes.add(shape)
        return [_undo_fit(result, image.shape[:2]) for image, result in zip(images, function(batch))]

    def _padded_size(self, height, width):
        """Returns the height and width of an image with its padding."""
        if self.backend.size:
            return self.backend.size
        size = padded_size(height, width)
        if size in self._sizes or not self.backend.compiles_each_shape or len(self._sizes) < MAX_SHAPES:
            self._sizes.add(size)
            return size
        return few_sizes(height), few_sizes(width)


def _as_backend(model):
    """Returns a backend as it is, and a Keras model as a `KerasBackend`."""
    if isinstance(model, Backend):
        return model
    from utils.inference.keras_backend import KerasBackend

    return KerasBackend(model)


def _fit(image, size):
    """Pads an image to `size`; resizes it if it is larger."""
    if image.shape[0] > size[0] or image.shape[1] > size[1]:
        return resize(image, size)
    return pad(image, *size)


def _undo_fit(result, size):
    """Brings the result of an image that `_fit` padded or resized back to the image's `size`."""
    if size[0] > result.shape[0] or size[1] > result.shape[1]:
        return resize_nearest(result, size)
    return result[: size[0], : size[1]]


def round_up(size: int, multiple: int) -> int:
    """Returns the least multiple that is not below `size`."""
    return -(-size // multiple) * multiple


def padded_size(height: int, width: int) -> tuple[int, int]:
    """Rounds the height and width of an image up to multiples of 32 pixels."""
    return round_up(height, SIZE_MULTIPLE), round_up(width, SIZE_MULTIPLE)


def few_sizes(size: int) -> int:
    """Returns the next of four sizes per doubling, such as 256, 320, 384, 448, 512, 640; each a multiple of 32."""
    octave = 2 ** (size - 1).bit_length()
    return round_up(size, max(SIZE_MULTIPLE, octave // 8))
