"""Quantization of networks to 8 bits, calibrated with images."""

import itertools
import pathlib
import tempfile
from collections.abc import Sequence

import numpy as np


def quantize(model, images: Sequence[np.ndarray]):
    """Quantizes an ONNX network to 8-bit integers, activations to unsigned ones and weights to signed ones.

    Activations get the range that the images show, weights a scale for each output channel. These are the types that
    processors with instructions for neural networks multiply. On others, sums of two products can saturate.

    The first convolution, and a depthwise one right after it, stay in float32. They are few of the operations, and lose
    most: the weights of their channels differ by orders of magnitude once batch norm is part of them. (With other
    convolutions in float32 between quantized ones, ONNX Runtime 1.32 computes other results than without its
    optimizations.)

    Args:
        model: `onnx.ModelProto`, takes uint8 images `(B, H, W, channels)`.
        images: uint8 arrays `(h, w, channels)` for the calibration, of any sizes.

    Returns:
        `onnx.ModelProto` with the same input and output.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(CalibrationDataReader):
        """The images one at a time, as ONNX Runtime asks for them."""

        def __init__(self):
            self.rest = iter(images)

        def get_next(self):
            image = next(self.rest, None)
            return None if image is None else {model.graph.input[0].name: image[None]}

    with tempfile.TemporaryDirectory() as folder:
        whole, fused, quantized = (pathlib.Path(folder) / f"{name}.onnx" for name in ("whole", "fused", "quantized"))
        onnx.save(model, str(whole))
        quant_pre_process(whole, fused, skip_symbolic_shape=True)  # batch norm becomes part of convolutions
        quantize_static(
            fused,
            quantized,
            Images(),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=leading_convolutions(onnx.load(fused).graph),
        )
        return onnx.load(quantized)


def leading_convolutions(graph) -> list[str]:
    """Lists the names of an ONNX graph's first convolution and of the depthwise ones right after it."""
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    rest = itertools.takewhile(lambda node: attribute_of(node, "group", 1) > 1, convolutions[1:])
    return [node.name for node in (*convolutions[:1], *rest)]


def attribute_of(node, name, default):
    """Returns the value of an integer attribute of an ONNX node."""
    return next((attribute.i for attribute in node.attribute if attribute.name == name), default)
