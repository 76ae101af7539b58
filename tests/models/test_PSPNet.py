"""PSPNet: adaptive pooling, and the classified feature at each output stride."""

import keras
import numpy as np
import pytest

from models.PSPNet import AdaptiveAveragePooling, build_pspnet


def pooled_by_hand(x, bins):
    """Means of the pixels from floor(i * size / bins) to ceil((i + 1) * size / bins) along both axes."""
    for axis in (1, 2):
        size = x.shape[axis]
        edges = [(i * size // bins, -(-(i + 1) * size // bins)) for i in range(bins)]
        means = [x.take(range(start, stop), axis).mean(axis) for start, stop in edges]
        x = np.stack(means, axis)
    return x


@pytest.mark.parametrize("bins", [1, 2, 3, 6])
@pytest.mark.parametrize("size", [(6, 12), (13, 17), (4, 5), (1, 1)])
@pytest.mark.parametrize("dynamic", [True, False])
def test_adaptive_pooling_averages_equal_regions_of_any_map(bins, size, dynamic):
    x = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
    inputs = keras.Input((None, None, 3) if dynamic else (*size, 3))
    model = keras.Model(inputs, AdaptiveAveragePooling(bins)(inputs))
    assert model.output.shape == (None, bins, bins, 3)
    np.testing.assert_allclose(model.predict_on_batch(x), pooled_by_hand(x, bins), atol=1e-6)


def test_adaptive_pooling_keeps_the_compute_dtype_and_its_configuration():
    layer = AdaptiveAveragePooling(3, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(layer(np.ones((1, 7, 7, 2), np.float32)).dtype) == "bfloat16"
    assert AdaptiveAveragePooling.from_config(layer.get_config()).bins == 3


@pytest.mark.parametrize(
    "output_stride, strides, size, auxiliary",
    [(None, (4, 8), (64, 96), (16, 24)), (8, (8, 8), (8, 12), (8, 12)), (16, (16, 16), (4, 6), (4, 6))],
)
def test_the_dilated_variant_is_classified_directly(output_stride, strides, size, auxiliary):
    names = ("pool2", "pool3") if output_stride is None else ("pool4", "pool5")
    end_points = {n: keras.Input((64 // stride, 96 // stride, 8), name=n) for n, stride in zip(names, strides)}
    logits, heads = build_pspnet(end_points, 4, output_stride=output_stride)
    assert logits.shape == (None, *size, 4)
    assert heads["auxiliary"].shape == (None, *auxiliary, 4)
