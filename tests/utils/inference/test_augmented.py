"""Averaging over views, against numbers that can be computed by hand."""

import numpy as np
import pytest

from utils.inference.augmented import averaged_probabilities, softmax


def picture(height=40, width=64):
    """A smooth picture: resizing it there and back changes little."""
    y, x = np.mgrid[:height, :width]
    return np.stack([4 * x, 5 * y, 255 - 3 * x], axis=-1).astype(np.uint8)[None]


def test_one_view_is_the_softmax():
    logits = np.random.default_rng(0).normal(0, 5, (1, 40, 64, 3)).astype(np.float32)
    found = averaged_probabilities(lambda images: logits, picture())
    np.testing.assert_allclose(found, np.exp(logits) / np.exp(logits).sum(-1, keepdims=True), rtol=1e-5)


def test_views_have_the_sizes_asked_for():
    seen = []

    def logits(images):
        seen.append(images.shape[1:3])
        return images.astype(np.float32)

    averaged_probabilities(logits, picture(), (0.5, 1.0, 1.75), flip=True)
    assert seen == [(20, 32)] * 2 + [(40, 64)] * 2 + [(70, 112)] * 2


def test_a_pointwise_network_says_about_the_same_at_every_scale_and_in_the_mirror():
    def logits(images):
        return images / np.float32(50)

    alone = averaged_probabilities(logits, picture())
    together = averaged_probabilities(logits, picture(), (0.5, 1.0, 1.5), flip=True)
    assert np.abs(alone - together).max() < 0.03
    np.testing.assert_allclose(together.sum(-1), 1, rtol=1e-5)


def test_the_mirror_image_is_turned_back():
    """A network that only looks at where a pixel is: its mean with the mirror image's is symmetric."""
    ramp = np.linspace(-3, 3, 64, dtype=np.float32)
    position = np.broadcast_to(np.stack([ramp, -ramp], axis=-1), (1, 40, 64, 2))
    found = averaged_probabilities(lambda images: position, picture(), flip=True)
    np.testing.assert_allclose(found, found[:, :, ::-1], atol=1e-6)
    np.testing.assert_allclose(found, 0.5, atol=1e-6)


@pytest.mark.parametrize("classes", [1, 2, 150, 254])
def test_any_number_of_classes(classes):
    def logits(images):
        return np.ones((*images.shape[:3], classes), np.float32)

    found = averaged_probabilities(logits, picture(), (0.5, 1.25))
    assert found.shape == (1, 40, 64, classes)
    np.testing.assert_allclose(found, 1 / classes, rtol=1e-5)


def test_softmax_of_large_logits():
    np.testing.assert_allclose(softmax(np.float32([[1000, 1000], [-1000, 0]])), [[0.5, 0.5], [0, 1]], atol=1e-6)
