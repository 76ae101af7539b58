"""Loops of the original suite: by hand, with their defects, and compared with this suite where definitions agree."""

import random

import cv2
import numpy as np
import pytest

from tools.original_suite import loops
from utils.class_dict import ClassDict
from utils.data.augmentation import Augmentation
from utils.data.labels import read_pair
from utils.metrics import confusion_matrix, image_scores

COLORS = [(0, 0, 0), (10, 20, 30), (200, 0, 0)]


def random_case(num_classes=5, shape=(7, 9), seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, num_classes - 1, shape)  # the last class is only predicted
    return np.where(rng.random(shape) < 0.5, label, rng.integers(0, num_classes, shape)), label


def test_scores_by_hand():
    """Truth: four pixels of class 0, two of class 1, none of classes 2 and 3."""
    label = np.array([[0, 0, 0], [0, 1, 1]])
    prediction = np.array([[0, 0, 0], [1, 1, 2]])
    accuracy, accuracies, precision, recall, f1, iou = loops.evaluate_segmentation(prediction, label, 4)
    assert accuracy == pytest.approx(4 / 6)
    assert accuracies == pytest.approx([3 / 4, 1 / 2, 1.0, 1.0])  # absent classes have accuracy 1
    # Swapped: "precision" is the classes' recall 3/4, 1/2, 0, weighted by their predicted pixels 3, 2, 1.
    assert precision == pytest.approx((3 * 3 / 4 + 2 * 1 / 2) / 6)
    assert recall == pytest.approx(accuracy)
    assert f1 == pytest.approx((3 * 6 / 7 + 2 * 2 / 4) / 6)
    assert iou == pytest.approx((3 / 4 + 1 / 3) / 2)  # class 2 was predicted, but is not in the label


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_image_scores_except_for_swapped_arguments(seed):
    prediction, label = random_case(seed=seed)
    accuracy, accuracies, precision, recall, f1, iou = loops.evaluate_segmentation(prediction, label, 5)
    matrix = confusion_matrix(label, prediction, 5)
    scores, swapped = image_scores(matrix), image_scores(matrix.T)
    assert [accuracy, recall, iou] == pytest.approx([scores.accuracy, scores.recall, scores.mean_iou])
    assert accuracies == pytest.approx(scores.class_accuracy)
    assert [precision, recall, f1] == pytest.approx([swapped.precision, swapped.recall, swapped.f1])


def test_one_hot_it():
    label = np.array([[(10, 20, 30), (0, 0, 0)], [(200, 0, 0), (10, 20, 31)]], np.uint8)
    one_hot = loops.one_hot_it(label, COLORS)
    assert one_hot.dtype == bool and one_hot.shape == (2, 2, 3)
    assert one_hot[0].tolist() == [[False, True, False], [True, False, False]]
    assert one_hot[1].tolist() == [[False, False, True], [False, False, False]]  # an unknown color is no class
    assert one_hot.argmax(axis=-1).tolist() == [[1, 0], [2, 0]]


def test_one_hot_it_is_encode_for_known_colors():
    indices = np.random.default_rng(0).integers(0, 3, (6, 5))
    rgb = np.array(COLORS, np.uint8)[indices]
    encoded = ClassDict("abc", COLORS).encode(rgb)
    assert np.array_equal(encoded, loops.one_hot_it(rgb, COLORS).argmax(axis=-1))


@pytest.fixture
def files(tmp_path):
    """A random image and label of 8x12 pixels."""
    rng = np.random.default_rng(0)
    image, label = tmp_path / "image.png", tmp_path / "label.png"
    cv2.imwrite(str(image), rng.integers(0, 256, (8, 12, 3), np.uint8))
    cv2.imwrite(str(label), np.array(COLORS, np.uint8)[rng.integers(0, 3, (8, 12))][..., ::-1])
    return str(image), str(label)


class Extremes(random.Random):
    """Returns one end of every range."""

    def __init__(self, greatest):
        super().__init__()
        self.greatest = greatest

    def randint(self, low, high):
        return high if self.greatest else low

    uniform = randint


def load(files, height=8, width=12, greatest=True, **settings):
    return loops.load_and_augment(*files, COLORS, height, width, Extremes(greatest), **settings)


def test_loading_whole_images_equals_augmentation(files):
    class_dict = ClassDict("abc", COLORS)
    expected_image, expected_label = Augmentation(8, 12)(*read_pair(*files, class_dict), np.random.default_rng(0))
    image, label = load(files)
    assert image.dtype == label.dtype == np.float32 and label.shape == (8, 12, 3)
    assert np.array_equal(np.rint(image * 255), expected_image)
    assert np.array_equal(label.argmax(axis=-1), expected_label)
    assert np.all(label.sum(axis=-1) == 1)


def test_crop_and_flips(files):
    whole = load(files)
    for array, whole_array in zip(load(files, 5, 7), whole):
        assert np.array_equal(array, whole_array[3:, 5:])
    for array, whole_array in zip(load(files, 5, 7, greatest=False), whole):
        assert np.array_equal(array, whole_array[:5, :7])
    for array, whole_array in zip(load(files, h_flip=True, v_flip=True), whole):
        assert np.array_equal(array, whole_array[::-1, ::-1])


def test_brightness_wraps_around(tmp_path):
    image, label = str(tmp_path / "image.png"), str(tmp_path / "label.png")
    cv2.imwrite(image, np.array([[[231] * 3, [233] * 3, [255] * 3]], np.uint8))
    cv2.imwrite(label, np.zeros((1, 3, 3), np.uint8))
    brighter, _ = load((image, label), 1, 3, brightness=0.1)
    assert np.rint(brighter[..., 0] * 255).tolist() == [[254, 0, 24]]


def test_rotation_brings_in_black_and_its_class(files):
    image, label = load(files, rotation=45.0)
    assert not image[0, 0].any() and label[0, 0].tolist() == [1, 0, 0]
    whole, _ = load(files)
    known = {tuple(pixel) for pixel in whole.reshape(-1, 3)} | {(0, 0, 0)}
    assert {tuple(pixel) for pixel in image.reshape(-1, 3)} <= known  # nearest: no new colors


def test_refused_input(files, tmp_path):
    with pytest.raises(ValueError, match="crop of 13x8"):
        load(files, 8, 13)
    other = str(tmp_path / "other.png")
    cv2.imwrite(other, np.zeros((8, 11, 3), np.uint8))
    with pytest.raises(ValueError, match="same size"):
        load((files[0], other))
