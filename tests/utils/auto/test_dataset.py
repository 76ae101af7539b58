"""Fingerprint of a dataset: sizes, class shares, kinds of images, and the meaning of directions."""

import cv2
import numpy as np
import pytest

from utils.auto.dataset import measure_dataset, measure_differences
from utils.cli.arguments import train_parser
from utils.data.folder import list_pairs, read_classes

SETTINGS = vars(train_parser().parse_args([]))


def write_dataset(folder, labels, image=None):
    """A dataset of two classes whose training labels are these."""
    (folder / "class_dict.csv").parent.mkdir(parents=True, exist_ok=True)
    (folder / "class_dict.csv").write_text("name,r,g,b\na,10,0,0\nb,20,0,0\n")
    for split in ("train", "train_labels"):
        (folder / split).mkdir()
    for number, label in enumerate(labels):
        label = np.asarray(label, np.uint8)
        pixels = np.zeros((*label.shape, 3), np.uint8) if image is None else image
        cv2.imwrite(str(folder / "train" / f"{number}.png"), pixels)
        cv2.imwrite(str(folder / "train_labels" / f"{number}.png"), label)
    return folder


def test_fingerprint_of_streets(streets):
    found = measure_dataset([streets], SETTINGS)
    assert (found.images, found.validation_images, found.num_classes) == (10, 3, 12)
    assert (found.height, found.width, found.smallest_height, found.smallest_width) == (64, 96, 64, 96)
    assert sum(found.class_shares) == pytest.approx(1, abs=1e-4)
    assert found.is_rgb and found.channels == 3
    assert found.vertical_difference > 0.4 > found.horizontal_difference  # the sky is above


def test_ignored_classes_do_not_count(streets):
    found = measure_dataset([streets], {**SETTINGS, "ignore_class": ["Unlabelled", "Sky"]})
    assert found.num_classes == 10 and sum(found.class_shares) == pytest.approx(1, abs=1e-4)


def test_differences_of_halves_by_hand(tmp_path):
    """Upper half a, lower half b: 1 and 0; one quarter more a on the left: a half there, a quarter of all."""
    folder = write_dataset(tmp_path / "rows", [[[0, 0], [1, 1]]])
    classes = read_classes(folder)
    assert measure_differences(list_pairs(folder, "train"), classes) == (1.0, 0.0)
    folder = write_dataset(tmp_path / "corner", [[[0, 1], [1, 1]]])
    assert measure_differences(list_pairs(folder, "train"), read_classes(folder)) == (0.5, 0.5)


def test_kinds_and_sizes_of_images(tmp_path):
    labels = [np.zeros((40, 30), np.uint8)] * 9 + [np.ones((80, 90), np.uint8)] * 3
    gray = measure_dataset([write_dataset(tmp_path / "gray", labels)], SETTINGS)
    assert not gray.is_rgb and gray.validation_images == 0
    assert (gray.height, gray.width, gray.smallest_height, gray.smallest_width) == (40, 30, 40, 30)
    color = np.zeros((40, 30, 3), np.uint8)
    color[..., 0] = 200
    assert measure_dataset([write_dataset(tmp_path / "color", labels[:9], color)], SETTINGS).is_rgb
