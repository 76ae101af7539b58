"""Training batches: images decoded and augmented on threads, reproducible for a given seed."""

import math
from collections.abc import Iterator

import keras
import numpy as np

from utils.class_dict import IGNORED
from utils.data.augmentation import Augmentation, paste_box
from utils.data.bad_samples import BadSamples
from utils.data.folder import find_dataset, read_classes
from utils.data.image_format import ImageFormat
from utils.data.images import RGB_BYTES
from utils.data.labels import read_pair
from utils.data.soft_labels import SoftLabels
from utils.threads import prefetch


class SegmentationDataset(keras.utils.PyDataset):
    """Training batches of augmented images and labels.

    Every epoch has its own order. `len` is the number of batches rounded up; the last one is filled up from a second
    shuffle, so that all batches have one shape (a backend that compiles for each shape compiles once).

    Args:
        pairs: list of `folder.Pair`.
        class_dict: `ClassDict`.
        augmentation: `Augmentation`.
        batch_size: int.
        seed: int. `(seed, epoch, index of the image)` and the number of its earlier occurrences in the epoch
            determine the augmentation, whatever the number of threads.
        steps_per_epoch: int or None, another number of batches per epoch.
        cache: whether to keep decoded images in memory.
        workers: int, threads.
        outputs: names of the network's outputs, if it has more than one; each is trained on the labels.
        image_format: `ImageFormat`, bands and value range of the images.
        part: `(rank, count)`, to yield only this part of every batch, of `batch_size / count` images. The parts of all
            ranks are the batch.
        on_bad_sample: "stop" or "skip", what happens when a sample cannot be read, see `BadSamples`.
        soft_labels: `SoftLabels`, which the output "soft" is trained on, or None.

    Raises:
        ValueError: if `batch_size` is no multiple of the number of parts.

    Attributes:
        epoch: int, the current epoch.
        first_step: int, the number of its batches to skip; for resuming in the middle of an epoch.
        steps: int, batches of a whole epoch.
        samples: `BadSamples`, which reads.
        unlabeled: set of the numbers of this epoch's batches, of those read so far, without a labeled pixel.
    """

    def __init__(
        self,
        pairs,
        class_dict,
        augmentation,
        batch_size,
        seed=0,
        steps_per_epoch=None,
        cache=False,
        workers=1,
        outputs=(),
        image_format: ImageFormat = RGB_BYTES,
        part=(0, 1),
        on_bad_sample="stop",
        soft_labels: SoftLabels | None = None,
    ):
        if batch_size % part[1]:
            raise ValueError(f"a batch of {batch_size} images cannot be divided into {part[1]} equal parts")
        super().__init__(workers=workers, max_queue_size=max(4, 2 * workers))
        self.pairs, self.class_dict, self.augmentation = pairs, class_dict, augmentation
        self.batch_size, self.seed, self.outputs, self.image_format = batch_size, seed, outputs, image_format
        self.part, self.soft_labels = part, soft_labels
        self.steps = steps_per_epoch or math.ceil(len(pairs) / batch_size)
        self._cache = {} if cache else None
        self.samples = BadSamples(self._read, lambda index: self.pairs[index].image, len(pairs), on_bad_sample)
        self.set_epoch(0)

    @classmethod
    def from_folder(
        cls,
        dataset,
        split: str = "train",
        crop_height: int = 512,
        crop_width: int = 512,
        batch_size: int = 1,
        ignore_class=(),
        unknown: str = "error",
        label_format: str = "auto",
        seed: int = 0,
        cache: bool = False,
        workers: int = 2,
        image_format: ImageFormat = RGB_BYTES,
        **augmentation,
    ) -> "SegmentationDataset":
        """Opens a dataset for `fit`, as train.py does. Its files are checked, see `verification.check_splits`.

        Args:
            dataset: a path, or a name that is looked for in `.` and `datasets/`.
            split: "train", "val" or "test".
            crop_height, crop_width: int, pixels; beyond the image it is reflected, and the label ignored.
            batch_size: int.
            ignore_class: names of classes to leave out of loss and scores.
            unknown: "error", "ignore" or "nearest", see `ClassDict`.
            label_format: "auto", "colors", "indices" or "binary", see `label_format.choose_reading`.
            seed, cache, workers: as above.
            image_format: bands of the images; without a value range, that of the dataset is measured.
            **augmentation: the other arguments of `Augmentation`, such as `h_flip` and `scale_range`.

        Returns:
            `SegmentationDataset`; its `class_dict` has the classes.

        Raises:
            UsageError: naming all problems of the dataset.
        """
        from utils.data.training_data import open_training_data  # which imports this module

        folder = find_dataset(dataset)
        class_dict = read_classes(folder, ignore_class, unknown, label_format)
        augment = Augmentation(crop_height, crop_width, **augmentation)
        options = {"batch_size": batch_size, "seed": seed, "image_format": image_format}
        options.update(cache=cache, workers=workers)
        return open_training_data([folder], class_dict, augment, split, **options).dataset

    @property
    def num_classes(self) -> int:
        """The number of classes that are not ignored."""
        return self.class_dict.num_classes

    def set_epoch(self, epoch: int, first_step: int = 0) -> None:
        """Selects the epoch, and the batch of it to begin with."""
        self.epoch, self.first_step, self.unlabeled = epoch, first_step, set()
        self.samples.skipped = set()
        needed = self.steps * self.batch_size
        rounds = range(math.ceil(needed / len(self.pairs)))
        shuffles = [np.random.default_rng([self.seed, epoch, r, 1]).permutation(len(self.pairs)) for r in rounds]
        self._order = np.concatenate(shuffles)[:needed]

    def __len__(self):
        return self.steps - self.first_step

    def __getitem__(self, step):
        """Returns batch `step`: uint8 images `(B, crop_height, crop_width, channels)` and labels `(B, ..., ...)`.

        With `outputs`, the labels are a dict from each name to the same array; from "soft" to soft labels, if any.
        """
        rank, count = self.part
        size = self.batch_size // count
        start = (self.first_step + step) * self.batch_size + rank * size
        indices = self._order[start : start + size].tolist()
        samples = [self.sample(index, position // len(self.pairs)) for position, index in enumerate(indices, start)]
        images, labels, *soft = (np.stack(arrays) for arrays in zip(*samples))
        if labels.min() == IGNORED and not soft:  # soft labels are there for ignored pixels too
            self.unlabeled.add(self.first_step + step)
        if not self.outputs:
            return images, labels
        return images, dict.fromkeys(self.outputs, labels) | ({"soft": soft[0]} if soft else {})

    def labeled_share(self, done: int) -> float:
        """Returns the share with labeled pixels, 0..1, of the epoch's first `done` batches."""
        return 1.0 - sum(step < done for step in self.unlabeled) / max(done, 1)

    def batches(self) -> Iterator[tuple]:
        """Yields the batches of the epoch in order, read ahead on `workers` threads."""
        for _, batch in prefetch(self.__getitem__, range(len(self)), self.workers):
            yield batch

    def sample(self, index: int, repeat: int = 0) -> tuple[np.ndarray, ...]:
        """Reads and augments image number `index` of `pairs`, or another one if that cannot be read.

        With the augmentation's `cutmix`, a box may come from any other image of the dataset.

        Args:
            index: int.
            repeat: int, the number of earlier occurrences of the image in this epoch.

        Returns:
            uint8 arrays `(crop_height, crop_width, channels)` and `(crop_height, crop_width)`, and with soft labels
            `(crop_height, crop_width, classes)`.
        """
        # Five numbers, because the seeds of the shuffles have four.
        rng = np.random.default_rng([self.seed, self.epoch, index, 0, repeat])
        sample = self._augmented(index, rng, (index, repeat))
        if rng.random() < self.augmentation.cutmix:
            # of the whole dataset, not of the batch, so that a sample depends neither on batch size nor on processes
            other = (index + rng.integers(1, max(len(self.pairs), 2))) % len(self.pairs)
            sample = paste_box(sample, self._augmented(int(other), rng, (index, repeat)), rng)
        return sample

    def _augmented(self, index, rng, place):
        cached = self._cache.get(index) if self._cache is not None else None
        image, label, *soft = cached or self.samples.get(index, place)
        return self.augmentation(image, label, rng, *soft)

    def _read(self, index):
        pair = self.pairs[index]
        sample = read_pair(pair.image, pair.label, pair.class_dict or self.class_dict, self.image_format)
        if self.soft_labels:
            sample = *sample, self.soft_labels.read(pair.name, sample[1].shape)
        if self._cache is not None:
            self._cache[index] = sample
        return sample
