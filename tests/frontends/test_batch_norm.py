"""The fused batch normalization against Keras's, and the replacement of layers in a network."""

import keras
import numpy as np
import pytest

from frontends.batch_norm import BatchNormalization, batch_norm_layers, fuse_batch_norm, set_batch_norm_momentum

PIXELS = 2 * 5 * 6  # of a batch


def pair(channels=4, **options):
    """Keras's layer and the fused one with the same weights, none of them 0 or 1."""
    rng = np.random.default_rng(0)
    layers = [kind(momentum=0.8, **options) for kind in (keras.layers.BatchNormalization, BatchNormalization)]
    for layer in layers:
        layer.build((None, 5, 6, channels))
    layers[0].set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layers[0].weights])
    layers[1].set_weights(layers[0].get_weights())
    return layers


def images(seed=1, channels=4):
    return np.random.default_rng(seed).normal(2, 3, (2, 5, 6, channels)).astype(np.float32)


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}, {"scale": False, "center": False}])
@pytest.mark.parametrize("training", [True, False])
def test_features_and_moving_mean_are_those_of_keras(options, training):
    expected_layer, layer = pair(**options)
    expected = expected_layer(images(), training=training)
    np.testing.assert_allclose(layer(images(), training=training), expected, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, expected_layer.moving_mean, rtol=1e-5)


def test_the_moving_variance_takes_in_the_unbiased_variance():
    expected_layer, layer = pair()
    old = np.array(expected_layer.moving_variance)
    expected_layer(images(), training=True)
    layer(images(), training=True)
    biased = (np.array(expected_layer.moving_variance) - 0.8 * old) / 0.2
    expected = biased * (PIXELS / (PIXELS - 1) if keras.backend.backend() == "tensorflow" else 1)
    np.testing.assert_allclose((np.array(layer.moving_variance) - 0.8 * old) / 0.2, expected, rtol=1e-4)


def test_a_frozen_layer_uses_and_keeps_its_statistics():
    expected_layer, layer = pair()
    before = layer.get_weights()
    layer.trainable = expected_layer.trainable = False
    np.testing.assert_allclose(layer(images(), training=True), expected_layer(images(), training=True), atol=1e-5)
    for old, new in zip(before, layer.get_weights()):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("channels", [4, 16])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_in_and_out_with_statistics_in_full(policy, channels):
    expected_layer, layer = pair(channels, dtype=policy)
    x = keras.ops.cast(images(channels=channels), layer.compute_dtype)
    result = layer(x, training=True)
    assert keras.backend.standardize_dtype(result.dtype) == layer.compute_dtype
    assert layer.moving_mean.dtype == "float32"
    result, expected = (keras.ops.cast(y, "float32") for y in (result, expected_layer(x, training=True)))
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


def test_changing_the_class_of_a_layer_still_works_in_this_keras():
    """`fuse_batch_norm` assigns `__class__`: the new `call` must be used and find the attributes it expects."""
    tf = pytest.importorskip("tensorflow")
    keras_layer, fused_layer = pair()
    assert set(vars(keras_layer)) == set(vars(fused_layer))
    inputs = keras.Input((5, 6, 4))
    model = keras.Model(inputs, keras.layers.BatchNormalization()(inputs))
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the fused operation is TensorFlow's")
    fuse_batch_norm(model)
    graph = tf.function(model).get_concrete_function(tf.TensorSpec((None, 5, 6, 4)), training=True).graph
    assert "FusedBatchNormV3" in [operation.type for operation in graph.get_operations()]


def test_batch_norm_layers_and_their_momentum():
    inputs = keras.Input((4, 4, 2))
    x = keras.layers.BatchNormalization(name="frozen", trainable=False)(inputs)
    model = keras.Model(inputs, BatchNormalization(name="free")(keras.layers.ReLU()(x)))
    layers = batch_norm_layers(model)
    assert [layer.name for layer in layers] == ["frozen", "free"]
    set_batch_norm_momentum(model, 0.5)
    assert [layer.momentum for layer in layers] == [0.5, 0.5]
