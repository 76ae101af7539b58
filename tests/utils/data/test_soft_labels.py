"""Soft labels: files, refusals, and the warp, which is that of the labels."""

import json

import numpy as np
import pytest

from utils.data.augmentation import Augmentation, warp_soft_label
from utils.data.soft_labels import METADATA, SoftLabels, SoftLabelWriter, check_resumed, reduce_probabilities
from utils.errors import UsageError

NAMES = ["one", "two"]
SIZES = [(9, 16), (8, 12)]


@pytest.fixture
def folder(tmp_path):
    """Soft labels of two images, of three classes."""
    writer, rng = SoftLabelWriter(tmp_path), np.random.default_rng(0)
    for name, size in zip(NAMES, SIZES):
        writer.write(name, rng.dirichlet([1.0] * 3, size).astype(np.float16))
    writer.finish("abc", teacher="t.keras", views={"flip": True})
    assert writer.size == 3 * (3 * 4 + 2 * 3)
    return tmp_path


def test_means_over_squares():
    probabilities = np.zeros((5, 8, 2), np.float32)
    probabilities[..., 0] = 1.0
    probabilities[:4, :4, 0] = np.arange(16).reshape(4, 4) / 16
    probabilities[4, 4:] = (0.2, 0.8)
    reduced = reduce_probabilities(probabilities)
    assert reduced.dtype == np.uint8 and reduced.shape == (2, 2, 2)
    assert reduced[:, :, 0].tolist() == [[round(255 * 7.5 / 16), 255], [255, 51]] and reduced[1, 1, 1] == 204


def test_what_is_written_is_read(folder):
    labels = SoftLabels(folder, "abc", NAMES)
    assert labels.read("one", SIZES[0]).shape == (3, 4, 3) and labels.read("one", SIZES[0]).dtype == np.uint8
    assert np.abs(labels.read("two", SIZES[1]).sum(axis=-1).astype(int) - 255).max() <= 2
    assert labels.metadata["views"] == {"flip": True} and len(labels.identity) == 16


@pytest.mark.parametrize(
    "classes, names, message",
    [
        ("acb", NAMES, "has the classes a, b, c, and the training has a, c, b"),
        ("abc", ["one", "six"], "has no six.npy; 1 of 2 training images have no soft label"),
    ],
)
def test_other_classes_and_images_are_refused_in_one_line(folder, classes, names, message):
    with pytest.raises(UsageError, match=message) as error:
        SoftLabels(folder, classes, names)
    assert "\n" not in str(error.value)


def test_images_of_another_size_are_refused_in_one_line(folder):
    message = r"two.npy has the shape \(2, 3, 3\), and the image of 24x16 needs \(4, 6, 3\)"
    with pytest.raises(UsageError, match=message) as error:
        SoftLabels(folder, "abc", NAMES).read("two", (16, 24))
    assert "\n" not in str(error.value)


def test_damaged_folders_are_refused(folder):
    (folder / "two.npy").write_bytes(b"\x93NUMPY no more")
    with pytest.raises(UsageError, match="two.npy cannot be read"):
        SoftLabels(folder, "abc", NAMES).read("two", SIZES[1])
    np.save(folder / "two.npy", np.zeros((2, 3, 3)))
    with pytest.raises(UsageError, match="float64 instead of uint8"):
        SoftLabels(folder, "abc", NAMES).read("two", SIZES[1])
    metadata = json.loads((folder / METADATA).read_text())
    for content, message in ((json.dumps({**metadata, "stride": 8}), "stride 8"), ("[]", "damaged"), ("{", "damaged")):
        (folder / METADATA).write_text(content)
        with pytest.raises(UsageError, match=message):
            SoftLabels(folder, "abc", NAMES)
    SoftLabelWriter(folder)  # an interrupted writing
    with pytest.raises(UsageError, match="incomplete"):
        SoftLabels(folder, "abc", NAMES)


def test_a_run_goes_on_with_its_soft_labels_only():
    settings = {"soft_labels": "soft"}
    check_resumed(settings, "12ab")
    assert settings["soft_labels_identity"] == "12ab"
    check_resumed(settings, "12ab")
    with pytest.raises(UsageError, match="other soft labels"):
        check_resumed(settings, "34cd")


def blocks(height, width, classes=7, side=16):
    """Labels of squares, larger than those of soft labels, and one-hot probabilities."""
    rng = np.random.default_rng(0)
    squares = rng.integers(0, classes, (-(-height // side), -(-width // side)))
    label = np.kron(squares, np.ones((side, side), int))[:height, :width].astype(np.uint8)
    return label, reduce_probabilities(np.eye(classes, dtype=np.float32)[label])


def inner(label):
    """Pixels that are at least five pixels from another class and from the outside."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(label, 5, constant_values=254), (11, 11))
    return windows.min(axis=(2, 3)) == windows.max(axis=(2, 3))


@pytest.mark.parametrize("height, width, crop", [(96, 128, (64, 80)), (90, 123, (160, 144))])
def test_the_warp_is_that_of_the_labels(height, width, crop):
    label, soft = blocks(height, width)
    image = np.repeat(label[..., None], 3, axis=2)
    augment = Augmentation(
        *crop, h_flip=True, v_flip=True, rotation=30, zoom=0.1, scale_range=(0.8, 1.6), brightness=0.2
    )
    compared, flipped = 0, set()
    for seed in range(20):
        rngs = (np.random.default_rng(seed) for _ in range(2))
        plain = augment(image, label, next(rngs))
        new_image, new_label, new_soft = augment(image, label, next(rngs), soft)
        assert np.array_equal(new_image, plain[0]) and np.array_equal(new_label, plain[1])
        assert new_soft.shape == (*crop, 7) and new_soft.dtype == np.uint8
        assert np.array_equal(new_soft.sum(axis=-1) == 0, new_label == 255)  # outside of the image
        pixels = inner(new_label) & (new_label != 255)
        assert np.array_equal(new_soft.argmax(axis=-1)[pixels], new_label[pixels])
        assert (new_soft.max(axis=-1)[pixels] == 255).all()
        compared += pixels.sum()
        flipped.add(new_label[crop[0] // 2, crop[1] // 2])
    assert compared > 20 * 500 and len(flipped) > 3


def test_centers_of_squares_keep_their_values():
    """Pixel 4 i + 1.5 is the center of square i: halfway between squares is their mean, nothing is shifted."""
    soft = np.zeros((1, 4, 1), np.uint8)
    soft[0, :, 0] = 0, 80, 160, 240
    identity = np.array([[1.0, 0, 0], [0, 1, 0]])
    row = warp_soft_label(soft, (4, 16), identity, (16, 4))[0, :, 0].astype(float)
    np.testing.assert_allclose(row[2:14], 20 * (np.arange(2, 14) - 1.5), atol=1)
    assert (row[:2] == 0).all() and (row[14:] == 240).all()
