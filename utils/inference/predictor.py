"""Running a network over whole images of any size: padding, batches, tiles, test-time augmentation."""

import collections
import time

import cv2
import numpy as np

from utils.data.images import pad
from utils.errors import UsageError
from utils.inference.augmented import averaged_probabilities
from utils.inference.tiles import predict_tiles

SIZE_MULTIPLE = 32  # the deepest feature of every network here has stride 32
MOST_SHAPES = 8  # of batches, that an engine compiles for one by one
MOST_WAITING = 8  # batches' worth of images of different sizes in memory


class Predictor:
    """Predicts whole images, in batches of equal size.

    Images are padded to a multiple of 32 on the right and below, and the prediction is cropped back. XLA compiles for
    each shape anew: after eight shapes, images of further ones are padded to the next of few sizes.

    Args:
        network: `keras_backend.KerasBackend`, or what has its attributes and methods. If its `size` is a height and a
            width, larger images are resized to it.
        batch_size: int, the most images or tiles at once.
        scales: sequence of float, the sizes at which each image is seen, see `averaged_probabilities`.
        flip: bool, whether each is also seen in the mirror.
        tile: int, pixels, a multiple of 32: larger images are predicted in tiles of this side. None: never.
        overlap: int, pixels, a multiple of 32: width of the strip in which the logits (with scales or flip: the
            probabilities) of neighboring tiles are blended.

    Raises:
        UsageError: if a network of one size is to see other scales or other tiles.
    """

    def __init__(self, network, batch_size=1, scales=(1.0,), flip=False, tile=None, overlap=0):
        if network.size and (tuple(scales) != (1.0,) or tile and network.size != (tile, tile)):
            raise UsageError(
                f"the network is made for images of {network.size[0]}x{network.size[1]}; leave out --scales, and "
                "--tile if it is another size"
            )
        self.network, self.batch_size = network, batch_size
        self.scales, self.flip, self.tile, self.overlap = tuple(scales), flip, tile, overlap
        self._augments = flip or self.scales != (1.0,)
        self._sizes = set()  # of padded images, which were not padded to the next of few
        self._shapes_seen = set()
        self._images, self._seconds = 0, 0.0

    def __call__(self, images):
        """Predicts a stream of images.

        Args:
            images: iterable of `(key, image)`, uint8 `(H, W, 3)` RGB of any sizes.

        Yields:
            `(key, indices)`, uint8 `(H, W)`; in order where all images have the same size.
        """
        buckets = collections.defaultdict(list)
        for key, image in images:
            if self.tile and max(image.shape[:2]) > self.tile:
                yield key, self._timed(self._tiled, image, 1)
                continue
            # Views of an image are resized: only images of the very same size share a batch of them.
            size = image.shape[:2] if self._augments else self._padded_size(*image.shape[:2])
            bucket = buckets[size]
            bucket.append((key, image))
            if len(bucket) == self.batch_size:
                yield from self._predict(buckets.pop(size))
            elif sum(map(len, buckets.values())) >= MOST_WAITING * self.batch_size:
                fullest = max(buckets, key=lambda shape: len(buckets[shape]))
                yield from self._predict(buckets.pop(fullest))
        for bucket in buckets.values():
            yield from self._predict(bucket)

    @property
    def images_per_second(self):
        """Images per second of wall time, without each shape's first batch and reading; None if there is no more."""
        return self._images / self._seconds if self._images else None

    def _predict(self, bucket):
        """Yields `(key, indices)` for images of one size or padded size."""
        keys, images = zip(*bucket)
        yield from zip(keys, self._timed(self._whole, images, len(images)))

    def _timed(self, work, images, count):
        """Does work on some images, and counts its time unless the network saw a new shape."""
        shapes, start = len(self._shapes_seen), time.perf_counter()
        result = work(images)
        if len(self._shapes_seen) == shapes:
            self._seconds += time.perf_counter() - start
            self._images += count
        return result

    def _whole(self, images):
        """The class indices of images, a list of uint8 arrays `(H, W)`."""
        if self._augments:
            return list(self._scores(np.stack(images)).argmax(-1).astype(np.uint8))
        return self._run(self.network.classes, images)

    def _tiled(self, image):
        """The class indices of a large image, uint8 `(H, W)`."""
        height, width = image.shape[:2]
        least = self.tile if self.network.size else 0  # then there are only tiles of that size
        sides = (max(least, round_up(side, SIZE_MULTIPLE)) for side in (height, width))
        padded = pad(image, *sides)
        return predict_tiles(self._scores, padded, self.tile, self.overlap, self.batch_size)[:height, :width]

    def _scores(self, images):
        """Logits, or probabilities averaged over views, of a batch of images of one size."""
        if self._augments:
            return averaged_probabilities(self._logits, images, self.scales, self.flip)
        return self._logits(images)

    def _logits(self, images):
        return np.stack(self._run(self.network.logits, images))

    def _run(self, function, images):
        """Applies the network to images of one padded size and crops the results back, a list of arrays."""
        size = self._padded_size(*images[0].shape[:2])
        batch = [_fit(image, size) for image in images]
        if self.network.compiles_each_shape:
            batch += batch[-1:] * (self.batch_size - len(batch))
        batch = np.stack(batch)
        self._shapes_seen.add((function.__name__, batch.shape))
        return [_undo_fit(result, image.shape[:2]) for image, result in zip(images, function(batch))]

    def _padded_size(self, height, width):
        """`(height, width)` that an image of this size is padded to."""
        if self.network.size:
            return self.network.size
        size = round_up(height, SIZE_MULTIPLE), round_up(width, SIZE_MULTIPLE)
        if size in self._sizes or not self.network.compiles_each_shape or len(self._sizes) < MOST_SHAPES:
            self._sizes.add(size)
            return size
        return few_sizes(height), few_sizes(width)


def _fit(image, size):
    """An image padded to `size`; resized if it is larger."""
    if image.shape[0] > size[0] or image.shape[1] > size[1]:
        return cv2.resize(image, size[::-1])
    return pad(image, *size)


def _undo_fit(result, size):
    """The result for an image of `size` from that for the image as `_fit` made it."""
    if size[0] > result.shape[0] or size[1] > result.shape[1]:
        return cv2.resize(result, size[::-1], interpolation=cv2.INTER_NEAREST)
    return result[: size[0], : size[1]]


def round_up(size, multiple):
    """The least multiple that is not below `size`."""
    return -(-size // multiple) * multiple


def few_sizes(size):
    """The next of four sizes for each doubling, such as 256, 320, 384, 448, 512, 640: a multiple of 32 from `size`."""
    octave = 2 ** (size - 1).bit_length()
    return round_up(size, max(SIZE_MULTIPLE, octave // 8))
