"""Images of the gallery: size, and class indices without loss."""

import base64

import cv2
import numpy as np
import pytest

from utils.report.thumbnails import MOST_IMAGES, encode_maps, encode_photo, fitted_size, gallery_side


def decode(uri, kind):
    head, _, data = uri.partition(",")
    assert head == f"data:image/{kind};base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize("images, side", [(1, 480), (233, 480), (367, 360), (MOST_IMAGES, 240), (9999, 240)])
def test_more_images_are_smaller(images, side):
    assert gallery_side(images) == side


@pytest.mark.parametrize("shape, size", [((360, 480), (360, 480)), ((64, 96), (64, 96)), ((1024, 2048), (240, 480))])
def test_size(shape, size):
    assert fitted_size(*shape, 480) == size


def test_photo_is_rgb():
    image = np.full((64, 96, 3), (200, 100, 50), np.uint8)
    decoded = decode(encode_photo(image, (32, 48)), "jpeg")[..., ::-1]
    assert decoded.shape == (32, 48, 3) and np.abs(decoded.astype(int) - image[0, 0]).max() < 6


def test_maps_keep_all_indices():
    rng = np.random.default_rng(0)
    label, prediction = rng.integers(0, 256, (2, 40, 30)).astype(np.uint8)
    decoded = decode(encode_maps(label, prediction, (40, 30)), "png")
    np.testing.assert_array_equal(decoded, np.concatenate([label, prediction]))
    assert decode(encode_maps(label, prediction, (20, 15)), "png").shape == (40, 15)
