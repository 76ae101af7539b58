"""Batches for training: decoding and augmentation on threads, the same for a given seed whatever their number."""

import math
import pathlib

import keras
import numpy as np

from utils.data.augmentation import Augmentation
from utils.data.folder import check_pairs, find_dataset, list_pairs, read_classes
from utils.data.images import read_pair
from utils.errors import UsageError


class SegmentationDataset(keras.utils.PyDataset):
    """Training batches of augmented images and labels.

    Every epoch has its own order. `len` is the number of batches rounded up; the last one is filled up from a second
    shuffle, so that all batches have one shape (an engine that compiles for each shape compiles once).

    Args:
        pairs: list of `folder.Pair`.
        class_dict: `ClassDict`.
        augmentation: `Augmentation`.
        batch_size: int.
        seed: int. `(seed, epoch, index of the image)` determines the augmentation, and which time it is that the
            image occurs in the epoch.
        steps_per_epoch: int or None, another number of batches per epoch.
        unknown: "error" or "ignore", what to do with label colors of no class.
        cache: whether to keep decoded images in memory.
        workers: int, threads.
        outputs: names of the network's outputs, if it has more than one; each gets the labels.

    Attributes:
        epoch: int, the epoch whose batches are given.
        first_step: int, how many of its batches to skip; for going on in the middle of an epoch.
    """

    def __init__(
        self,
        pairs,
        class_dict,
        augmentation,
        batch_size,
        seed=0,
        steps_per_epoch=None,
        unknown="error",
        cache=False,
        workers=1,
        outputs=(),
    ):
        super().__init__(workers=workers, max_queue_size=max(4, 2 * workers))
        self.pairs, self.class_dict, self.augmentation = pairs, class_dict, augmentation
        self.batch_size, self.seed, self.unknown, self.outputs = batch_size, seed, unknown, outputs
        self.steps = steps_per_epoch or math.ceil(len(pairs) / batch_size)
        self._cache = {} if cache else None
        self.set_epoch(0)

    @classmethod
    def from_folder(
        cls,
        dataset,
        split="train",
        crop_height=512,
        crop_width=512,
        batch_size=1,
        ignore_class=(),
        unknown="error",
        seed=0,
        cache=False,
        workers=2,
        **augmentation,
    ):
        """Opens a dataset for `fit`, as train.py does. All files are read once, to be sure of them.

        Args:
            dataset: a path, or a name looked for in `.` and `datasets/`.
            split: "train", "val" or "test".
            crop_height, crop_width: int, pixels; larger than the image: mirrored, and the label ignored there.
            batch_size: int.
            ignore_class: names of classes to leave out of loss and scores.
            unknown, seed, cache, workers: as above.
            **augmentation: the other arguments of `Augmentation`, such as `h_flip` and `scale_range`.

        Returns:
            `SegmentationDataset`; its `class_dict` has the classes.

        Raises:
            UsageError: naming all that is wrong with the dataset.
        """
        folder = find_dataset(dataset)
        class_dict, problems = read_classes(folder, ignore_class), []
        pairs = list_pairs(folder, split, problems)
        checked = check_pairs(pairs, class_dict, unknown, workers, problems)
        if cache:
            check_cache_fits([one.size for one in checked])
        augment = Augmentation(crop_height, crop_width, **augmentation)
        return cls(pairs, class_dict, augment, batch_size, seed, unknown=unknown, cache=cache, workers=workers)

    @property
    def num_classes(self):
        """int, the number of classes that count."""
        return self.class_dict.num_classes

    def set_epoch(self, epoch, first_step=0):
        """Chooses the epoch, and the batch of it to begin with."""
        self.epoch, self.first_step = epoch, first_step
        needed = self.steps * self.batch_size
        rounds = range(math.ceil(needed / len(self.pairs)))
        shuffles = [np.random.default_rng([self.seed, epoch, r, 1]).permutation(len(self.pairs)) for r in rounds]
        self._order = np.concatenate(shuffles)[:needed]

    def __len__(self):
        return self.steps - self.first_step

    def __getitem__(self, step):
        """Returns batch `step`: uint8 images `(B, crop_height, crop_width, 3)` and labels `(B, ..., ...)`.

        With `outputs`, a dict from each name to the labels.
        """
        start = (self.first_step + step) * self.batch_size
        indices = self._order[start : start + self.batch_size].tolist()
        samples = [self.sample(index, position // len(self.pairs)) for position, index in enumerate(indices, start)]
        images, labels = zip(*samples)
        images, labels = np.stack(images), np.stack(labels)
        return images, dict.fromkeys(self.outputs, labels) if self.outputs else labels

    def sample(self, index, repeat=0):
        """Reads and augments image number `index` of `pairs`.

        Args:
            index: int.
            repeat: int, how often the image occurred in this epoch before.

        Returns:
            uint8 arrays `(crop_height, crop_width, 3)` and `(crop_height, crop_width)`.
        """
        # Five numbers, for the shuffles' are four.
        rng = np.random.default_rng([self.seed, self.epoch, index, 0, repeat])
        return self.augmentation(*self._read(index), rng)

    def _read(self, index):
        if self._cache is not None and index in self._cache:
            return self._cache[index]
        pair = self.pairs[index]
        sample = read_pair(pair.image, pair.label, self.class_dict, self.unknown)
        if self._cache is not None:
            self._cache[index] = sample
        return sample


def check_cache_fits(sizes):
    """Refuses a cache that memory cannot hold.

    Args:
        sizes: list of `(height, width)` of all images; a pixel takes 4 bytes with its label.

    Raises:
        UsageError: telling what is needed and what there is.
    """
    needed = 4 * sum(height * width for height, width in sizes)
    available = available_memory()
    # Half, for the network needs memory too.
    if available is not None and needed > available / 2:
        raise UsageError(
            f"--cache would keep {needed / 2**30:.1f} GiB of decoded images in memory, more than half of the "
            f"{available / 2**30:.1f} GiB that are available; train without it"
        )


def available_memory():
    """Bytes of memory that can be had: the machine's, or the control group's if that is less. None if unknown."""
    amounts = []
    try:
        fields = dict(line.split(":") for line in pathlib.Path("/proc/meminfo").read_text().splitlines())
        amounts.append(int(fields["MemAvailable"].split()[0]) * 1024)
    except (OSError, KeyError, ValueError):
        pass
    try:
        group = pathlib.Path("/sys/fs/cgroup")
        limit, used = (int((group / f"memory.{which}").read_text()) for which in ("max", "current"))
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        # Files that were read stay in memory, and count as used, until something else needs it.
        amounts.append(limit - used + int(statistics["inactive_file"]))
    except (OSError, KeyError, ValueError):
        pass
    return min(amounts, default=None)
