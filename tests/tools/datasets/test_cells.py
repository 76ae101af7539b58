"""Synthetic microscopy: reproducible, three classes, convertible."""

import cv2
import numpy as np

from tools import convert_dataset
from tools.datasets.cells import CLASSES, draw_cells, draw_field
from utils.data.folder import list_pairs, read_classes


def test_fields_depend_on_their_seed():
    image, mask = draw_field(np.random.default_rng(3), 128)
    again, _ = draw_field(np.random.default_rng(3), 128)
    assert image.shape == mask.shape == (128, 128) and image.dtype == mask.dtype == np.uint8
    np.testing.assert_array_equal(image, again)
    assert set(np.unique(mask)) == {0, 1, 2}
    assert image[mask == 2].mean() < image[mask == 1].mean() - 10  # nuclei are darker


def test_it_is_converted(tmp_path):
    source, target = draw_cells(tmp_path / "source", count=6, size=64), tmp_path / "Cells"
    flags = ["--source", str(source), "--classes", str(source / "classes.txt"), "--target", str(target)]
    assert convert_dataset.main(["--format", "folder", *flags]) == 0
    assert read_classes(target).class_names == list(CLASSES)
    pairs = [pair for split in ("train", "val", "test") for pair in list_pairs(target, split)]
    assert len(pairs) == 6 and cv2.imread(str(pairs[0].image)).shape == (64, 64, 3)
