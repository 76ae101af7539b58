"""The fused batch normalization against Keras's."""

import keras
import numpy as np
import pytest

from frontends.batch_norm import BatchNormalization, batch_norm_layers, fuse_batch_norm, set_batch_norm_momentum

PIXELS = 2 * 5 * 6  # of a batch


def pair(channels=4, **options):
    """Keras's layer and ours with the same weights, none of them 0 or 1."""
    rng = np.random.default_rng(0)
    made = []
    for kind in (keras.layers.BatchNormalization, BatchNormalization):
        layer = kind(momentum=0.8, **options)
        layer.build((None, 5, 6, channels))
        made.append(layer)
    made[0].set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in made[0].weights])
    made[1].set_weights(made[0].get_weights())
    return made


def images(seed=1, channels=4):
    return np.random.default_rng(seed).normal(2, 3, (2, 5, 6, channels)).astype(np.float32)


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}, {"scale": False, "center": False}])
@pytest.mark.parametrize("training", [True, False])
def test_features_and_moving_mean_are_those_of_keras(options, training):
    theirs, ours = pair(**options)
    expected = theirs(images(), training=training)
    np.testing.assert_allclose(ours(images(), training=training), expected, atol=1e-5)
    np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, rtol=1e-5)


def test_the_moving_variance_takes_in_the_unbiased_variance():
    theirs, ours = pair()
    old = np.array(theirs.moving_variance)
    theirs(images(), training=True)
    ours(images(), training=True)
    biased = (np.array(theirs.moving_variance) - 0.8 * old) / 0.2
    expected = biased * (PIXELS / (PIXELS - 1) if keras.backend.backend() == "tensorflow" else 1)
    np.testing.assert_allclose((np.array(ours.moving_variance) - 0.8 * old) / 0.2, expected, rtol=1e-4)


def test_a_frozen_layer_uses_and_keeps_its_statistics():
    theirs, ours = pair()
    before = ours.get_weights()
    ours.trainable = theirs.trainable = False
    np.testing.assert_allclose(ours(images(), training=True), theirs(images(), training=True), atol=1e-5)
    for old, new in zip(before, ours.get_weights()):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("channels", [4, 16])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_in_and_out_with_statistics_in_full(policy, channels):
    theirs, ours = pair(channels, dtype=policy)
    x = keras.ops.cast(images(channels=channels), ours.compute_dtype)
    result = ours(x, training=True)
    assert keras.backend.standardize_dtype(result.dtype) == ours.compute_dtype
    assert ours.moving_mean.dtype == "float32"
    result, expected = (keras.ops.cast(y, "float32") for y in (result, theirs(x, training=True)))
    np.testing.assert_allclose(result, expected, atol=0.05)


def test_other_axes_are_left_to_keras():
    layer = BatchNormalization(axis=1)
    result = keras.ops.convert_to_numpy(layer(images(), training=True))
    np.testing.assert_allclose(result.mean(axis=(0, 2, 3)), 0, atol=1e-5)


def test_a_saved_network_keeps_the_layer_and_its_weights(tmp_path):
    inputs = keras.Input((5, 6, 4))
    model = keras.Model(inputs, keras.layers.BatchNormalization(name="norm")(inputs))
    fuse_batch_norm(model)
    model.get_layer("norm").set_weights(pair()[1].get_weights())
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.get_layer("norm")) is BatchNormalization
    np.testing.assert_array_equal(loaded(images()), model(images()))


def test_batch_norm_layers_and_their_momentum():
    inputs = keras.Input((4, 4, 2))
    x = keras.layers.BatchNormalization(name="frozen", trainable=False)(inputs)
    model = keras.Model(inputs, BatchNormalization(name="free")(keras.layers.ReLU()(x)))
    layers = batch_norm_layers(model)
    assert [layer.name for layer in layers] == ["frozen", "free"]
    set_batch_norm_momentum(model, 0.5)
    assert [layer.momentum for layer in layers] == [0.5, 0.5]
