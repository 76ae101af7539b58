"""DenseASPP: the dense pyramid, and its rates at each output stride."""

import keras
import pytest

from models.DenseASPP import build_dense_aspp, dense_atrous_pyramid


def test_each_convolution_sees_all_the_earlier_results():
    inputs = keras.Input((None, None, 10))
    output = dense_atrous_pyramid(inputs, rates=(1, 2, 3), bottleneck=8, growth_rate=4)
    assert output.shape == (None, None, None, 10 + 3 * 4)
    convolutions = [layer for layer in keras.Model(inputs, output).layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.input.shape[-1] for layer in convolutions if layer.kernel_size == (1, 1)] == [10, 14, 18]


@pytest.mark.parametrize(
    "output_stride, tap, rates",
    [(None, "pool3", [3, 6, 12, 18, 24]), (8, "pool5", [3, 6, 12, 18, 24]), (16, "pool5", [2, 3, 6, 9, 12])],
)
def test_rates_cover_as_much_of_the_image_at_any_stride(output_stride, tap, rates):
    end_points = {tap: keras.Input((None, None, 8), name=tap)}
    model = keras.Model(end_points, build_dense_aspp(end_points, 3, output_stride=output_stride))
    convolutions = [layer for layer in model.layers if getattr(layer, "kernel_size", None) == (3, 3)]
    assert [layer.dilation_rate for layer in convolutions] == [(rate, rate) for rate in rates]
