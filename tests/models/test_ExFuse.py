"""ExFuse: embeddings and adjacent prediction against values computed by hand."""

import keras
import numpy as np
import pytest

from models.ExFuse import PRESETS, DepthToSpace, GatherAdjacent, build_exfuse, semantic_embedding


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_adjacent_predictions_land_on_the_pixels_they_are_for():
    """Pixel (2, 3) alone speaks, and says 1 to 9 about its neighbors, from the lower right to the upper left."""
    x = np.zeros((1, 5, 7, 9), np.float32)
    x[0, 2, 3] = np.arange(1, 10)
    expected = np.zeros((5, 7), np.float32)
    expected[1:4, 2:5] = np.arange(9, 0, -1).reshape(3, 3) / 9
    np.testing.assert_allclose(np.array(GatherAdjacent()(x))[0, :, :, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("size", [(4, 6), (1, 5), (None, None)])
def test_the_mean_is_over_neighbors_that_exist(size):
    """What all agree on stays as it is, at the edges and in the corners too."""
    votes = np.tile(np.float32([3, -2]), 9)  # two classes
    inputs = keras.Input((*size, 18))
    x = np.tile(votes, (2, size[0] or 4, size[1] or 5, 1))
    result = keras.Model(inputs, GatherAdjacent()(inputs)).predict_on_batch(x)
    np.testing.assert_allclose(result, x[..., :2], rtol=1e-6)


@pytest.mark.parametrize("dynamic", [True, False])
def test_depth_to_space_lays_out_rows_of_columns(dynamic):
    inputs = keras.Input((None, None, 8) if dynamic else (3, 5, 8))
    x = normal(2, 3, 5, 8)
    expected = x.reshape(2, 3, 5, 2, 2, 2).transpose(0, 1, 3, 2, 4, 5).reshape(2, 6, 10, 2)
    model = keras.Model(inputs, DepthToSpace(2)(inputs))
    assert tuple(model.output.shape) == ((None, None, None, 2) if dynamic else (None, 6, 10, 2))
    np.testing.assert_array_equal(model.predict_on_batch(x), expected)


def test_a_level_is_multiplied_by_all_the_higher_ones():
    low, higher = keras.Input((8, 8, 3)), [keras.Input((4, 4, 5)), keras.Input((2, 2, 6))]
    model = keras.Model([low, *higher], semantic_embedding(low, higher))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):  # the mean of the channels at the same place
            kernel = np.zeros(layer.kernel.shape)
            kernel[1, 1] = 1 / kernel.shape[2]
            layer.kernel.assign(kernel)
    x = normal(1, 8, 8, 3)
    result = model([x, np.full((1, 4, 4, 5), 2.0), np.full((1, 2, 2, 6), 3.0)])
    np.testing.assert_allclose(result, 6 * x, rtol=2e-3)  # 1 / (1 + epsilon) of the batch norms


@pytest.mark.parametrize("num_classes, filters", [(5, 21), (30, 30)])
def test_sizes_of_the_outputs(num_classes, filters):
    end_points = {f"pool{n}": keras.Input((64 >> n, 96 >> n, 4 * n), name=f"pool{n}") for n in (2, 3, 4, 5)}
    logits, heads = build_exfuse(end_points, num_classes, **PRESETS["ExFuse"])
    assert tuple(logits.shape[1:]) == (32, 48, num_classes)
    sizes = {name: tuple(head.shape[1:3]) for name, head in heads.items()}
    assert sizes == {"encoder_8": (8, 12), "encoder_16": (4, 6), "encoder_32": (2, 3)}
    model = keras.Model(end_points, logits)
    assert model.get_layer("adjacent_logits").input.shape[-1] == filters
