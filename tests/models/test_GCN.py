"""GCN: the global convolution, boundary refinement, and the width of the levels."""

import keras
import numpy as np
import pytest

from models.GCN import boundary_refinement, build_gcn, global_convolution, upsample


def test_a_global_convolution_sees_a_square_of_its_kernel_size():
    inputs = keras.Input((21, 21, 1))
    model = keras.Model(inputs, global_convolution(inputs, 2, kernel_size=5))
    model.set_weights([np.ones_like(weight) if weight.ndim == 4 else weight for weight in model.get_weights()])
    impulse = np.zeros((1, 21, 21, 1), np.float32)
    impulse[0, 10, 10] = 1
    expected = np.zeros((21, 21), np.float32)
    expected[8:13, 8:13] = 4  # two branches, and each sums over the two channels between
    np.testing.assert_array_equal(model.predict_on_batch(impulse)[0, :, :, 0], expected)


def test_boundary_refinement_only_adds():
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, boundary_refinement(inputs))
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(model.predict_on_batch(x), x)


def test_upsampling_doubles():
    assert upsample(keras.Input((5, 7, 3))).shape == (None, 10, 14, 3)


@pytest.mark.parametrize("num_classes, filters", [(5, 21), (33, 33)])
def test_levels_are_never_narrower_than_the_number_of_classes(num_classes, filters):
    end_points = {f"pool{n}": keras.Input((64 >> n, 96 >> n, 4), name=f"pool{n}") for n in (2, 3, 4, 5)}
    logits = build_gcn(end_points, num_classes, filters=21, kernel_size=15)
    assert logits.shape == (None, 64, 96, num_classes)
    convolutions = [layer for layer in keras.Model(end_points, logits).layers if hasattr(layer, "filters")]
    assert {layer.filters for layer in convolutions if layer.name != "logits"} == {filters}
