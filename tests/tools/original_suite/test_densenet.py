"""Features that are normalized once, beside features that every layer normalizes anew."""

import keras
import numpy as np
import pytest

from models import FC_DenseNet_Tiramisu
from tools.original_suite import densenet as suite_densenet

BLOCKS = (2, 3, 2, 3, 2)  # down, down, bottleneck, up, up
SIZE = (31, 46)  # that pooling does not divide


@pytest.fixture
def networks(monkeypatch):
    """Both with the same trainable weights, not those they began with, and without dropout."""
    made = []
    for module, build in (
        (FC_DenseNet_Tiramisu, FC_DenseNet_Tiramisu.build_fc_densenet),
        (suite_densenet, suite_densenet.build_suite_densenet),
    ):
        monkeypatch.setattr(module, "DROPOUT", 0.0)
        images = keras.Input((*SIZE, 3))
        made.append(keras.Model(images, build(images, 5, 4, BLOCKS)))
    rng = np.random.default_rng(0)
    for ours, theirs in zip(*map(trainable, made), strict=True):
        value = np.array(ours) + rng.normal(0, 0.1, ours.shape)
        ours.assign(value)
        theirs.assign(value)
    return made


def trainable(model):
    """Convolutions' weights, then shifts."""
    shifts = [weight for weight in model.trainable_weights if weight.name == "beta"]
    return [weight for weight in model.trainable_weights if weight.name != "beta"] + shifts


def test_logits_and_gradients_are_the_same(networks):
    tf = pytest.importorskip("tensorflow")
    rng, results = np.random.default_rng(1), []
    images, factors = rng.random((2, *SIZE, 3), np.float32), rng.normal(size=(2, *SIZE, 5)).astype(np.float32)
    for model in networks:
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            loss = tf.reduce_sum(logits * factors)
        results.append([logits, *tape.gradient(loss, [weight.value for weight in trainable(model)])])
    np.testing.assert_allclose(results[0][0], results[1][0], atol=1e-4)
    largest = max(np.abs(gradient).max() for gradient in results[0][1:])
    for ours, theirs in zip(*results):  # of biases before batch norm they are 0, and rounding errors here
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * largest)


def test_logits_with_moving_statistics_are_the_same(networks):
    images = np.random.default_rng(1).random((2, *SIZE, 3), np.float32)
    results = []
    for model in networks:
        for _ in range(50):
            model(images, training=True)
        results.append(keras.ops.convert_to_numpy(model(images, training=False)))
    assert results[0].std() > 0.01
    np.testing.assert_allclose(results[0], results[1], atol=1e-4 * np.abs(results[1]).max())
