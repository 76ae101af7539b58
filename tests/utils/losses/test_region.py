import numpy as np
import pytest
from keras import ops
from loss_reference import case, jaccard_loss, value

from utils.losses import build_loss
from utils.losses.cross_entropy import CrossEntropy
from utils.losses.region import CrossEntropyLovasz, Lovasz, strided_subsample


@pytest.mark.parametrize("seed", range(5))
def test_lovasz_of_hard_predictions_is_one_minus_iou(seed):
    rng = np.random.default_rng(seed)
    labels, predictions = rng.integers(0, 4, (2, 2, 6, 5))
    labels[rng.random(labels.shape) < 0.2] = 255
    logits = 100 * (predictions[..., None] == np.arange(4)).astype(np.float32)
    valid, losses = labels != 255, []
    for c in range(4):
        truth, predicted = (labels == c) & valid, (predictions == c) & valid
        if truth.any():
            losses.append(1 - (truth & predicted).sum() / (truth | predicted).sum())
            assert losses[-1] == pytest.approx(jaccard_loss((truth ^ predicted)[valid], truth[valid]))
    assert value(build_loss("lovasz", 4), labels, logits) == pytest.approx(np.mean(losses), abs=1e-5)


def test_lovasz_is_over_the_whole_batch_and_in_any_order():
    labels, logits = case(shape=(4, 3, 3))
    loss = build_loss("lovasz", 4)
    order = np.random.default_rng(0).permutation(36)
    shuffled = labels.reshape(36)[order].reshape(1, 6, 6), logits.reshape(36, 4)[order].reshape(1, 6, 6, 4)
    assert value(loss, labels, logits) == pytest.approx(value(loss, *shuffled), rel=1e-5)


def test_every_pixel_is_sampled_in_turn():
    """The labels decide the offset, and all offsets occur."""
    places = np.arange(7 * 8).reshape(1, 7, 8)
    logits, offsets = np.stack([places, -places], axis=-1).astype(np.float32), set()
    for seed in range(60):
        labels = np.random.default_rng(seed).integers(0, 4, (1, 7, 8))
        some, seen = (
            ops.convert_to_numpy(array)
            for array in strided_subsample(3, ops.convert_to_tensor(labels, "int32"), logits)
        )
        assert some.shape == (1, 3, 3) and seen.shape == (1, 3, 3, 2)
        row, column = divmod(int(seen[0, 0, 0, 0]), 8)
        rows, columns = (np.minimum(np.arange(3) * 3 + first, last) for first, last in ((row, 6), (column, 7)))
        np.testing.assert_array_equal(seen[0, ..., 0], places[0][np.ix_(rows, columns)])
        np.testing.assert_array_equal(some[0], labels[0][np.ix_(rows, columns)])
        offsets.add((row, column))
    assert len(offsets) == 9


def test_with_a_stride_of_1_lovasz_sees_all():
    labels, logits = case()
    expected = (value(CrossEntropy(4), labels, logits) + value(Lovasz(4), labels, logits)) / 2
    assert value(CrossEntropyLovasz(4, stride=1), labels, logits) == pytest.approx(expected, rel=1e-6)


def test_lovasz_takes_ties_of_errors():
    labels = np.array([[[0, 1, 0, 1]]])
    assert value(build_loss("lovasz", 2), labels, np.zeros((1, 1, 4, 2), np.float32)) == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["dice", "lovasz"])
def test_absent_classes_are_out_of_the_mean(name):
    labels = np.array([[[0, 0, 0, 0]]])
    logits = np.zeros((1, 1, 4, 2), np.float32)
    # Probability 1/2 everywhere: Dice 2 * 2 / (4 + 2); every error 1/2.
    assert value(build_loss(name, 2), labels, logits) == pytest.approx({"dice": 1 / 3, "lovasz": 0.5}[name])
