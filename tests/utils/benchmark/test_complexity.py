"""Sizes of networks, against sums by hand."""

import keras
import pytest
from keras import layers

from utils.benchmark.complexity import count_flops, count_parameters, layer_flops


def model_of(*stack, shape=(8, 6, 3)):
    x = inputs = keras.Input(shape)
    for layer in stack:
        x = layer(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize(
    "layer, parameters, multiplications",
    [
        (layers.Conv2D(5, 3, strides=2, padding="same"), 3 * 3 * 3 * 5 + 5, 4 * 3 * 3 * 3 * 3 * 5),
        (layers.Conv2D(6, 3, groups=3, use_bias=False), 3 * 3 * 1 * 6, 6 * 4 * 3 * 3 * 1 * 6),
        (layers.Conv2DTranspose(5, 3, strides=2, padding="same"), 3 * 3 * 3 * 5 + 5, 8 * 6 * 3 * 3 * 3 * 5),
        (layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2), 3 * 3 * 3 * 2 + 6, 8 * 6 * 3 * 3 * 3 * 2),
        (layers.SeparableConv2D(5, 3, padding="same"), 27 + 15 + 5, 8 * 6 * (27 + 15)),
        (layers.Dense(4), 16, 8 * 6 * 12),
        (layers.BatchNormalization(), 6, 0),
    ],
)
def test_layers_count_as_by_hand(layer, parameters, multiplications):
    model = model_of(layer)
    assert count_parameters(model) == parameters
    assert count_flops(model) == 2 * multiplications


def test_a_shared_layer_counts_for_every_use():
    conv = layers.Conv2D(3, 1, use_bias=False)
    model = model_of(conv, layers.AveragePooling2D(2), conv)
    assert count_parameters(model) == 9
    assert count_flops(model) == 2 * 9 * (8 * 6 + 4 * 3)


def test_each_use_of_a_layer_has_its_positions():
    conv, strided = layers.Conv2D(3, 1, use_bias=False), layers.Conv2D(5, 3, strides=2, padding="same", use_bias=False)
    found = [(positions, flops) for _, positions, flops in layer_flops(model_of(conv, strided))]
    assert found == [((8, 6), 2 * 9 * 48), ((4, 3), 2 * 135 * 12)]


def test_the_size_must_be_known():
    with pytest.raises(ValueError, match="fixed input size"):
        count_flops(model_of(layers.Conv2D(3, 1), shape=(None, None, 3)))


def test_operations_that_are_no_layers_count_nothing():
    x = inputs = keras.Input((8, 6, 3))
    x = layers.Conv2D(5, 1, use_bias=False)(x)
    assert count_flops(keras.Model(inputs, x + 3.0)) == 2 * 8 * 6 * 3 * 5
