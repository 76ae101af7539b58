"""The sample grid: its content for an image, its label and its prediction."""

import cv2
import numpy as np
import pytest

from utils.class_dict import IGNORED, ClassDict
from utils.data.folder import Pair
from utils.data.images import write_image
from utils.evaluation.evaluate import Sample
from utils.evaluation.samples import TILE, WRONG, _tiles, plot_samples, read_sample, worst_median_best
from utils.metrics import confusion_matrix, image_scores

CLASSES = ClassDict(["Road", "Sky"], [(128, 64, 128), (0, 200, 255)], {"Void": (2, (10, 20, 30))})


def sample(height, width):
    """Sky over road; the left half of the sky is predicted as road, the lowest tenth does not count."""
    label = np.zeros((height, width), np.uint8)
    label[: height // 2] = 1
    prediction = label.copy()
    prediction[: height // 2, : width // 2] = 0
    label[-height // 10 :] = IGNORED
    prediction[-height // 10 :] = 1
    scores = image_scores(confusion_matrix(label, prediction, 2))
    return Sample("street", scores, np.full((height, width, 3), (0, 0, 250), np.uint8), label, prediction)


@pytest.mark.parametrize("height, width", [(60, 80), (600, 800)])
def test_tiles(height, width):
    image, truth, prediction, errors = _tiles(sample(height, width), CLASSES)
    assert image.shape == truth.shape == errors.shape == (TILE * 3 // 4, TILE, 3)
    assert (image == (0, 0, 250)).all()
    assert (truth[5, 5] == (0, 200, 255)).all() and (truth[200, 5] == (128, 64, 128)).all()
    assert (truth[-5, 5] == (10, 20, 30)).all() and (prediction[5, 5] == (128, 64, 128)).all()
    wrong = (errors == WRONG).all(axis=-1)
    assert wrong[:148, :198].all() and not wrong[:, 202:].any() and not wrong[152:].any()


def test_grid_has_all_tiles_at_about_their_size(tmp_path):
    plot_samples(tmp_path / "a.png", [sample(60, 80), sample(80, 60)], CLASSES)
    grid = cv2.imread(str(tmp_path / "a.png"))[..., ::-1]
    area = 0.75 * TILE**2
    shares = {WRONG: 0.25, (0, 0, 250): 1.0, (10, 20, 30): 0.1, (128, 64, 128): 0.4 + 0.65}
    for color, share in shares.items():
        pixels = (np.abs(grid.astype(int) - color) <= 2).all(axis=-1).sum()
        assert pixels == pytest.approx(2 * share * area, rel=0.15), color


def test_samples_of_different_shapes_and_many_classes_share_a_grid(tmp_path):
    many = ClassDict([f"a rather long class name {i}" for i in range(150)], [(i, 0, 9) for i in range(150)])
    label = np.arange(150, dtype=np.uint8).reshape(10, 15)
    scores = image_scores(confusion_matrix(label, label, 150))
    labels = label, label.T, label[:, :4]
    plot_samples(
        tmp_path / "a.png", [Sample("a", scores, np.zeros((*x.shape, 3), np.uint8), x, x) for x in labels], many
    )
    height, width = cv2.imread(str(tmp_path / "a.png")).shape[:2]
    assert width < 4 * TILE + 60 and height < 5000


def test_a_sample_is_read_from_the_files_of_an_evaluation(tmp_path):
    label = np.array([[0, 1, 1, IGNORED]] * 4, np.uint8)
    prediction = np.array([[0, 0, 1, 1]] * 4, np.uint8)
    image = np.full((4, 4, 3), 77, np.uint8)
    pair = Pair("first", tmp_path / "first.png", tmp_path / "first_L.png")
    write_image(pair.image, image)
    write_image(pair.label, CLASSES.decode(label))
    write_image(tmp_path / "first_pred.png", CLASSES.decode(prediction[:3, :2]))
    scores = image_scores(confusion_matrix(label, prediction, 2))
    read = read_sample(pair, scores, tmp_path, CLASSES, crop=(3, 2))
    assert read.name == "first" and read.scores == scores
    np.testing.assert_array_equal(read.image, image[:3, :2])
    np.testing.assert_array_equal(read.label, label[:3, :2])
    np.testing.assert_array_equal(read.prediction, prediction[:3, :2])


@pytest.mark.parametrize(
    "scores, expected",
    [
        ([0.5, 0.1, 0.9, 0.7, 0.2], {"worst": 1, "median": 0, "best": 2}),
        ([0.3, 0.1], {"worst": 1, "best": 0}),
        ([0.3], {"best": 0}),
        ([0.3, 0.3, 0.3], {"worst": 0, "median": 1, "best": 2}),
    ],
)
def test_worst_median_best(scores, expected):
    assert worst_median_best(scores) == expected
