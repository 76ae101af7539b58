"""Quantization of ONNX networks to 8 bits."""

import numpy as np
import pytest

from utils.export.quantization import leading_convolutions, quantize

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def network(first, second):
    """Two 1x1 convolutions `(out, in)` of uint8 images, channels last."""
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("Cast", ["images"], ["float"], to=float32),
        helper.make_node("Transpose", ["float"], ["pixels"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["pixels", "first"], ["features"], "conv_first", kernel_shape=[1, 1]),
        helper.make_node("Conv", ["features", "second"], ["result"], "conv_second", kernel_shape=[1, 1]),
    ]
    images = helper.make_tensor_value_info("images", onnx.TensorProto.UINT8, ["batch", "height", "width", 3])
    result = helper.make_tensor_value_info("result", float32, ["batch", len(second), "height", "width"])
    weights = {"first": first, "second": second}
    stored = [onnx.numpy_helper.from_array(values[..., None, None], name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, "net", [images], [result], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_results_differ_by_steps_of_8_bits():
    generator = np.random.default_rng(0)
    model = network(*(generator.normal(size=shape).astype(np.float32) for shape in ((4, 3), (2, 4))))
    images = [np.random.default_rng(seed).integers(0, 256, (16, 24, 3), np.uint8) for seed in range(4)]
    small = quantize(model, images)
    types = {
        len(weight.dims): weight.data_type for weight in small.graph.initializer if weight.name.startswith("second")
    }
    assert types[4] == onnx.TensorProto.INT8
    found, expected = (
        onnxruntime.InferenceSession(network.SerializeToString()).run(None, {"images": images[0][None]})[0]
        for network in (small, model)
    )
    step = np.ptp(expected) / 255  # of the output
    assert 0 < np.abs(found - expected).mean() < 2 * step


def test_the_first_convolution_and_a_depthwise_one_after_it_stay_in_float32():
    def graph(*groups):
        nodes = [onnx.helper.make_node("Conv", ["x"], ["y"], f"conv{i}", group=n) for i, n in enumerate(groups)]
        return onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"]), *nodes], "net", [], [])

    assert leading_convolutions(graph(1, 32, 1, 64)) == ["conv0", "conv1"]
    assert leading_convolutions(graph(1, 1, 64)) == ["conv0"]
    assert leading_convolutions(graph()) == []
