"""Data of a training run: checked training and validation images of one dataset or several."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from utils.class_dict import ClassDict
from utils.data.augmentation import Augmentation
from utils.data.class_weights import weights_from_sums
from utils.data.dataset import SegmentationDataset
from utils.data.folder import (
    Pair,
    choose_validation_pairs,
    list_pairs,
    other_labels,
    read_classes,
    split_off_validation,
)
from utils.data.image_format import ImageFormat
from utils.data.image_range import measure_range
from utils.data.images import RGB_BYTES
from utils.data.label_counts import count_labels
from utils.data.label_statistics import SplitStatistics, merged
from utils.data.memory import check_cache_fits
from utils.data.report import check_labeled, class_table, describe_labels, repeated_images, training_warnings
from utils.data.soft_labels import STRIDE, SoftLabels
from utils.data.verification import check_splits, describe_check
from utils.errors import UsageError
from utils.peers import ALONE, Peers
from utils.progress import Console
from utils.text import percentage


class TrainingData(NamedTuple):
    """The data of a training run.

    Attributes:
        dataset: `SegmentationDataset`.
        validation_pairs: list of `Pair`.
        class_weights: float32 array `(C,)`, see `median_frequency_weights`.
        report: list of lines: how labels and images are read, and the share of each class.
        warnings: list of lines, surprises with their remedies.
    """

    dataset: SegmentationDataset
    validation_pairs: list[Pair]
    class_weights: np.ndarray
    report: list[str]
    warnings: list[str]


@dataclasses.dataclass
class _Part:
    """The images of one dataset.

    Attributes:
        folder: `pathlib.Path`.
        classes: its `ClassDict`.
        absent: names of those of its classes that the first dataset does not have.
        pairs: lists of `Pair` by "train" and "val".
        images: paths of all images of the training split.
        problems, notes: lines.
        statistics: `SplitStatistics` by "train" and "val".
    """

    folder: pathlib.Path
    classes: ClassDict
    absent: list[str]
    pairs: dict[str, list[Pair]]
    images: list[pathlib.Path]
    problems: list[str]
    notes: list[str]
    statistics: dict[str, SplitStatistics] = dataclasses.field(default_factory=dict)

    def other_labels(self):
        """Yields labels of the dataset that are not among its pairs."""
        return other_labels(self.folder, [pair for pairs in self.pairs.values() for pair in pairs])


def open_training_data(
    folders: Sequence[pathlib.Path],
    class_dict: ClassDict,
    augmentation: Augmentation,
    split: str = "train",
    num_val_images: int | None = None,
    val_fraction: float | None = None,
    cache: bool = False,
    workers: int = 2,
    image_format: ImageFormat = RGB_BYTES,
    orientation: str = "auto",
    verify: str = "sample",
    balanced: bool = False,
    peers: Peers = ALONE,
    console: Console | None = None,
    soft_labels: str | None = None,
    **options,
) -> TrainingData:
    """Lists and checks the images of datasets and opens them for `fit`.

    Args:
        folders: of the datasets. Labels of all but the first are mapped to the first one's classes by name.
        class_dict: `ClassDict` of the first dataset.
        augmentation: `Augmentation`.
        split: "train", "val" or "test", the split to train on.
        num_val_images: number of images of the split "val" to validate on, see `choose_validation_pairs`; None for
            no validation.
        val_fraction: share of the training images to validate on instead, for datasets without a split "val".
        cache, workers: as in `SegmentationDataset`.
        image_format: bands of the images; without a value range, that of the training images is measured.
        orientation: "auto", "stored" or "upright", see `ClassDict.orientation`.
        verify: "sample" or "full", see `check_splits`.
        balanced: whether class weights are to be exact, for which all training labels are read.
        peers: the processes that share the check out; each also yields its part of the batches.
        console: shows the progress of reading all files.
        soft_labels: folder of a teacher's soft labels of the training images, or None.
        **options: its other arguments, `batch_size` at least.

    Returns:
        `TrainingData`.

    Raises:
        UsageError: naming all problems of both splits, if no pixel of a split has a class, if a further dataset has no
            class of the first, if the cache does not fit into memory, or if the soft labels do not fit the images.
    """
    if soft_labels and len(folders) > 1:
        raise UsageError("--soft_labels are of the images of one dataset; leave it out, or give one --dataset")
    parts = []
    for index, folder in enumerate(folders):
        classes = read_classes(folder, (), class_dict.unknown, class_dict.label_format) if index else class_dict
        if orientation != "auto":
            classes.orientation = orientation
        of_one = num_val_images if len(folders) == 1 else num_val_images and 0
        parts.append(_list_part(folder, classes, class_dict, split, of_one, val_fraction))
    pairs = {name: [pair for part in parts for pair in part.pairs[name]] for name in ("train", "val")}
    if len(folders) > 1 and num_val_images:
        pairs["val"] = choose_validation_pairs(pairs["val"], num_val_images)
        for part in parts:
            part.pairs["val"] = [pair for pair in pairs["val"] if pair.image.parent.parent == part.folder]
    image_format, range_text = measure_range([path for part in parts for path in part.images], image_format, workers)
    options |= {"cache": cache, "workers": workers, "image_format": image_format, "part": (peers.rank, peers.count)}
    for part in parts:
        words = part.classes, verify, workers, part.problems, part.other_labels(), class_dict.num_classes
        part.statistics = check_splits(part.pairs, *words, image_format, peers, console)
    count = class_dict.num_classes
    statistics = {name: merged((part.statistics[name] for part in parts), count) for name in pairs}
    statistics = {name: of_split for name, of_split in statistics.items() if of_split.read}
    for name, of_split in statistics.items():
        check_labeled(name, of_split)
    training, validation = statistics["train"], statistics.get("val", merged((), count))
    if soft_labels:
        names = [pair.name for pair in pairs["train"]]
        options["soft_labels"] = SoftLabels(soft_labels, class_dict.class_names, names)
    if cache:
        soft_channels = -(-count // STRIDE**2) if soft_labels else 0
        check_cache_fits(training.mean_pixels() * training.pairs, image_format.channels + soft_channels)
    crop = augmentation.crop_height, augmentation.crop_width
    warnings = training_warnings(training, validation, class_dict, crop)
    if peers.is_chief:
        warnings += repeated_images(*([pair.image for pair in pairs[name]] for name in ("train", "val")))
    report = [line for part in parts for line in _describe_part(part, class_dict, len(folders) > 1)]
    report += [describe_check(statistics.values()), class_table(statistics, class_dict), range_text]
    dataset = SegmentationDataset(pairs["train"], class_dict, augmentation, **options)
    if soft_labels:
        dataset.sample(0)  # soft labels of another size are told before a network is built
    weights = weights_from_sums(training.pixels, training.around)
    if balanced and training.is_sample:
        weights = weights_from_sums(*count_labels(folders, pairs["train"], class_dict, workers, peers, console))
    return TrainingData(dataset, pairs["val"], weights, list(filter(None, report)), warnings)


def _list_part(folder, classes, target, split, num_val_images, val_fraction):
    """Lists the images of one dataset.

    Args:
        folder: of the dataset.
        classes: its `ClassDict`.
        target: `ClassDict` of the training, the same object for the first dataset.
        split, num_val_images, val_fraction: as in `open_training_data`.

    Returns:
        `_Part`.
    """
    problems, validation, notes, absent = [], [], [], []
    if classes is not target:
        absent = classes.map_to(target)
        if len(absent) == classes.num_classes:
            raise UsageError(f"{folder} has no class of the first dataset: {', '.join(target.class_names)}")
    pairs = list_pairs(folder, split, problems)
    images = [pair.image for pair in pairs]
    has_validation = (folder / "val").is_dir()
    if num_val_images is not None and val_fraction and not has_validation:
        pairs, validation = split_off_validation(pairs, val_fraction)
        notes.append(f"{folder.name}: {len(validation)} training images, drawn at random, are for validation only")
    elif num_val_images is not None and val_fraction:
        raise UsageError(f"{folder} has a split val; --val_fraction is for datasets without one")
    elif num_val_images is not None and not has_validation:
        problems.append(f"there is no folder {folder / 'val'}; take a part of train with --val_fraction 0.1")
    elif num_val_images is not None:
        validation = choose_validation_pairs(list_pairs(folder, "val", problems), num_val_images)
    if classes is not target:
        pairs, validation = ([pair._replace(class_dict=classes) for pair in some] for some in (pairs, validation))
    return _Part(folder, classes, absent, {"train": pairs, "val": validation}, images, problems, notes)


def _describe_part(part, target, has_name):
    """Returns lines on one dataset: how its labels are read, what was drawn for validation, and its other classes."""
    total = merged(part.statistics.values(), target.num_classes)
    labels = describe_labels(total, target, part.classes.readings)
    lines = [f"{part.folder.name}: {labels}" if has_name else labels, *part.notes]
    if part.classes is not target:
        ignored = percentage(total.ignored / total.area)
        count, absent = part.classes.num_classes, part.absent
        left_out = f"without {', '.join(absent)}, {ignored} of its pixels are ignored" if absent else "all are used"
        lines.append(f"{part.folder.name}: {count - len(absent)} of {count} classes agree by name; {left_out}")
    return lines
