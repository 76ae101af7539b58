"""RefineNet: the parts of a refinement block."""

import keras
import numpy as np

from models.RefineNet import chained_residual_pooling, fuse, refinement_block, residual_conv_unit


def with_identity_kernels(model, factor=1.0):
    """Gives every 3x3 convolution a kernel that copies its channels, times `factor`; batch norm does nothing."""
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            kernel = np.zeros(layer.kernel.shape, np.float32)
            kernel[1, 1] = factor * np.eye(*kernel.shape[2:])
            layer.set_weights([kernel])
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_variance.assign(np.full(layer.moving_variance.shape, 1.0 - layer.epsilon))
    return model


def test_residual_units_add_what_is_positive():
    inputs = keras.Input((None, None, 4))
    model = with_identity_kernels(keras.Model(inputs, residual_conv_unit(inputs)), 0.5)
    x = np.random.default_rng(0).normal(size=(1, 5, 7, 4)).astype(np.float32)
    np.testing.assert_allclose(model.predict_on_batch(x), x + 0.25 * np.maximum(x, 0), rtol=1e-5)


def test_chained_pooling_sums_maxima_over_5_and_9_pixels():
    inputs = keras.Input((None, None, 1))
    model = with_identity_kernels(keras.Model(inputs, chained_residual_pooling(inputs)))
    x = np.full((1, 15, 15, 1), -1.0, np.float32)
    x[0, 7, 7] = 2.0
    expected = np.zeros((15, 15), np.float32)
    for radius in (0, 2, 4):
        expected[7 - radius : 8 + radius, 7 - radius : 8 + radius] += 2.0
    np.testing.assert_allclose(model.predict_on_batch(x)[0, :, :, 0], expected, rtol=1e-6)


def test_fusion_sums_at_the_size_of_the_first_input():
    inputs = [keras.Input((None, None, 2)), keras.Input((None, None, 2))]
    model = with_identity_kernels(keras.Model(inputs, fuse(inputs)))
    x = np.random.default_rng(0).normal(size=(1, 5, 7, 2)).astype(np.float32)
    low = np.full((1, 3, 4, 2), 0.5, np.float32)
    np.testing.assert_allclose(model.predict_on_batch([x, low]), x + 0.5, rtol=1e-6)


def test_a_single_input_is_not_fused():
    x = keras.Input((4, 4, 2))
    assert fuse([x]) is x


def test_every_input_of_a_block_has_two_units_of_its_own():
    inputs = [keras.Input((8, 8, 4)), keras.Input((4, 4, 6))]
    output = refinement_block(inputs)
    assert output.shape == (None, 8, 8, 4)
    channels = [layer.filters for layer in keras.Model(inputs, output).layers if hasattr(layer, "filters")]
    assert channels.count(6) == 4  # two units of two convolutions on the coarse input
    assert channels.count(4) == 4 + 2 + 2 + 2  # two units, fusion, pooling, one unit
