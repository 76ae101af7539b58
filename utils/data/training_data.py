"""Data of a training run: checked training and validation images of one dataset or several."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from utils.class_dict import ClassDict
from utils.data.augmentation import Augmentation
from utils.data.checks import PairStatistics, check_pairs
from utils.data.class_weights import median_frequency_weights
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
from utils.data.memory import check_cache_fits
from utils.data.report import check_labeled, class_table, describe_labels, repeated_images, training_warnings
from utils.errors import UsageError
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


class _Part(NamedTuple):
    """The images of one dataset: pairs and their statistics by split, how the labels are read, and other lines."""

    pairs: dict[str, list[Pair]]
    statistics: dict[str, list[PairStatistics]]
    labels: str
    notes: list[str]


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
        **options: its other arguments, `batch_size` at least.

    Returns:
        `TrainingData`.

    Raises:
        UsageError: naming all problems of both splits, if no pixel of a split has a class, if a further dataset has no
            class of the first, or if the cache does not fit into memory.
    """
    images = [pair.image for folder in folders for pair in list_pairs(folder, split, [])]
    image_format, range_text = measure_range(images, image_format, workers)
    parts, of_one = [], num_val_images if len(folders) == 1 else num_val_images and 0
    for index, folder in enumerate(folders):
        classes = class_dict
        if index:
            classes = read_classes(folder, (), class_dict.unknown, class_dict.label_format)
        if orientation != "auto":
            classes.orientation = orientation
        parts.append(_open_part(folder, classes, class_dict, split, of_one, val_fraction, workers, image_format))
    pairs, statistics = ({name: [] for name in ("train", "val")} for _ in range(2))
    for part in parts:
        for name in part.pairs:
            pairs[name] += part.pairs[name]
            statistics[name] += part.statistics[name]
    if len(folders) > 1 and num_val_images:
        chosen = choose_validation_pairs(list(zip(pairs["val"], statistics["val"])), num_val_images)
        pairs["val"], statistics["val"] = ([one[i] for one in chosen] for i in (0, 1))
    statistics = {name: of_split for name, of_split in statistics.items() if of_split}
    for name, of_split in statistics.items():
        check_labeled(name, of_split)
    if cache:
        check_cache_fits((pair.size for pair in statistics["train"]), image_format.channels)
    crop = augmentation.crop_height, augmentation.crop_width
    warnings = training_warnings(statistics["train"], statistics.get("val", []), class_dict, crop)
    warnings += repeated_images(*([pair.image for pair in pairs[name]] for name in ("train", "val")))
    names = [f"{folder.name}: " if len(folders) > 1 else "" for folder in folders]
    report = [f"{name}{part.labels}" for name, part in zip(names, parts)]
    report += [line for part in parts for line in part.notes] + [class_table(statistics, class_dict)]
    report += [range_text] if range_text else []
    options |= {"cache": cache, "workers": workers, "image_format": image_format}
    dataset = SegmentationDataset(pairs["train"], class_dict, augmentation, **options)
    weights = median_frequency_weights(np.array([pair.pixels for pair in statistics["train"]]))
    return TrainingData(dataset, pairs["val"], weights, report, warnings)


def _open_part(folder, classes, target, split, num_val_images, val_fraction, workers, image_format):
    """Lists and checks the images of one dataset.

    Args:
        folder: of the dataset.
        classes: its `ClassDict`.
        target: `ClassDict` of the training, the same object for the first dataset.
        split, num_val_images, val_fraction, workers, image_format: as in `open_training_data`.

    Returns:
        `_Part`.
    """
    problems, validation, notes, absent = [], [], [], []
    if classes is not target:
        absent = classes.map_to(target)
        if len(absent) == classes.num_classes:
            raise UsageError(f"{folder} has no class of the first dataset: {', '.join(target.class_names)}")
    pairs = list_pairs(folder, split, problems)
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
    used = pairs + validation
    others, count = other_labels(folder, used), target.num_classes
    checked = check_pairs(used, classes, workers, problems, others, count, image_format)
    statistics = {"train": checked[: len(pairs)], "val": checked[len(pairs) :]}
    if classes is not target:
        pairs, validation = ([pair._replace(class_dict=classes) for pair in some] for some in (pairs, validation))
        total = sum(pair.size[0] * pair.size[1] for pair in checked)
        ignored = percentage(sum(pair.ignored for pair in checked) / total)
        agreed = classes.num_classes - len(absent)
        left_out = f"without {', '.join(absent)}, {ignored} of its pixels are ignored" if absent else "all are used"
        notes.append(f"{folder.name}: {agreed} of {classes.num_classes} classes agree by name; {left_out}")
    labels = describe_labels(checked, target, classes.readings)
    return _Part({"train": pairs, "val": validation}, statistics, labels, notes)
