"""Where the images of the parity check and of the calibration come from."""

import numpy as np
import pytest

from utils.data.images import write_image
from utils.errors import UsageError
from utils.export.reference_images import (
    NUM_IMAGES,
    evenly_spaced,
    find_reference_images,
    noise_image,
    read_calibration_images,
    resize_image,
)


def make(folder, count=6):
    """Writes images whose brightness is their number."""
    folder.mkdir(parents=True)
    for number in range(count):
        write_image(folder / f"{number}.png", np.full((8, 9, 3), number, np.uint8))
    return folder


def brightness(images):
    return [int(image[0, 0, 0]) for image in images]


def test_images_of_the_dataset_the_first_split_that_has_some(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    val = make(tmp_path / "datasets" / "Streets" / "val")
    make(tmp_path / "datasets" / "Streets" / "train", 1)
    (val.parent / "test").mkdir()
    images, source = find_reference_images([], val.parent)
    assert brightness(images) == [0, 1, 3, 4] and source == f"4 images of {val}"
    images, source = find_reference_images([], "/gone/Streets")  # the dataset has moved
    assert len(images) == NUM_IMAGES and source == "4 images of datasets/Streets/val"


def test_other_images_and_datasets_come_first(tmp_path):
    train, photos = make(tmp_path / "a" / "train"), make(tmp_path / "photos", 1)
    assert find_reference_images([], "/gone/a", dataset=train.parent)[1] == f"4 images of {train}"
    assert find_reference_images([photos / "0.png"], train.parent)[1] == f"1 images of {photos}"


def test_noise_where_there_is_no_dataset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images, source = find_reference_images([], "/gone/Nowhere")
    assert len(images) == NUM_IMAGES and source.startswith("noise")
    assert images[0].shape == (256, 320, 3) and images[0].std() > 30
    np.testing.assert_array_equal(images[1], noise_image(1))
    assert (images[0] != images[1]).any()


def test_calibration_images(tmp_path):
    folder = make(tmp_path / "train")
    assert brightness(read_calibration_images(folder, 3)) == [0, 2, 4]
    (tmp_path / "empty").mkdir()
    for missing in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="--int8.*--dataset"):
            read_calibration_images(missing, 3)


def test_evenly_spaced():
    assert evenly_spaced(range(10), 3) == [0, 3, 6]
    assert evenly_spaced([1, 2], 3) == [1, 2]


def test_resize():
    image = noise_image(0)
    assert resize_image(image, (256, 320)) is image
    assert resize_image(image, (50, 70)).shape == (50, 70, 3)
