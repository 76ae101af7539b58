"""FRRN: residual units, and the exchange between the two streams."""

import keras
import numpy as np
import pytest

from models.FRRN import PRESETS, build_frrn, full_resolution_residual_unit, residual_unit


def set_all(model, value):
    """Sets every kernel and bias to one number."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([np.full(weight.shape, value, np.float32) for weight in layer.get_weights()])


def test_a_residual_unit_of_zeros_is_the_identity():
    inputs = keras.Input((5, 7, 4))
    model = keras.Model(inputs, residual_unit(inputs, 4))
    set_all(model, 0.0)
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 4)).astype(np.float32)
    np.testing.assert_array_equal(model.predict_on_batch(x), x)


def test_without_identity_where_the_channels_change():
    inputs = keras.Input((5, 7, 6))
    model = keras.Model(inputs, residual_unit(inputs, 4))
    set_all(model, 0.0)
    np.testing.assert_array_equal(model.predict_on_batch(np.ones((1, 5, 7, 6), np.float32)), 0.0)


@pytest.fixture
def unit():
    x, residual = keras.Input((4, 6, 3)), keras.Input((8, 12, 32))
    return keras.Model([x, residual], full_resolution_residual_unit(x, residual, 5, 2))


def test_a_unit_of_zeros_keeps_the_residual_stream(unit):
    rng = np.random.default_rng(0)
    x, residual = rng.normal(size=(1, 4, 6, 3)), rng.normal(size=(1, 8, 12, 32)).astype(np.float32)
    set_all(unit, 0.0)
    result, new_residual = unit.predict_on_batch([x, residual])
    assert result.shape == (1, 4, 6, 5)
    np.testing.assert_array_equal(new_residual, residual)


def test_a_unit_reads_the_maximum_of_a_square_and_updates_all_of_it(unit):
    """One pixel of the residual stream is raised; two 3x3 convolutions reach two squares from its own."""
    set_all(unit, 0.01)
    x, residual = np.zeros((1, 4, 6, 3), np.float32), np.zeros((1, 8, 12, 32), np.float32)
    raised = residual.copy()
    raised[0, 1, 2] = 1.0
    updates = [unit.predict_on_batch([x, one])[1] - one for one in (residual, raised)]
    change = (updates[1] - updates[0])[0, ..., 0]
    squares = change.reshape(4, 2, 6, 2)
    np.testing.assert_allclose(squares, np.broadcast_to(squares[:, :1, :, :1], squares.shape), atol=1e-6)
    expected = np.zeros((4, 6), bool)
    expected[:3, :4] = True
    np.testing.assert_array_equal(squares[:, 0, :, 0] > 1e-6, expected)


@pytest.mark.parametrize("name, deepest, units", [("FRRN-A", 16, 17), ("FRRN-B", 32, 21)])
def test_stages(name, deepest, units):
    stages = PRESETS[name]["stages"]
    strides = [stride for stride, *_ in stages]
    assert strides == [2**n for n in range(1, deepest.bit_length())] + [
        2**n for n in range(deepest.bit_length() - 2, 0, -1)
    ]
    assert sum(count for *_, count in stages) == units
    inputs = keras.Input((64, 96, 3))
    model = keras.Model(inputs, build_frrn(inputs, 5, stages))
    assert model.output.shape == (None, 64, 96, 5)
    # The identities: one of every unit of the residual stream, and of five of the six units at full resolution.
    assert sum(isinstance(layer, keras.layers.Add) for layer in model.layers) == units + 5
