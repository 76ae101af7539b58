"""Divergence is told with its place; a sound training passes."""

import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from utils.errors import DivergedError
from utils.losses import LOSSES, build_loss
from utils.metrics import ConfusionMatrix
from utils.training.divergence import (
    check_epoch,
    constant_accuracy,
    constant_prediction,
    count_updates,
    describe_noise,
    describe_overflow,
    uniform_loss,
)


@pytest.fixture(scope="module")
def model():
    images = keras.Input((2, 2, 1))
    model = keras.Model(images, keras.layers.Conv2D(3, 1, name="last")(images))
    model.compile("sgd", build_loss("cross_entropy", 3))
    return model


def guard(**more):
    return SimpleNamespace(**{"step": 5, "first_loss": 1.2, "bad_step": None, "bad_gradients": None, **more})


def test_a_sound_epoch_passes_and_the_first_loss_is_kept(model):
    state = {}
    check_epoch(model, guard(), 0, {"loss": 11.9}, state)  # less than ten times that of the first step
    assert state == {"first_loss": 1.2}
    check_epoch(model, guard(first_loss=0.1), 1, {"loss": 11.9}, state)
    check_epoch(model, guard(), 2, {"loss": None}, state)
    assert state == {"first_loss": 1.2}


@pytest.mark.parametrize(
    "problem, words",
    [
        ({"bad_step": 4}, "the loss is no longer finite in epoch 7, step 4"),
        ({"bad_gradients": (3, ["conv1", "conv2"]), "bad_step": 4}, "the gradient of conv2 and 1 others .* step 3"),
        ({"bad_gradients": (4, ["conv1", "conv2"]), "bad_step": 4}, "the loss and the gradient of conv2"),
        ({"bad_gradients": (5, ["conv1", "conv2"]), "bad_step": 4}, "the loss is no longer finite in epoch 7, step 4"),
    ],
)
def test_the_first_problem_is_named_with_layer_and_step(model, problem, words):
    if "bad_gradients" in problem:
        step, names = problem["bad_gradients"]
        problem = {**problem, "bad_gradients": (step, [SimpleNamespace(path=name) for name in names])}
    with pytest.raises(DivergedError, match=words):
        check_epoch(model, guard(**problem), 7, {"loss": math.nan}, {})


def test_weights_are_checked(model):
    before = model.get_weights()
    model.set_weights([before[0], np.full(3, np.inf)])
    try:
        with pytest.raises(DivergedError, match=r"1 of \d .* first is last/bias, after epoch 7, step 5"):
            check_epoch(model, guard(), 7, {"loss": 1.0}, {})
        with pytest.raises(DivergedError, match="step 4; 1 of .* last/bias"):
            check_epoch(model, guard(bad_step=4), 7, {"loss": 1.0}, {})
    finally:
        model.set_weights(before)


@pytest.mark.parametrize("losses", [{"loss": 12.1}, {"loss": 1.0, "logits_loss": 5e18}])
def test_a_loss_far_above_chance_is_divergence(model, losses):
    with pytest.raises(DivergedError, match=r"loss of epoch 7 is .* far above 1.1, .* uniform prediction, and 1.2"):
        check_epoch(model, guard(), 7, losses, {})


def test_gradients_that_do_not_fit_into_float16(model):
    network = SimpleNamespace(weights=model.weights, optimizer=SimpleNamespace(variables=[], dynamic_scale=2.0**-11))
    with pytest.raises(DivergedError, match="overflow in float16 after epoch 7, step 5"):
        check_epoch(network, guard(), 7, {"loss": 1.0}, {})


@pytest.mark.parametrize("name", LOSSES)
def test_loss_of_a_uniform_prediction(name, model):
    loss = uniform_loss(SimpleNamespace(loss=build_loss(name, 5, [1.0, 2.0, 1.0, 0.5, 3.0])))
    assert 0.1 < loss <= math.log(5) + 1e-6
    if name in ("cross_entropy", "ohem", "bootstrapped"):
        assert loss == pytest.approx(math.log(5))


@pytest.mark.parametrize(
    "row, words",
    [
        ({"val_loss": 1.2, "val_iou_a": 0.5, "val_iou_b": 0.2}, "its validation loss 1.2 is above 1.1"),
        ({"val_loss": 1.0, "val_iou_a": 0.5, "val_iou_b": 0.0}, "it finds 1 of 2 classes"),
        ({"val_loss": 1.0, "val_iou_a": 0.5, "val_iou_b": None}, ""),
        ({"val_loss": 1.0, "val_iou_a": 0.5, "val_iou_b": 0.2}, ""),
    ],
)
def test_a_best_network_of_noise_is_told(model, row, words):
    log = [{"loss": 9.0}, {"val_mean_iou": 0.1, "val_loss": 9.0}, {"val_mean_iou": 0.3, **row}]
    assert words in describe_noise(model, log) and bool(words) == bool(describe_noise(model, log))
    assert describe_noise(model, log[:1]) == ""


def test_accuracy_no_better_than_that_of_one_class(model):
    row = {"val_mean_iou": 0.3, "val_loss": 1.0, "val_global_accuracy": 0.6, "val_iou_a": 0.5, "val_iou_b": 0.2}
    assert "its accuracy 60.0% is not above the 60.0% of one class everywhere" in describe_noise(model, [row], 0.6)
    assert describe_noise(model, [row], 0.59) == "" and describe_noise(model, [row], None) == ""
    confusion = ConfusionMatrix(2, ["road", "car"])
    assert constant_accuracy(confusion) is None
    confusion.matrix += np.array([[0, 5], [1, 14]])
    assert constant_accuracy(confusion) == 0.75


def test_steps_that_overflow_in_float16_are_told(model):
    images = np.full((1, 2, 2, 1), 1e4, np.float32)
    labels = np.zeros((1, 2, 2), np.uint8)
    network = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Conv2D(3, 1)])
    network.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0)), model.loss, jit_compile=False)
    before = count_updates(network)
    network.optimizer.build(network.trainable_variables)
    network.train_on_batch(images, labels)
    assert count_updates(network) - before == 1
    network.train_on_batch(images * np.inf, labels)
    assert count_updates(network) - before == 1
    assert describe_overflow(network, 2, 0, 3).startswith("no step of epoch 3 changed a weight: the gradients of all 2")
    assert describe_overflow(network, 2, 1, 3) == describe_overflow(network, 0, 0, 3) == ""
    assert describe_overflow(model, 2, 0, 3) == ""  # float32


@pytest.mark.parametrize(
    "matrix, is_constant",
    [([[5, 0], [3, 0]], True), ([[5, 1], [3, 0]], False), ([[5, 0], [0, 0]], False), ([[0, 0], [0, 0]], False)],
)
def test_outputs_of_one_class(matrix, is_constant):
    confusion = ConfusionMatrix(2, ["road", "car"])
    confusion.matrix += np.array(matrix)
    assert constant_prediction(confusion).startswith("every validation pixel is predicted as road" * is_constant)
    assert bool(constant_prediction(confusion)) == is_constant
