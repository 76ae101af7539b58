"""Quantization of ONNX networks to 8 bits."""

import numpy as np
import pytest

from utils.export.quantization import quantize

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def network(weights):
    """A 1x1 convolution `(out, in)` of uint8 images, channels last."""
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("Cast", ["images"], ["float"], to=float32),
        helper.make_node("Transpose", ["float"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["first", "weights"], ["result"], kernel_shape=[1, 1]),
    ]
    images = helper.make_tensor_value_info("images", onnx.TensorProto.UINT8, ["batch", "height", "width", 3])
    result = helper.make_tensor_value_info("result", float32, ["batch", len(weights), "height", "width"])
    stored = onnx.numpy_helper.from_array(weights[..., None, None], "weights")
    graph = helper.make_graph(nodes, "net", [images], [result], [stored])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_results_differ_by_steps_of_8_bits():
    model = network(np.array([[1.0, -0.5, 0.25], [0.4, 0.3, -0.2]], np.float32))
    images = [np.random.default_rng(seed).integers(0, 256, (16, 24, 3), np.uint8) for seed in range(4)]
    small = quantize(model, images)
    assert "DequantizeLinear" in {node.op_type for node in small.graph.node}
    found, expected = (
        onnxruntime.InferenceSession(network.SerializeToString()).run(None, {"images": images[0][None]})[0]
        for network in (small, model)
    )
    step = np.ptp(expected) / 255  # of the output
    assert 0 < np.abs(found - expected).max() < 3 * step
