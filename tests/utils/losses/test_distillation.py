"""The cross entropy with soft labels: by hand, against that with labels, and in the losses of a training."""

import math

import keras
import numpy as np
import pytest

from models import Head
from utils.losses import build_loss
from utils.losses.auxiliary import build_losses
from utils.losses.distillation import SoftCrossEntropy

WEIGHTS = [0.5, 2.0, 1.0]


def loss_of(soft, logits, class_weights=None):
    soft, logits = np.asarray(soft, np.uint8), np.asarray(logits, np.float32)
    return float(SoftCrossEntropy(soft.shape[-1], class_weights)(soft, logits))


def test_value_by_hand():
    # One pixel of 255 and one of 51 / 255 = 0.2 in all; logits whose probabilities are 1/4 and 3/4, and 1/2 twice.
    soft = [[[[204, 51], [0, 51]]]]
    logits = [[[[0.0, math.log(3)], [7.0, 7.0]]]]
    expected = (0.8 * math.log(4) + 0.2 * math.log(4 / 3) + 0.2 * math.log(2)) / 1.2
    assert loss_of(soft, logits) == pytest.approx(expected, rel=1e-6)


def one_hot_case():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (2, 5, 6)).astype(np.uint8)
    soft = 255 * np.eye(3, dtype=np.uint8)[labels]
    labels[0, :2], soft[0, :2] = 255, 0  # ignored
    return labels, soft, rng.normal(size=(2, 5, 6, 3)).astype(np.float32)


@pytest.mark.parametrize("class_weights", [None, WEIGHTS])
def test_one_hot_soft_labels_are_labels(class_weights):
    labels, soft, logits = one_hot_case()
    expected = float(build_loss("cross_entropy", 3, class_weights)(labels, logits))
    assert loss_of(soft, logits, class_weights) == pytest.approx(expected, rel=1e-5)


def test_without_soft_labels_it_is_zero_and_half_precision_is_not_its_own():
    labels, soft, logits = one_hot_case()
    assert loss_of(0 * soft, logits) == 0.0
    half = keras.ops.cast(logits, "bfloat16")
    expected = loss_of(soft, keras.ops.convert_to_numpy(keras.ops.cast(half, "float32")))
    assert float(SoftCrossEntropy(3)(soft, half)) == pytest.approx(expected, rel=1e-6)


def test_weights_of_the_losses():
    losses, weights = build_losses({"aux": Head("pixels", 0.4), "soft": Head("soft", 0.3)}, "dice", 3, WEIGHTS)
    assert weights == {"logits": 0.7, "aux": 0.4, "soft": 0.3}
    again = keras.losses.deserialize(keras.losses.serialize(losses["soft"]))
    assert type(again) is SoftCrossEntropy and again.class_weights == WEIGHTS
