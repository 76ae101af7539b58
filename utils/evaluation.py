"""Running a network over whole images of any size, and scoring it against labels."""

import collections
import contextlib
import concurrent.futures
import time

import keras
import numpy as np
from keras import ops

from utils.images import pad, read_pair, write_image
from utils.metrics import ConfusionMatrix, suite_scores

SIZE_MULTIPLE = 32  # the deepest feature of every network here has stride 32
MOST_SHAPES = 8  # of batches, that an engine compiles for one by one
MOST_WAITING = 8  # batches' worth of images of different sizes in memory


class ClassIndices(keras.layers.Layer):
    """Logits `(B, H, W, C)` to uint8 class indices `(B, H, W)`, so that only a byte per pixel leaves the device."""

    def call(self, logits):
        return ops.cast(ops.argmax(logits, axis=-1), "uint8")

    def compute_output_spec(self, logits):
        return keras.KerasTensor(logits.shape[:-1], dtype="uint8")


class Predictor:
    """Predicts whole images, in batches of equal size.

    Images are padded to a multiple of 32 on the right and below, and the prediction is cropped back. XLA compiles for
    each shape anew: after eight shapes, images of further ones are padded to the next of few sizes.

    Args:
        model: `keras.Model` from images to logits; its weights are shared, not copied.
        batch_size: int, the most images at once.
        jit_compile: bool, whether to compile with XLA.
    """

    def __init__(self, model, batch_size=1, jit_compile=False):
        self.model = keras.Model(model.input, ClassIndices()(model.output))
        self.model.compile(jit_compile=jit_compile)
        self.batch_size = batch_size
        self._compiles_each_shape = jit_compile or keras.backend.backend() == "jax"
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
            padded = pad(image, *self._padded_size(*image.shape[:2]))
            bucket = buckets[padded.shape]
            bucket.append((key, image.shape[:2], padded))
            if len(bucket) == self.batch_size:
                yield from self._predict(buckets.pop(padded.shape))
            elif sum(map(len, buckets.values())) >= MOST_WAITING * self.batch_size:
                fullest = max(buckets, key=lambda shape: len(buckets[shape]))
                yield from self._predict(buckets.pop(fullest))
        for bucket in buckets.values():
            yield from self._predict(bucket)

    def _padded_size(self, height, width):
        """`(height, width)` that an image of this size is padded to."""
        size = round_up(height, SIZE_MULTIPLE), round_up(width, SIZE_MULTIPLE)
        if size in self._sizes or not self._compiles_each_shape or len(self._sizes) < MOST_SHAPES:
            self._sizes.add(size)
            return size
        return few_sizes(height), few_sizes(width)

    @property
    def images_per_second(self):
        """Images per second of wall time in the network, without each shape's first batch; None if there is no more."""
        return self._images / self._seconds if self._images else None

    def _predict(self, bucket):
        keys, sizes, images = zip(*bucket)
        if self._compiles_each_shape:
            images += images[-1:] * (self.batch_size - len(images))
        batch = np.stack(images)
        start = time.perf_counter()
        predictions = np.asarray(self.model.predict_on_batch(batch))
        if batch.shape in self._shapes_seen:
            self._seconds += time.perf_counter() - start
            self._images += len(keys)
        self._shapes_seen.add(batch.shape)
        for key, (height, width), prediction in zip(keys, sizes, predictions):
            yield key, prediction[:height, :width]


def round_up(size, multiple):
    """The least multiple that is not below `size`."""
    return -(-size // multiple) * multiple


def few_sizes(size):
    """The next of four sizes for each doubling, such as 256, 320, 384, 448, 512, 640: a multiple of 32 from `size`."""
    octave = 2 ** (size - 1).bit_length()
    return round_up(size, max(SIZE_MULTIPLE, octave // 8))


def read_ahead(read, items, workers=2):
    """Applies `read` to items on threads, a few ahead of the consumer, in order.

    Args:
        read: function of one item.
        items: sequence.
        workers: int, threads; twice as many results wait at the most.

    Yields:
        `(item, read(item))`.
    """
    with concurrent.futures.ThreadPoolExecutor(workers) as executor:
        waiting = collections.deque()
        for item in items:
            waiting.append((item, executor.submit(read, item)))
            if len(waiting) > 2 * workers:
                item, future = waiting.popleft()
                yield item, future.result()
        for item, future in waiting:
            yield item, future.result()


@contextlib.contextmanager
def on_threads(workers=2):
    """Calls functions on threads, a few behind the caller: to encode and write pictures while the network goes on.

    Args:
        workers: int, threads; four times as many calls wait at the most.

    Yields:
        A function of a function and its arguments. Errors arrive with a later call, or when the context ends.
    """
    waiting = collections.deque()

    def submit(function, *arguments):
        waiting.append(executor.submit(function, *arguments))
        if len(waiting) > 4 * workers:
            waiting.popleft().result()

    with concurrent.futures.ThreadPoolExecutor(workers) as executor:
        yield submit
        for future in waiting:
            future.result()


def evaluate(predictor, pairs, class_dict, unknown="error", crop=None, folder=None, progress=None, workers=2):
    """Scores a network on labeled images and writes what it predicted.

    Args:
        predictor: `Predictor`.
        pairs: list of `dataset_folder.Pair`.
        class_dict: `ClassDict`.
        unknown: "error" or "ignore", what to do with label colors of no class.
        crop: `(height, width)` of the upper left part to use, or None for whole images.
        folder: `pathlib.Path` for `<name>_pred.png` and `<name>_gt.png`, or None to write no pictures.
        progress: function of the number of images done, or None.
        workers: int, threads that read.

    Returns:
        `(confusion, rows)`: the `ConfusionMatrix` over all images, and for each pair in order its `suite_scores`.
    """
    confusion = ConfusionMatrix(class_dict.num_classes, class_dict.class_names)
    height, width = crop or (None, None)
    labels, rows = {}, {}

    def read(pair):
        image, label = read_pair(pair.image, pair.label, class_dict, unknown)
        return image[:height, :width], label[:height, :width]

    def images():
        for pair, (image, label) in read_ahead(read, pairs, workers):
            labels[pair] = label
            yield pair, image

    def write(name, indices):
        write_image(folder / name, class_dict.decode(indices))

    with on_threads(workers) as submit:
        for pair, prediction in predictor(images()):
            label = labels.pop(pair)
            rows[pair] = suite_scores(confusion.update(label, prediction))
            if folder:
                submit(write, f"{pair.name}_pred.png", prediction)
                submit(write, f"{pair.name}_gt.png", label)
            if progress:
                progress(len(rows))
    return confusion, [rows[pair] for pair in pairs]
