"""DeepLabV3 and DeepLabV3+: dilation rates at each output stride."""

import keras
import pytest

from models.DeepLabV3 import build_deeplab_v3
from models.DeepLabV3_plus import build_deeplab_v3_plus


@pytest.mark.parametrize("builder", [build_deeplab_v3, build_deeplab_v3_plus])
@pytest.mark.parametrize(
    "output_stride, tap, rates", [(None, "pool4", [6, 12, 18]), (16, "pool5", [6, 12, 18]), (8, "pool5", [12, 24, 36])]
)
def test_rates_double_at_stride_8(builder, output_stride, tap, rates):
    stride = output_stride or 16
    strides = {"pool2": 4, tap: stride} if builder is build_deeplab_v3_plus else {tap: stride}
    end_points = {n: keras.Input((64 // times, 96 // times, 8), name=n) for n, times in strides.items()}
    logits = builder(end_points, 3, output_stride=output_stride)
    assert logits.shape == (None, *next(iter(end_points.values())).shape[1:3], 3)
    convolutions = [x for x in keras.Model(end_points, logits).layers if isinstance(x, keras.layers.Conv2D)]
    dilated = [layer.dilation_rate for layer in convolutions if layer.dilation_rate != (1, 1)]
    assert dilated == [(rate, rate) for rate in rates]
