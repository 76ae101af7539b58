"""Confusion matrices and scores, against brute force and numbers by hand."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from utils.metrics import ConfusionMatrix, ImageScores, confusion_matrix, image_scores, mean_scores

KEYS = {
    "mean_iou", "global_accuracy", "class_iou", "class_accuracy", "precision", "recall", "f1", "images",
    "images_per_second",
}  # fmt: skip


def random_case(num_classes=5, shape=(3, 9, 8), seed=0, ignored=0.2):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, shape).astype(np.uint8)
    labels[rng.random(shape) < ignored] = 255
    return labels, rng.integers(0, num_classes, shape).astype(np.uint8)


def brute_force(labels, predictions, num_classes):
    matrix = [[0] * num_classes for _ in range(num_classes)]
    for label, prediction in zip(labels.ravel().tolist(), predictions.ravel().tolist()):
        if label != 255:
            matrix[label][prediction] += 1
    return matrix


@pytest.fixture(params=["cv2", "numpy"])
def counting(request, monkeypatch):
    """Counts with OpenCV, in parts of 50 pixels, and without it."""
    monkeypatch.setattr("utils.metrics.MOST_COUNTED", 50)
    if request.param == "numpy":
        monkeypatch.setitem(sys.modules, "cv2", None)


@pytest.mark.parametrize("num_classes", [1, 2, 5, 32, 254])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_confusion_matrix_counts(num_classes, dtype, counting):
    labels, predictions = random_case(num_classes)
    matrix = confusion_matrix(labels.astype(dtype), predictions.astype(dtype), num_classes)
    assert matrix.dtype == np.int64 and matrix.shape == (num_classes, num_classes)
    assert matrix.tolist() == brute_force(labels, predictions, num_classes)


def test_strided_images_are_counted(counting):
    labels, predictions = random_case(shape=(12, 20))
    matrix = confusion_matrix(labels[:7, 3:11], np.asfortranarray(predictions)[:7, 3:11], 5)
    assert matrix.tolist() == brute_force(labels[:7, 3:11], predictions[:7, 3:11], 5)


def test_greatest_indices_do_not_overflow(counting):
    matrix = confusion_matrix(np.full((1, 3), 253, np.uint8), np.array([[253, 0, 252]], np.uint8), 254)
    assert matrix[253, [253, 0, 252]].tolist() == [1, 1, 1] and matrix.sum() == 3


def test_rows_are_truth_and_columns_prediction():
    assert confusion_matrix(np.array([[0, 0, 1]]), np.array([[1, 1, 1]]), 2).tolist() == [[0, 2], [0, 1]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_ignored_pixels_do_not_count_whatever_was_predicted_there(dtype, counting):
    labels, predictions = np.array([[255, 1, 255]], dtype), np.array([[0, 1, 255]], dtype)
    assert confusion_matrix(labels, predictions, 2).tolist() == [[0, 0], [0, 1]]
    assert confusion_matrix(np.full((2, 2), 255, dtype), np.zeros((2, 2), dtype), 2).tolist() == [[0, 0], [0, 0]]
    most = np.full((1, 2), 255, dtype)
    assert not confusion_matrix(most, most, 254).any()


def test_no_pixels(counting):
    assert confusion_matrix(np.zeros((0, 4), np.uint8), np.zeros((0, 4), np.uint8), 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    "labels, predictions, words",
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), r"\(2, 3\).*\(3, 2\)"),
        (np.zeros((1, 2, 3)), np.zeros((2, 3)), r"\(1, 2, 3\)"),
        (np.array([[0, 3]]), np.array([[0, 0]]), "label index 3"),
        (np.array([[0, 0]]), np.array([[0, 7]]), "prediction index 7"),
        (np.array([[0, 0]]), np.array([[0, 255]]), "prediction index 255"),
        (np.array([[-1, 0]]), np.array([[0, 0]]), "label index -1"),
        (np.array([[0, 0]]), np.array([[0, -2]]), "prediction index -2"),
    ],
)
def test_what_cannot_be_counted_is_refused(labels, predictions, words):
    with pytest.raises(ValueError, match=words):
        confusion_matrix(labels.astype(int), predictions.astype(int), 3)
    if min(labels.min(), predictions.min()) >= 0:
        with pytest.raises(ValueError, match=words):
            confusion_matrix(labels.astype(np.uint8), predictions.astype(np.uint8), 3)


# A hand-made case. Truth: 6 pixels of class 0, 3 of class 1, 1 of class 2, none of class 3; one ignored pixel.
LABELS = np.array([[0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 255]], np.uint8)
PREDICTIONS = np.array([[0, 0, 0, 0, 1, 3, 1, 1, 0, 1, 2]], np.uint8)


def test_scores_by_hand():
    confusion = ConfusionMatrix(4, ["sky", "road", "car", "tree"])
    confusion.update(LABELS, PREDICTIONS)
    scores = confusion.result(images_per_second=2.5)
    assert KEYS <= set(scores) <= KEYS | {"macro_precision", "macro_recall", "macro_f1"}
    assert scores["class_iou"] == pytest.approx({"sky": 4 / 7, "road": 2 / 5, "car": 0.0, "tree": 0.0})
    assert scores["mean_iou"] == pytest.approx((4 / 7 + 2 / 5) / 4)
    assert scores["global_accuracy"] == pytest.approx(6 / 10)
    accuracies = scores["class_accuracy"]
    assert accuracies.pop("tree") is None
    assert accuracies == pytest.approx({"sky": 4 / 6, "road": 2 / 3, "car": 0.0})
    # Precisions 4/5, 2/4, 0 (never predicted); F1 8/11, 4/7, 0; weights 6, 3, 1.
    assert scores["precision"] == pytest.approx(0.6 * 4 / 5 + 0.3 * 2 / 4)
    assert scores["recall"] == pytest.approx(scores["global_accuracy"])
    assert scores["f1"] == pytest.approx(0.6 * 8 / 11 + 0.3 * 4 / 7)
    assert scores["macro_precision"] == pytest.approx((4 / 5 + 2 / 4) / 3)
    assert scores["macro_recall"] == pytest.approx((4 / 6 + 2 / 3) / 3)
    assert scores["macro_f1"] == pytest.approx((8 / 11 + 4 / 7) / 3)
    assert scores["images"] == 1 and scores["images_per_second"] == 2.5


def test_classes_that_occur_nowhere_are_out_of_the_means():
    confusion = ConfusionMatrix(3)
    confusion.update(np.array([[0, 0, 1, 1]]), np.array([[0, 0, 0, 1]]))
    scores = confusion.result()
    assert scores["class_iou"] == {"0": 2 / 3, "1": 0.5, "2": None}
    assert scores["mean_iou"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert scores["class_accuracy"] == {"0": 1.0, "1": 0.5, "2": None}


@pytest.mark.parametrize("seed", range(4))
def test_properties_of_scores(seed):
    labels, predictions = random_case(seed=seed)
    confusion = ConfusionMatrix(5)
    confusion.update(labels, predictions)
    scores = confusion.result()
    assert scores["recall"] == pytest.approx(scores["global_accuracy"])
    assert scores["global_accuracy"] == pytest.approx((labels == predictions)[labels != 255].mean())
    pairs = zip(scores["class_iou"].values(), scores["class_accuracy"].values())
    assert all(iou <= accuracy for iou, accuracy in pairs)
    confusion.reset()
    confusion.update(labels, np.where(labels == 255, 0, labels))
    scores = confusion.result()
    for key in KEYS - {"class_iou", "class_accuracy", "images", "images_per_second"}:
        assert scores[key] == pytest.approx(1.0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("labels", [None, np.full((2, 2), 255, np.uint8)])
def test_nothing_counted_gives_no_numbers(labels):
    confusion = ConfusionMatrix(2)
    if labels is not None:
        confusion.update(labels, np.zeros((2, 2), np.uint8))
    scores = confusion.result()
    assert {scores[key] for key in scores if not key.startswith(("class", "images"))} == {None}
    assert scores["class_iou"] == scores["class_accuracy"] == {"0": None, "1": None}


def test_batches_and_single_images_count_alike():
    labels, predictions = random_case()
    batch, single = ConfusionMatrix(5), ConfusionMatrix(5)
    returned = batch.update(labels, predictions)
    for label, prediction in zip(labels, predictions):
        own = single.update(label, prediction)
        assert np.array_equal(own, brute_force(label, prediction, 5))
    assert np.array_equal(batch.matrix, single.matrix) and np.array_equal(batch.matrix, returned)
    assert batch.matrix.dtype == np.int64
    assert batch.result() == single.result() and batch.result()["images"] == 3


def test_returned_matrix_is_of_this_image_alone():
    confusion = ConfusionMatrix(4)
    first = confusion.update(LABELS, PREDICTIONS)
    kept = first.copy()
    confusion.update(LABELS, PREDICTIONS)
    assert np.array_equal(first, kept) and np.array_equal(confusion.matrix, 2 * kept)


def test_reset():
    confusion = ConfusionMatrix(4)
    fresh = confusion.result()
    confusion.update(LABELS, PREDICTIONS)
    assert confusion.result() != fresh
    confusion.reset()
    assert confusion.result() == fresh


def test_a_refused_image_leaves_no_trace():
    confusion = ConfusionMatrix(2)
    with pytest.raises(ValueError):
        confusion.update(np.array([[0, 1]]), np.array([[0, 2]]))
    assert confusion.matrix.sum() == 0 and confusion.images == 0


def test_large_counts_do_not_overflow():
    confusion = ConfusionMatrix(2)
    confusion.matrix += 2**40
    assert confusion.result()["mean_iou"] == pytest.approx(1 / 3)


def test_scores_are_json():
    confusion = ConfusionMatrix(4)
    confusion.update(LABELS, PREDICTIONS)
    scores = confusion.result()
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores


def test_scores_of_an_image_by_hand():
    scores = image_scores(confusion_matrix(LABELS, PREDICTIONS, 4))
    precision, f1 = 0.6 * 4 / 5 + 0.3 * 2 / 4, 0.6 * 8 / 11 + 0.3 * 4 / 7
    # The mean IoU is over the three classes of the truth; the accuracy of the absent one is 1.
    assert scores[:5] == pytest.approx((0.6, precision, 0.6, f1, (4 / 7 + 2 / 5) / 3))
    assert scores.class_accuracy == pytest.approx([4 / 6, 2 / 3, 0.0, 1.0])
    assert scores.flatten() == [*scores[:5], *scores.class_accuracy]
    assert all(type(score) is float for score in scores.flatten())


def test_scores_of_an_image_without_pixels():
    scores = image_scores(np.zeros((2, 2), np.int64))
    assert np.isnan(scores[:5]).all() and scores.class_accuracy == [1.0, 1.0]
    labeled = ImageScores(0.5, 0.25, 0.5, 0.0, 1.0, [1.0, 0.0])
    assert mean_scores([labeled, scores]) == labeled
    assert np.isnan(mean_scores([scores, scores]).accuracy)


def test_means_over_images():
    first, second = ImageScores(0.5, 0.25, 0.5, 0.0, 1.0, [1.0, 0.0]), ImageScores(1.0, 0.75, 0.0, 1.0, 0.5, [0.5, 0.5])
    assert mean_scores([first, second]) == ImageScores(0.75, 0.5, 0.25, 0.5, 0.75, [0.75, 0.25])
    assert mean_scores([first]) == first


@pytest.mark.parametrize(
    "num_classes, absent, ignored", [(1, 0, 0.2), (2, 0, 0.0), (5, 2, 0.3), (12, 1, 0.9), (6, 5, 0.1)]
)
@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_scikit_learn(num_classes, absent, ignored, seed):
    """With ignored pixels, and the last classes absent from the labels; predictions are of all classes."""
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng([seed, num_classes])
    labels = rng.integers(0, num_classes - absent, (2, 9, 11)).astype(np.uint8)
    predictions = np.where(rng.random(labels.shape) < 0.5, labels, rng.integers(0, num_classes, labels.shape))
    labels[rng.random(labels.shape) < ignored] = 255
    confusion = ConfusionMatrix(num_classes)
    confusion.update(labels, predictions.astype(np.uint8))
    scores, kept = confusion.result(), labels != 255
    pair, classes = (labels[kept], predictions[kept]), list(range(num_classes))
    assert (confusion.matrix == sklearn.confusion_matrix(*pair, labels=classes)).all()

    def of_classes(function, **options):
        return function(*pair, labels=classes, average=None, zero_division=0.0, **options)

    exactly = {"rel": 0, "abs": 1e-12}
    truth, found = (np.bincount(indices, minlength=num_classes) for indices in pair)
    iou, recall = of_classes(sklearn.jaccard_score), of_classes(sklearn.recall_score)
    of_class = {name: np.array(list(scores[name].values()), float) for name in ("class_iou", "class_accuracy")}
    expected = np.where(truth + found > 0, iou, np.nan)
    assert of_class["class_iou"] == pytest.approx(expected, nan_ok=True, **exactly)
    assert scores["mean_iou"] == pytest.approx(iou[truth + found > 0].mean(), **exactly)
    expected = np.where(truth > 0, recall, np.nan)
    assert of_class["class_accuracy"] == pytest.approx(expected, nan_ok=True, **exactly)
    assert scores["global_accuracy"] == pytest.approx(sklearn.accuracy_score(*pair), **exactly)
    for name in ("precision", "recall", "f1"):
        function = getattr(sklearn, f"{name}_score")
        weighted = function(*pair, average="weighted", zero_division=0.0)
        assert scores[name] == pytest.approx(weighted, **exactly)
        assert scores[f"macro_{name}"] == pytest.approx(of_classes(function)[truth > 0].mean(), **exactly)


def test_metrics_need_numpy_alone():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('keras', 'tensorflow', 'cv2', 'matplotlib'))); "
        "from utils.metrics import ConfusionMatrix; ConfusionMatrix(2).update([[0, 1]], [[0, 0]])"
    )
    root = pathlib.Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
