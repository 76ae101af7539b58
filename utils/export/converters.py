"""A network as a TensorFlow graph, and that graph in the words of other programs."""

import contextlib
import os
import zipfile

import numpy as np

from utils.settings import SUITE_MEMBER

OPSET = 18  # of ONNX, the newest that tf2onnx 1.17 writes


def graph(model, settings, choice):
    """The network as a TensorFlow function.

    Returns:
        `tf.Module` with the method `serve`, from uint8 images `(B, H, W, 3)` to a dict from the name of the output to
        it. LiteRT takes one image at a time, so that a file of a fixed size has no shape left to find out while it
        runs; for int8 the images are float32, and the converter makes them uint8.
    """
    import tensorflow as tf

    batch = 1 if choice.format == "litert" else None
    dtype = tf.float32 if choice.precision == "int8" else tf.uint8
    colors = np.array(settings["label_values"], np.uint8)

    def serve(images):
        result = model(images, training=False)
        if choice.output != "logits":
            result = tf.argmax(result, axis=-1, output_type=tf.int32)
            result = tf.cast(result, tf.uint8) if choice.output == "classes" else tf.gather(colors, result)
        return {choice.output: result}

    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    # Of a fixed size tf2onnx makes resizing by factors, whose products come out a pixel short.
    size = choice.size if choice.size and choice.format != "onnx" else (None, None)
    spec = tf.TensorSpec((batch, *size, 3), dtype, name="images")
    module.serve = tf.function(serve, input_signature=[spec], autograph=False)
    if choice.format != "savedmodel":
        with dilated_in_one_piece():
            module.serve.get_concrete_function()  # traces it once and for all
    return module


@contextlib.contextmanager
def dilated_in_one_piece():
    """Lets TensorFlow trace dilated convolutions as one operation with a dilation rate.

    For its own kernels TensorFlow rearranges the features before and after the convolution instead. Converters take
    that over where the size is unknown, and then the network takes longer in ONNX Runtime.
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
    """A folder that TensorFlow and TensorFlow Serving load."""
    import tensorflow as tf

    tf.saved_model.save(module, str(path), signatures=module.serve)
    (path / SUITE_MEMBER).write_text(note, encoding="utf-8")


def write_onnx(path, module, note, size, **_):
    """One file; the settings are among its metadata."""
    import onnx
    import tf2onnx

    serve = module.serve
    with constants_copied_once():
        model, _ = tf2onnx.convert.from_function(serve, input_signature=serve.input_signature, opset=OPSET)
    for node in model.graph.node:
        if node.op_type == "Conv":
            pad_explicitly(node)
    if size:
        for side, pixels in zip(model.graph.input[0].type.tensor_type.shape.dim[1:3], size):
            side.dim_value = pixels
    onnx.helper.set_model_props(model, {SUITE_MEMBER: note})
    onnx.save(model, str(path))


@contextlib.contextmanager
def constants_copied_once():
    """Keeps tf2onnx (1.17) from copying all weights at every step of its optimization into memory that it frees last.

    DDSC, 566 MB of weights on MobileNetV2, took more than 20 GB so; now it takes 11, most of it TensorFlow's.
    """
    from tf2onnx.graph import Node

    variable, update = "TF2ONNX_CATCH_ERRORS", Node.update_proto
    given = os.environ.get(variable)

    def update_all_but_constants(node, external_tensor_storage=None):
        if node.type != "Const":
            update(node, external_tensor_storage)

    try:
        os.environ[variable], Node.update_proto = "FALSE", update_all_but_constants
        yield
    finally:
        Node.update_proto = update
        del os.environ[variable]
        if given is not None:
            os.environ[variable] = given


def pad_explicitly(node):
    """Tells an ONNX convolution of stride 1 its padding in pixels, where it says "same": ONNX Runtime cannot work that
    out for dilated ones."""
    import onnx

    given = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    if given.get("auto_pad") != b"SAME_UPPER" or set(given.get("strides", [1])) != {1}:
        return
    rates = given.get("dilations", [1] * len(given["kernel_shape"]))
    missing = [rate * (kernel - 1) for rate, kernel in zip(rates, given["kernel_shape"])]
    node.attribute.remove(next(attribute for attribute in node.attribute if attribute.name == "auto_pad"))
    before = [pixels // 2 for pixels in missing]
    after = [pixels - half for pixels, half in zip(missing, before)]
    node.attribute.append(onnx.helper.make_attribute("pads", before + after))


def write_openvino(path, module, note, **_):
    """A pair of files, `.xml` and `.bin`; the settings are among the runtime information of the first."""
    import openvino

    model = openvino.convert_model(module.serve)
    model.set_rt_info(note, [SUITE_MEMBER])
    openvino.save_model(model, str(path), compress_to_fp16=False)


def write_litert(path, module, note, precision, calibration, **_):
    """One file; the settings are a zip archive at its end, as TensorFlow Lite's own metadata are."""
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
    """Images as float32 batches of one; a corner of each becomes black and white, so that a step of int8 is a pixel
    value."""
    for image in images:
        image = image[None].astype(np.float32)
        image[0, 0, 0], image[0, -1, -1] = 0, 255
        yield image


CONVERTERS = {"savedmodel": write_savedmodel, "onnx": write_onnx, "openvino": write_openvino, "litert": write_litert}
