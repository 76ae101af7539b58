"""DDSC: the grouped convolution against one convolution per group, and the dense shortcuts."""

import keras
import numpy as np
import pytest

from models.DDSC import GroupedConv2D, build_ddsc, dense_shortcuts


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    "groups, channels, filters", [(1, 3, 4), (3, 6, 12), (32, 64, 64), (32, 256, 512), (5, 640, 640)]
)
def test_grouped_convolution_is_one_convolution_for_each_group(groups, channels, filters):
    layer = GroupedConv2D(filters, 3, strides=2, groups=groups, padding="same", activation="tanh")
    x = numbers(2, 5, 7, channels)
    result = layer(x)
    assert result.shape == layer.compute_output_shape(x.shape)
    kernel, bias = layer.get_weights()
    assert kernel.shape == (3, 3, channels // groups, filters)
    parts = [
        keras.ops.conv(part, part_kernel, strides=2, padding="same")
        for part, part_kernel in zip(np.split(x, groups, axis=-1), np.split(kernel, groups, axis=-1))
    ]
    expected = np.tanh(np.concatenate(parts, axis=-1) + bias)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(result), expected, atol=1e-5)


def test_only_weights_within_a_group_get_a_gradient():
    tf = pytest.importorskip("tensorflow")
    layer = GroupedConv2D(4, 1, groups=2, use_bias=False)
    x = tf.constant(numbers(1, 3, 3, 4))
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x)[..., :2])  # of the first group
    gradient_x, gradient_kernel = tape.gradient(loss, [x, layer.kernel.value])
    assert np.abs(gradient_x[..., :2]).min() > 0
    assert np.abs(gradient_x[..., 2:]).max() == 0
    sums = np.asarray(x).sum((0, 1, 2))[:2]
    np.testing.assert_allclose(gradient_kernel[0, 0], np.stack([sums, sums, 0 * sums, 0 * sums], axis=1), rtol=1e-5)


def test_grouped_convolution_survives_saving(tmp_path):
    inputs = keras.Input((None, None, 6))
    model = keras.Model(inputs, GroupedConv2D(6, 3, groups=3)(inputs))
    model.save(tmp_path / "model.keras")
    x = numbers(1, 5, 5, 6)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(x), model.predict_on_batch(x))


def test_the_coarsest_level_has_no_shortcuts():
    x = keras.Input((4, 4, 8))
    assert dense_shortcuts(x, [], 8) is x


def test_every_level_gets_all_the_coarser_ones():
    sizes = {"pool2": (24, 33), "pool3": (12, 17), "pool4": (6, 9), "pool5": (3, 5)}
    end_points = {name: keras.Input((*size, 3), name=name) for name, size in sizes.items()}
    model = keras.Model(end_points, build_ddsc(end_points, 5, filters=(64, 64, 64, 64)))
    assert model.output_shape == (None, 24, 33, 5)
    sums = [layer for layer in model.layers if isinstance(layer, keras.layers.Add)]
    joined = {layer.output.shape[1:3]: len(layer.input) for layer in sums if len(layer.input) > 2}
    assert joined == {sizes["pool3"]: 3, sizes["pool2"]: 4}
