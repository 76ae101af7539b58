"""Reduced images in memory."""

import numpy as np
import pytest

from labs.small import mean_and_spread, open_small, reduce, score


def samples(count=5):
    random = np.random.default_rng(0)
    return [
        (str(number), random.integers(0, 256, (32, 48, 3)).astype(np.uint8), np.full((32, 48), number % 3, np.uint8))
        for number in range(count)
    ]


def test_images_are_averaged_and_labels_keep_their_classes():
    image = np.zeros((192, 256, 3), np.uint8)
    image[::2] = 200
    label = np.where(np.arange(256) < 128, 3, 255).astype(np.uint8).repeat(192).reshape(256, 192).T
    small, small_label = reduce(image, label, 96)
    assert small.shape == (96, 128, 3) and small_label.shape == (96, 128)
    assert np.all(small == 100)
    assert set(np.unique(small_label)) == {3, 255}
    assert np.all(small_label[:, :64] == 3)


def test_the_width_becomes_a_multiple_of_16():
    assert reduce(np.zeros((360, 480, 3), np.uint8), np.zeros((360, 480), np.uint8), 96)[1].shape == (96, 128)
    assert reduce(np.zeros((300, 401, 3), np.uint8), np.zeros((300, 401), np.uint8), 96)[1].shape == (96, 128)


def test_batches_depend_on_the_seed_and_cover_an_epoch(monkeypatch):
    monkeypatch.setattr("labs.course.SIZE", "default")
    pytest.importorskip("keras")
    data = open_small(samples(20), seed=1, num_classes=3)
    assert data.num_classes == 3
    assert len(data) == 3
    (images, labels), (again, _) = data[0], open_small(samples(20), seed=1, num_classes=3)[0]
    assert images.shape == (8, 32, 48, 3) and labels.shape == (8, 32, 48)
    assert np.array_equal(images, again)
    assert not np.array_equal(images, open_small(samples(20), seed=2, num_classes=3)[0][0])
    assert len(open_small(samples(), num_classes=3, epoch_images=80)) == 10


def test_scores():
    labels = [np.array([[0, 0, 1, 255]], np.uint8), np.array([[1, 1, 0, 0]], np.uint8)]
    found = score(labels, [np.array([[0, 1, 1, 0]], np.uint8), labels[1]], 2)
    assert found["mean_iou"] == pytest.approx((3 / 4 + 3 / 4) / 2)
    assert found["global_accuracy"] == pytest.approx(6 / 7)
    assert mean_and_spread([1.0, 2.0, 3.0]) == (2.0, 1.0)
    assert mean_and_spread([4.0]) == (4.0, 0.0)
