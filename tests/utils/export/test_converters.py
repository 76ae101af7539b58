"""TensorFlow graphs of networks, and the pieces of the converters."""

import os

import keras
import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.export.converters import AXES, build_graph, constants_copied_once, full_range, pad_explicitly
from utils.export.write import ExportOptions, write_export
from utils.inference.exported_backend import load_exported

CLASSES = ClassDict(["Sky", "Road", "Car"], [(0, 0, 255), (255, 0, 0), (9, 9, 9)])


@pytest.fixture(scope="module")
def model():
    """A network whose class is the brightest channel of a pixel 0..255, with a dilated convolution."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("all converters start from TensorFlow's graph")
    inputs = keras.Input((None, None, 3), name="images")
    dilated = keras.layers.Conv2D(3, 3, padding="same", dilation_rate=4, kernel_initializer="zeros")(inputs)
    return keras.Model(inputs, keras.layers.Add()([keras.layers.Rescaling(1.0)(inputs), dilated]), name="brightest")


def batch(count=2, height=40, width=50):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)


@pytest.mark.parametrize("output", ["logits", "classes", "colours"])
def test_outputs_of_the_graph(model, output):
    module = build_graph(model, CLASSES.label_values, ExportOptions("onnx", output=output))
    (result,) = module.serve(batch()).values()
    classes = batch().argmax(-1)
    expected = {"logits": batch(), "classes": classes, "colours": CLASSES.decode(classes)}[output]
    np.testing.assert_allclose(result, expected)
    assert result.dtype == ("float32" if output == "logits" else "uint8")


def test_shapes_of_the_graph(model):
    def spec(*options, **more):
        return build_graph(model, CLASSES.label_values, ExportOptions(*options, **more)).serve.input_signature[0]

    assert spec("savedmodel", (40, 50)).shape.as_list() == [None, 40, 50, 3]
    assert spec("litert").shape.as_list() == [1, None, None, 3]
    assert spec("onnx", (40, 50)).shape.as_list() == [None, None, None, 3]  # the size is written later
    assert spec("litert", (40, 50), precision="int8").dtype == "float32"
    assert spec("onnx", precision="int8").dtype == "uint8"
    assert spec("openvino", (40, 50)).shape[1:3] == (40, 50)
    assert spec("openvino", (40, 50), precision="int8").shape[1:3] == (None, None)  # by way of ONNX


def test_dilated_convolutions_are_one_operation(model):
    """Keras and TensorFlow still call the functions that are replaced while tracing, and get them back."""
    import tensorflow as tf

    convolution = tf.nn.convolution

    def operations(format_name):
        module = build_graph(model, CLASSES.label_values, ExportOptions(format_name))
        return {operation.type for operation in module.serve.get_concrete_function().graph.get_operations()}

    assert "Conv2D" in operations("litert") and not any("Space" in name for name in operations("litert"))
    assert tf.nn.convolution is convolution


@pytest.mark.parametrize("format_name, name", [("savedmodel", "net"), ("litert", "net.tflite")])
def test_files_give_what_the_network_gives(model, tmp_path, format_name, name):
    settings = {**CLASSES.to_dict(), "model": "brightest"}
    write_export(tmp_path, name, model, settings, ExportOptions(format_name))
    backend, noted = load_exported(tmp_path / name)
    assert noted == settings and backend.size is None
    np.testing.assert_allclose(backend.logits(batch()), batch(), atol=1e-4)
    np.testing.assert_array_equal(backend.classes(batch(3, 33, 47)), batch(3, 33, 47).argmax(-1))


def test_calibration_covers_the_range_of_pixels():
    (image,) = full_range([np.full((4, 5, 3), 100, np.uint8)])
    assert image.shape == (1, 4, 5, 3) and image.dtype == np.float32
    assert image.min() == 0 and image.max() == 255 and np.median(image) == 100


def test_same_padding_in_pixels():
    helper = pytest.importorskip("onnx").helper
    node = helper.make_node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER", kernel_shape=[3, 2], dilations=[4, 1])
    pad_explicitly(node)
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    assert attributes["pads"] == [4, 0, 4, 1] and "auto_pad" not in attributes
    strided = helper.make_node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER", kernel_shape=[3, 3], strides=[2, 2])
    pad_explicitly(strided)
    assert "pads" not in {attribute.name for attribute in strided.attribute}


def test_tf2onnx_is_left_as_it_was(monkeypatch):
    """The method of tf2onnx that is replaced still has its name, and comes back."""
    node = pytest.importorskip("tf2onnx.graph").Node
    monkeypatch.setenv("TF2ONNX_CATCH_ERRORS", "yes")
    update = node.update_proto
    with pytest.raises(KeyError), constants_copied_once():
        assert node.update_proto is not update
        raise KeyError
    assert node.update_proto is update and os.environ["TF2ONNX_CATCH_ERRORS"] == "yes"


@pytest.mark.parametrize("size, expected", [(None, AXES), ((40, 50), ("batch", 40, 50))])
def test_axes_of_onnx_have_names(model, tmp_path, size, expected):
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    write_export(tmp_path, "net.onnx", model, {**CLASSES.to_dict(), "model": "a"}, ExportOptions("onnx", size))
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"))
    assert session.get_inputs()[0].shape == session.get_outputs()[0].shape == [*expected, 3]
    onnx.checker.check_model(onnx.load(str(tmp_path / "net.onnx")), full_check=True)


def test_axes_of_other_formats(model, tmp_path):
    import tensorflow as tf

    openvino = pytest.importorskip("openvino")
    pytest.importorskip("scipy")
    settings = {**CLASSES.to_dict(), "model": "a"}
    write_export(tmp_path, "net.xml", model, settings, ExportOptions("openvino"))
    write_export(tmp_path, "net", model, settings, ExportOptions("savedmodel"))
    read = openvino.Core().read_model(str(tmp_path / "net.xml"))
    assert read.inputs[0].get_node().get_layout() == openvino.Layout("[N,H,W,C]")
    serve = tf.saved_model.load(str(tmp_path / "net")).signatures["serving_default"]
    assert serve.structured_input_signature[1]["images"].shape.as_list() == [None, None, None, 3]


def test_weights_of_16_bits_in_onnx(tmp_path):
    """Large weights take half the space, and numbers beyond 16 bits stay."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    inputs = keras.Input((None, None, 3), name="images")
    wide = keras.layers.Conv2D(400, 1, name="wide")(inputs)
    network = keras.Model(inputs, keras.layers.Conv2D(3, 1, name="last")(wide), name="wide")
    huge = network.get_layer("wide").get_weights()[0] * 1e6
    settings = {**CLASSES.to_dict(), "model": "wide"}
    sizes, results = [], []
    for precision in ("float32", "float16"):
        options = ExportOptions("onnx", precision=precision)
        write_export(tmp_path, f"{precision}.onnx", network, settings, options)
        sizes.append((tmp_path / f"{precision}.onnx").stat().st_size)
        session = onnxruntime.InferenceSession(str(tmp_path / f"{precision}.onnx"))
        results.append(session.run(None, {"images": batch(1, 8, 8)})[0])
    assert sizes[0] - sizes[1] > 0.9 * 2 * 400 * 3 * 2 - 600
    np.testing.assert_allclose(results[1], results[0], rtol=0.01, atol=0.3)
    network.get_layer("wide").set_weights([huge, np.zeros(400)])
    write_export(tmp_path, "huge.onnx", network, settings, ExportOptions("onnx", precision="float16"))
    session = onnxruntime.InferenceSession(str(tmp_path / "huge.onnx"))
    assert np.isfinite(session.run(None, {"images": batch(1, 8, 8)})[0]).all()
