"""Fingerprint of a dataset, from the sizes and labels of a sample of its training images."""

import pathlib
from collections.abc import Sequence

import numpy as np

from utils.auto.fingerprints import DatasetFingerprint
from utils.class_dict import IGNORED
from utils.data.folder import Pair, list_pairs, other_labels, read_classes
from utils.data.headers import spaced
from utils.data.image_format import ImageFormat
from utils.data.images import decode_file
from utils.data.labels import read_label
from utils.data.verification import check_splits
from utils.metrics import histogram

SAMPLE = 100  # images whose labels are read, fewer of very large ones, evenly spaced over the training images
DECODED = 5  # images that are decoded for their kind


def measure_dataset(folders: Sequence[pathlib.Path], settings: dict) -> DatasetFingerprint:
    """Measures the fingerprint of a training on datasets.

    Args:
        folders: of the datasets; labels and sizes are those of the first.
        settings: flags of train.py about labels and images.

    Raises:
        UsageError: naming all problems of the sampled images and labels.
    """
    options = settings["ignore_class"], settings["unknown_colours"], settings["label_format"]
    classes = read_classes(folders[0], *options)
    pairs = [list_pairs(folder, "train") for folder in folders]
    has_validation = [(folder / "val").is_dir() for folder in folders]
    validation = [len(list_pairs(folder, "val")) if has else 0 for folder, has in zip(folders, has_validation)]
    sample = spaced(pairs[0], SAMPLE)
    image_format = ImageFormat.from_settings(settings)
    options = {"other_labels": other_labels(folders[0], sample), "image_format": image_format}
    checked = check_splits({"train": sample}, classes, workers=settings["workers"], **options)["train"]
    heights, widths = np.array(list(checked.sizes.elements())).T
    vertical, horizontal = measure_differences(spaced(sample, checked.read), classes)
    return DatasetFingerprint(
        images=sum(map(len, pairs)),
        validation_images=sum(validation),
        height=int(np.median(heights)),
        width=int(np.median(widths)),
        smallest_height=int(np.quantile(heights, 0.1, method="lower")),
        smallest_width=int(np.quantile(widths, 0.1, method="lower")),
        class_shares=tuple((checked.pixels / max(1, checked.pixels.sum())).round(6).tolist()),
        channels=image_format.channels,
        is_rgb=image_format.channels == 3 and all(map(is_photograph, spaced(sample, DECODED))),
        vertical_difference=round(vertical, 3),
        horizontal_difference=round(horizontal, 3),
    )


def is_photograph(pair: Pair) -> bool:
    """Returns whether an image has 8-bit colors that are not all gray."""
    pixels = decode_file(pair.image).pixels
    if pixels.dtype != np.uint8 or pixels.shape[-1] < 3:
        return False
    return bool(np.ptp(pixels[::4, ::4, :3].astype(np.int16), axis=-1).max() > 8)


def measure_differences(pairs: Sequence[Pair], class_dict) -> tuple[float, float]:
    """Measures how far the classes of the upper and lower, and of the left and right halves of labels differ.

    Returns:
        `(vertical, horizontal)`, half the summed absolute differences of the class shares, 0..1.
    """
    halves = np.zeros((4, 256), np.int64)
    for pair in pairs:
        label = read_label(pair.label, pair.class_dict or class_dict)
        height, width = label.shape
        parts = label[: height // 2], label[-(height // 2) :], label[:, : width // 2], label[:, -(width // 2) :]
        for total, part in zip(halves, parts):
            total += histogram(part, 256)
    halves[:, IGNORED] = 0
    shares = halves / np.maximum(1, halves.sum(axis=1, keepdims=True))
    return tuple(float(0.5 * np.abs(shares[i] - shares[i + 1]).sum()) for i in (0, 2))
