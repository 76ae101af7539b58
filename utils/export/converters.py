"""Converters from a Keras model to SavedModel, ONNX, LiteRT and OpenVINO."""

import contextlib
import io
import os
import zipfile

import numpy as np

from utils.checkpoint_archive import SUITE_MEMBER
from utils.export.formats import FORMATS
from utils.export.quantization import quantize

OPSET = 18  # of ONNX, the newest that tf2onnx 1.17 writes
AXES = ("batch", "height", "width")  # of input and outputs, before the channels
LARGE = 1024  # elements; smaller weights save nothing in 16 bits


def build_graph(model, label_values: np.ndarray, options):
    """Traces a Keras model as a TensorFlow function.

    Args:
        model: `keras.Model` from images to logits.
        label_values: uint8 array `(C, 3)`, RGB colors of the classes.
        options: `write.ExportOptions`.

    Returns:
        `tf.Module` with the method `serve`, from uint8 images `(B, H, W, channels)` to a dict from the name of the
        output to the output. For LiteRT B is 1, so that all shapes of a file of fixed size are static. For its int8
        the images are float32, and the converter turns them into uint8.
    """
    import tensorflow as tf

    is_litert = options.format == "litert"
    batch, dtype = (1 if is_litert else None), (tf.float32 if is_litert and options.precision == "int8" else tf.uint8)

    def serve(images):
        result = model(images, training=False)
        if options.output != "logits":
            result = tf.argmax(result, axis=-1, output_type=tf.int32)
            result = tf.cast(result, tf.uint8) if options.output == "classes" else tf.gather(label_values, result)
        return {options.output: result}

    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    # With a fixed size tf2onnx writes resizing by factors, whose products are sometimes a pixel short.
    way = FORMATS[options.format].int8_by_way_of if options.precision == "int8" else ""
    size = options.size if options.size and "onnx" not in (options.format, way) else (None, None)
    spec = tf.TensorSpec((batch, *size, model.input.shape[-1]), dtype, name="images")
    module.serve = tf.function(serve, input_signature=[spec], autograph=False)
    if options.format != "savedmodel":
        with native_dilation():
            module.serve.get_concrete_function()  # traces it; later calls use this graph
    return module


@contextlib.contextmanager
def native_dilation():
    """Makes TensorFlow trace dilated convolutions as one operation with a dilation rate.

    By default TensorFlow traces them as a convolution between space-to-batch and batch-to-space. Converters keep these
    where the size is unknown, and the network is slower in ONNX Runtime. Replaces public functions of `tf.nn` that
    Keras 3.15 calls.
    """
    import tensorflow as tf

    def convolution(x, filters, strides=1, padding="VALID", data_format=None, dilations=None):
        return tf.nn.conv2d(x, filters, strides, padding, data_format or "NHWC", dilations)

    def depthwise_conv2d(x, filters, strides, padding, data_format=None, dilations=None):
        return tf.raw_ops.DepthwiseConv2dNative(
            input=x,
            filter=filters,
            strides=strides,
            padding=padding,
            data_format=data_format or "NHWC",
            dilations=(1, *(dilations or (1, 1)), 1),
        )

    def separable_conv2d(x, filters, pointwise, strides, padding, data_format=None, dilations=None):
        x = depthwise_conv2d(x, filters, strides, padding, data_format, dilations)
        return tf.nn.conv2d(x, pointwise, 1, "VALID", data_format or "NHWC")

    replacements = {function.__name__: function for function in (convolution, depthwise_conv2d, separable_conv2d)}
    originals = {name: getattr(tf.nn, name) for name in replacements}
    try:
        for name, function in replacements.items():
            setattr(tf.nn, name, function)
        yield
    finally:
        for name, function in originals.items():
            setattr(tf.nn, name, function)


def write_savedmodel(path, module, note, **_):
    """Writes a folder that TensorFlow and TensorFlow Serving load."""
    import tensorflow as tf

    tf.saved_model.save(module, str(path), signatures=module.serve)
    (path / SUITE_MEMBER).write_text(note, encoding="utf-8")


def write_onnx(path, module, note, size, precision="float32", calibration=(), **_):
    """Writes an ONNX file; the settings are among its metadata."""
    import onnx

    model = to_onnx(module)
    if precision == "float16":
        halve_weights(model.graph)
    if precision == "int8":
        model = quantize(model, calibration)
    name_axes(model.graph, size)
    onnx.helper.set_model_props(model, {SUITE_MEMBER: note})
    onnx.save(model, str(path))


def to_onnx(module):
    """Converts the graph of `build_graph` to an `onnx.ModelProto`."""
    import tf2onnx

    serve = module.serve
    with constants_copied_once():
        model, _ = tf2onnx.convert.from_function(serve, input_signature=serve.input_signature, opset=OPSET)
    for node in model.graph.node:
        if node.op_type == "Conv":
            pad_explicitly(node)
    return model


def name_axes(graph, size):
    """Names the axes of input and outputs batch, height and width; sets the latter if the size `(h, w)` is fixed."""
    for tensor in (*graph.input, *graph.output):
        for side, name, pixels in zip(tensor.type.tensor_type.shape.dim, AXES, (None, *(size or (None, None)))):
            if pixels:
                side.dim_value = pixels
            else:
                side.dim_param = name


def halve_weights(graph):
    """Stores large float32 weights of an ONNX graph in 16 bits; runtimes convert them once, when they load the file."""
    import onnx

    casts = []
    for weight in graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < LARGE or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        name, stored = weight.name, f"{weight.name}_float16"
        weight.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(onnx.helper.make_node("Cast", [stored], [name], f"{name}_cast", to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


@contextlib.contextmanager
def constants_copied_once():
    """Keeps tf2onnx 1.17 from copying all weights at every optimization step into memory that it frees at the end.

    DDSC on MobileNetV2, 566 MB of weights, took more than 20 GB; with this it takes 11 GB, most of it TensorFlow's.
    """
    from tf2onnx.graph import Node

    variable, update = "TF2ONNX_CATCH_ERRORS", Node.update_proto
    value = os.environ.get(variable)

    def update_all_but_constants(node, external_tensor_storage=None):
        if node.type != "Const":
            update(node, external_tensor_storage)

    try:
        os.environ[variable], Node.update_proto = "FALSE", update_all_but_constants
        yield
    finally:
        Node.update_proto = update
        del os.environ[variable]
        if value is not None:
            os.environ[variable] = value


def pad_explicitly(node):
    """Replaces "same" padding of an ONNX convolution of stride 1 by pixels.

    ONNX Runtime does not compute "same" padding of dilated convolutions.
    """
    import onnx

    values = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    if values.get("auto_pad") != b"SAME_UPPER" or set(values.get("strides", [1])) != {1}:
        return
    rates = values.get("dilations", [1] * len(values["kernel_shape"]))
    padding = [rate * (kernel - 1) for rate, kernel in zip(rates, values["kernel_shape"])]
    node.attribute.remove(next(attribute for attribute in node.attribute if attribute.name == "auto_pad"))
    before = [pixels // 2 for pixels in padding]
    after = [pixels - half for pixels, half in zip(padding, before)]
    node.attribute.append(onnx.helper.make_attribute("pads", before + after))


def write_openvino(path, module, note, size, precision="float32", calibration=(), **_):
    """Writes a pair of files, `.xml` and `.bin`; the settings are in the runtime information of the first.

    OpenVINO computes in 8 bits what an ONNX network of 8 bits does.
    """
    import openvino

    if precision == "int8":
        quantized = quantize(to_onnx(module), calibration)
        name_axes(quantized.graph, size)
        model = openvino.convert_model(io.BytesIO(quantized.SerializeToString()))
    else:
        model = openvino.convert_model(module.serve)
    model.set_rt_info(note, [SUITE_MEMBER])
    model.inputs[0].get_node().set_layout(openvino.Layout("NHWC"))  # its dimensions have no names of their own
    openvino.save_model(model, str(path), compress_to_fp16=False)


def write_litert(path, module, note, precision, calibration, **_):
    """Writes a LiteRT file; the settings are a zip archive at its end, as TensorFlow Lite's own metadata are."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.serve.get_concrete_function()], module)
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        converter.representative_dataset = lambda: ([image] for image in full_range(calibration))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.inference_input_type = tf.uint8
    path.write_bytes(converter.convert())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(SUITE_MEMBER, note)


def full_range(images):
    """Yields images as float32 batches of one, with one black and one white pixel.

    The calibrated range of the input is then 0..255, and a step of int8 is one pixel value.
    """
    for image in images:
        image = image[None].astype(np.float32)
        image[0, 0, 0], image[0, -1, -1] = 0, 255
        yield image


CONVERTERS = {"savedmodel": write_savedmodel, "onnx": write_onnx, "openvino": write_openvino, "litert": write_litert}
