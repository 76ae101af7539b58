"""FC-DenseNet, compared with the network of the original suite, which normalizes all features in every layer."""

import keras
import numpy as np
import pytest
from keras import layers

from models import FC_DenseNet_Tiramisu
from models.blocks import batch_norm_relu, classifier
from models.FC_DenseNet_Tiramisu import build_fc_densenet, transition_up

BLOCKS = (2, 3, 2, 3, 2)  # layers per block: down, down, bottleneck, up, up
SIZE = (31, 46)  # not divisible by the pooling
NUM_CLASSES, GROWTH_RATE = 5, 4


def build_layer_by_layer(x, num_classes, growth_rate, layers_per_block):
    """Builds the network of the original suite, without dropout."""
    depth, skips = len(layers_per_block) // 2, []
    x = layers.Conv2D(48, 3, padding="same", name="first_conv")(x)
    for count in layers_per_block[:depth]:
        x, _ = dense_block(x, count, growth_rate)
        skips.append(x)
        x = layers.MaxPooling2D(2)(normalized_conv(x, x.shape[-1], 1))
    _, new_features = dense_block(x, layers_per_block[depth], growth_rate)
    for count in layers_per_block[depth + 1 :]:
        x = layers.Concatenate()([transition_up(new_features, skips[-1]), skips.pop()])
        x, new_features = dense_block(x, count, growth_rate)
    return classifier(x, num_classes)


def dense_block(x, count, growth_rate):
    """Applies `count` layers; returns all features `(B, H, W, C + count * growth_rate)` and a list of the new ones."""
    new_features = []
    for _ in range(count):
        new_features.append(normalized_conv(x, growth_rate, 3))
        x = layers.Concatenate()([x, new_features[-1]])
    return x, new_features


def normalized_conv(x, filters, kernel_size):
    """Applies batch norm without gamma, ReLU and a convolution."""
    return layers.Conv2D(filters, kernel_size, padding="same")(batch_norm_relu(x, scale=False))


@pytest.fixture
def models(monkeypatch):
    """The network of this suite and that of the original suite, with equal random weights and without dropout."""
    monkeypatch.setattr(FC_DenseNet_Tiramisu, "DROPOUT", 0.0)
    pair = []
    for build in (build_fc_densenet, build_layer_by_layer):
        images = keras.Input((*SIZE, 3))
        pair.append(keras.Model(images, build(images, NUM_CLASSES, GROWTH_RATE, BLOCKS)))
    rng = np.random.default_rng(0)
    for weight, reference in zip(*map(trainable_weights, pair), strict=True):
        value = np.array(weight) + rng.normal(0, 0.1, weight.shape)
        weight.assign(value)
        reference.assign(value)
    return pair


def trainable_weights(model):
    """Weights of the convolutions, then the shifts."""
    shifts = [weight for weight in model.trainable_weights if weight.name == "beta"]
    return [weight for weight in model.trainable_weights if weight.name != "beta"] + shifts


def test_logits_and_gradients_equal_those_of_the_original_network(models):
    tf = pytest.importorskip("tensorflow")
    rng, results = np.random.default_rng(1), []
    images = rng.random((2, *SIZE, 3), np.float32)
    factors = rng.normal(size=(2, *SIZE, NUM_CLASSES)).astype(np.float32)
    for model in models:
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            loss = tf.reduce_sum(logits * factors)
        results.append([logits, *tape.gradient(loss, [weight.value for weight in trainable_weights(model)])])
    np.testing.assert_allclose(results[0][0], results[1][0], atol=1e-4)
    largest = max(np.abs(gradient).max() for gradient in results[0][1:])
    for gradient, reference in zip(*results):  # biases before batch norm have gradients of 0, here rounding errors
        np.testing.assert_allclose(gradient, reference, atol=1e-4 * largest)


def test_logits_with_moving_statistics_equal_those_of_the_original_network(models):
    images = np.random.default_rng(1).random((2, *SIZE, 3), np.float32)
    results = []
    for model in models:
        for _ in range(10):
            model(images, training=True)
        results.append(keras.ops.convert_to_numpy(model(images, training=False)))
    assert results[0].std() > 0.01
    np.testing.assert_allclose(results[0], results[1], atol=1e-4 * np.abs(results[1]).max())
