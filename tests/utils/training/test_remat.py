"""Rematerialization: the same numbers, fewer features kept."""

import keras
import numpy as np
import pytest

from models import build_model, frontend_layers
from utils.training.remat import choose_cuts, record_calls, rematerialize

SIZE = (32, 48)


def trained(name, remat, policy="float32"):
    """Losses of two steps, the weights after them, and the number of segments."""
    keras.utils.set_random_seed(0)
    keras.mixed_precision.set_global_policy(policy)
    try:
        model = build_model(name, 3, "MobileNet")
    finally:
        keras.mixed_precision.set_global_policy("float32")
    segments = rematerialize(model, (*SIZE, 3)) if remat else None
    model.compile(keras.optimizers.SGD(0.001), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (2, *SIZE, 3), np.uint8), rng.integers(0, 3, (2, *SIZE))
    losses = [float(model.train_on_batch(images, labels)) for _ in range(2)]
    return losses, model.get_weights(), segments


@pytest.mark.parametrize("name", ["tiny", "ICNet"])
def test_two_steps_give_the_same_weights_and_statistics(name):
    """With dropout and batch norm ("tiny"), and with layers that are used several times (ICNet's frontend)."""
    losses, weights, _ = trained(name, remat=False)
    again, rematerialized, segments = trained(name, remat=True)
    assert segments > 1
    np.testing.assert_allclose(again, losses, rtol=1e-5)
    for one, other in zip(weights, rematerialized, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-3)


def test_what_is_frozen_later_stays_and_the_rest_trains_as_without():
    """ICNet's frontend, which is used several times; frozen after the network was rematerialized."""
    results = []
    for remat in (False, True):
        keras.utils.set_random_seed(0)
        model = build_model("ICNet", 3, "MobileNetV3Small")
        if remat:
            rematerialize(model, (*SIZE, 3))
        model.compile(keras.optimizers.SGD(0.001), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        frozen = [weight for layer in frontend_layers(model) for weight in layer.weights]
        before = [np.array(weight) for weight in frozen]
        for layer in frontend_layers(model):
            layer.trainable = False
        rng = np.random.default_rng(0)
        model.train_on_batch(rng.integers(0, 256, (2, *SIZE, 3), np.uint8), rng.integers(0, 3, (2, *SIZE)))
        for weight, value in zip(frozen, before, strict=True):
            np.testing.assert_array_equal(weight, value)
        results.append(model.get_weights())
    assert before
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-3)


def test_half_precision_keeps_weights_in_full():
    losses, _, _ = trained("tiny", remat=True, policy="mixed_bfloat16")
    np.testing.assert_allclose(losses, trained("tiny", remat=False)[0], rtol=0.05)


def test_prediction_is_as_before():
    model = build_model("tiny", 3)
    image = np.random.default_rng(0).integers(0, 256, (1, *SIZE, 3), np.uint8)
    before = np.array(model(image, training=False))
    rematerialize(model, (*SIZE, 3))
    np.testing.assert_array_equal(model(image, training=False), before)


def test_dense_blocks_keep_a_fraction_of_their_features():
    """What passes from segment to segment, and the largest of these, are far less than all features."""
    model = build_model("FC-DenseNet56", 3)
    _, outputs, calls = record_calls(model, (*SIZE, 3))
    cuts = choose_cuts(calls, outputs)
    assert cuts[0] == 0 and cuts[-1] == len(calls) and cuts == sorted(set(cuts))
    size = {id(x): np.prod(x.shape[1:]) for call in calls for x in call.outputs}
    segment_of = {id(x): np.searchsorted(cuts, i, "right") for i, call in enumerate(calls) for x in call.outputs}
    kept = {
        id(x)
        for i, call in enumerate(calls)
        for x in call.inputs
        if id(x) in size and segment_of[id(x)] != np.searchsorted(cuts, i, "right")
    }
    largest = max(
        sum(size[name] for name in size if segment_of[name] == segment) for segment in set(segment_of.values())
    )
    assert sum(size[name] for name in kept) + largest < 0.4 * sum(size.values())
