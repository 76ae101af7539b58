"""Training batches: images decoded and augmented on threads, reproducible for a given seed."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np

from utils.class_dict import ClassDict
from utils.data.augmentation import Augmentation
from utils.data.checks import PairStatistics, check_pairs
from utils.data.class_weights import median_frequency_weights
from utils.data.folder import Pair, choose_validation_pairs, find_dataset, list_pairs, other_labels, read_classes
from utils.data.labels import read_pair
from utils.data.memory import check_cache_fits
from utils.data.report import check_labeled
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

    Attributes:
        epoch: int, the current epoch.
        first_step: int, the number of its batches to skip; for resuming in the middle of an epoch.
        steps: int, batches of a whole epoch.
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
    ):
        super().__init__(workers=workers, max_queue_size=max(4, 2 * workers))
        self.pairs, self.class_dict, self.augmentation = pairs, class_dict, augmentation
        self.batch_size, self.seed, self.outputs = batch_size, seed, outputs
        self.steps = steps_per_epoch or math.ceil(len(pairs) / batch_size)
        self._cache = {} if cache else None
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
        **augmentation,
    ) -> "SegmentationDataset":
        """Opens a dataset for `fit`, as train.py does. All files are read once to check them.

        Args:
            dataset: a path, or a name that is looked for in `.` and `datasets/`.
            split: "train", "val" or "test".
            crop_height, crop_width: int, pixels; beyond the image it is reflected, and the label ignored.
            batch_size: int.
            ignore_class: names of classes to leave out of loss and scores.
            unknown: "error", "ignore" or "nearest", see `ClassDict`.
            label_format: "auto", "colors", "indices" or "binary", see `label_format.choose_reading`.
            seed, cache, workers: as above.
            **augmentation: the other arguments of `Augmentation`, such as `h_flip` and `scale_range`.

        Returns:
            `SegmentationDataset`; its `class_dict` has the classes.

        Raises:
            UsageError: naming all problems of the dataset.
        """
        folder = find_dataset(dataset)
        class_dict = read_classes(folder, ignore_class, unknown, label_format)
        augment = Augmentation(crop_height, crop_width, **augmentation)
        options = {"batch_size": batch_size, "seed": seed}
        return open_training_data(folder, class_dict, augment, split, None, cache, workers, **options).dataset

    @property
    def num_classes(self) -> int:
        """The number of classes that are not ignored."""
        return self.class_dict.num_classes

    def set_epoch(self, epoch: int, first_step: int = 0) -> None:
        """Selects the epoch, and the batch of it to begin with."""
        self.epoch, self.first_step = epoch, first_step
        needed = self.steps * self.batch_size
        rounds = range(math.ceil(needed / len(self.pairs)))
        shuffles = [np.random.default_rng([self.seed, epoch, r, 1]).permutation(len(self.pairs)) for r in rounds]
        self._order = np.concatenate(shuffles)[:needed]

    def __len__(self):
        return self.steps - self.first_step

    def __getitem__(self, step):
        """Returns batch `step`: uint8 images `(B, crop_height, crop_width, 3)` and labels `(B, ..., ...)`.

        With `outputs`, the labels are a dict from each name to the same array.
        """
        start = (self.first_step + step) * self.batch_size
        indices = self._order[start : start + self.batch_size].tolist()
        samples = [self.sample(index, position // len(self.pairs)) for position, index in enumerate(indices, start)]
        images, labels = zip(*samples)
        images, labels = np.stack(images), np.stack(labels)
        return images, dict.fromkeys(self.outputs, labels) if self.outputs else labels

    def batches(self) -> Iterator[tuple]:
        """Yields the batches of the epoch in order, read ahead on `workers` threads."""
        for _, batch in prefetch(self.__getitem__, range(len(self)), self.workers):
            yield batch

    def sample(self, index: int, repeat: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Reads and augments image number `index` of `pairs`.

        Args:
            index: int.
            repeat: int, the number of earlier occurrences of the image in this epoch.

        Returns:
            uint8 arrays `(crop_height, crop_width, 3)` and `(crop_height, crop_width)`.
        """
        # Five numbers, because the seeds of the shuffles have four.
        rng = np.random.default_rng([self.seed, self.epoch, index, 0, repeat])
        return self.augmentation(*self._read(index), rng)

    def _read(self, index):
        if self._cache is not None and index in self._cache:
            return self._cache[index]
        pair = self.pairs[index]
        sample = read_pair(pair.image, pair.label, self.class_dict)
        if self._cache is not None:
            self._cache[index] = sample
        return sample


class TrainingData(NamedTuple):
    """The data of a training run.

    Attributes:
        dataset: `SegmentationDataset`.
        validation_pairs: list of `Pair`.
        class_weights: float32 array `(C,)`, see `median_frequency_weights`.
        statistics: dict from "train" and "val" to a list of `PairStatistics`; without "val" if there is no validation.
    """

    dataset: SegmentationDataset
    validation_pairs: list[Pair]
    class_weights: np.ndarray
    statistics: dict[str, list[PairStatistics]]


def open_training_data(
    folder,
    class_dict: ClassDict,
    augmentation: Augmentation,
    split: str = "train",
    num_val_images: int | None = None,
    cache: bool = False,
    workers: int = 2,
    **options,
) -> TrainingData:
    """Lists and checks the images of a dataset and opens them for `fit`.

    Args:
        folder: `pathlib.Path` of the dataset.
        class_dict: `ClassDict`.
        augmentation: `Augmentation`.
        split: "train", "val" or "test", the split to train on.
        num_val_images: number of images of the split "val" to validate on, see `choose_validation_pairs`; None for
            no validation.
        cache, workers: as in `SegmentationDataset`.
        **options: its other arguments, `batch_size` at least.

    Returns:
        `TrainingData`.

    Raises:
        UsageError: naming all problems of both splits, if no pixel of a split has a class, or if the cache does not fit
            into memory.
    """
    problems, validation_pairs = [], []
    pairs = list_pairs(folder, split, problems)
    if num_val_images is not None:
        validation_pairs = choose_validation_pairs(list_pairs(folder, "val", problems), num_val_images)
    used = pairs + validation_pairs
    checked = check_pairs(used, class_dict, workers, problems, other_labels(folder, used))
    statistics = {"train": checked[: len(pairs)], "val": checked[len(pairs) :]}
    if not validation_pairs:
        del statistics["val"]
    for name, of_split in statistics.items():
        check_labeled(name, of_split)
    if cache:
        check_cache_fits(pair.size for pair in statistics["train"])
    dataset = SegmentationDataset(pairs, class_dict, augmentation, cache=cache, workers=workers, **options)
    weights = median_frequency_weights(np.array([pair.pixels for pair in statistics["train"]]))
    return TrainingData(dataset, validation_pairs, weights, statistics)
