"""Scores along borders, against a search of each pixel's surroundings."""

import numpy as np
import pytest

from utils.report.borders import BorderScores, border_band


def band(label, width):
    """The band by its definition."""
    height, columns = label.shape
    found = np.zeros(label.shape, bool)
    for y in range(height):
        for x in range(columns):
            part = label[max(0, y - width) : y + width + 1, max(0, x - width) : x + width + 1]
            found[y, x] = (part != label[y, x]).any()
    return found


def random_label(rng, shape=(24, 31), classes=4):
    """A label of blocks of 6 pixels, some of them ignored."""
    blocks = rng.choice([*range(classes), 255], (shape[0] // 6 + 1, shape[1] // 6 + 1))
    return np.kron(blocks, np.ones((6, 6)))[: shape[0], : shape[1]].astype(np.uint8)


@pytest.mark.parametrize("width", [1, 3, 5])
def test_band_by_definition(width):
    rng = np.random.default_rng(width)
    for _ in range(3):
        label = random_label(rng)
        np.testing.assert_array_equal(border_band(label, width), band(label, width))


def test_the_edge_of_the_image_is_no_border():
    assert not border_band(np.full((9, 9), 2, np.uint8)).any()


def test_scores_over_two_images():
    rng = np.random.default_rng(0)
    scores, hits, unions, correct, total = BorderScores("abcd", 2), np.zeros(4), np.zeros(4), 0, 0
    for _ in range(2):
        label = random_label(rng)
        prediction = np.where(rng.random(label.shape) < 0.3, rng.integers(0, 4, label.shape), label % 4).astype(
            np.uint8
        )
        scores.update(label, prediction)
        counted = band(label, 2) & (label != 255)
        for index in range(4):
            truth, predicted = (label == index) & counted, (prediction == index) & counted
            hits[index] += (truth & predicted).sum()
            unions[index] += (truth | predicted).sum()
        correct, total = correct + ((label == prediction) & counted).sum(), total + counted.sum()
    result = scores.result()
    assert result["width"] == 2 and result["pixels"] == total
    assert list(result["class_iou"].values()) == pytest.approx(hits / unions)
    assert result["mean_iou"] == pytest.approx(np.mean(hits / unions))
    assert result["global_accuracy"] == pytest.approx(correct / total)
