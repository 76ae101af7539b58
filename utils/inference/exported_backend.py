"""Running the files that export.py writes, each in its own runtime. None of them needs Keras.

network, settings = load_exported("model.onnx")
logits = network(images)
"""

import json
import os
import pathlib
import warnings
import zipfile

import numpy as np

from utils.errors import UsageError
from utils.settings import SUITE_MEMBER


class ExportedNetwork:
    """A network from images to what it was exported for.

    Attributes:
        size: `(height, width)` in pixels that images must have, or None for any.
        output: "logits", "classes" or "colours".

    Call arguments:
        images: uint8 `(B, H, W, 3)`, RGB.

    Returns:
        float32 logits `(B, H, W, C)`, uint8 classes `(B, H, W)` or uint8 colors `(B, H, W, 3)`.
    """

    def __init__(self, run, shape, output):
        """`run` is a function of images, `shape` its input's, with anything but a number from 1 where all sizes do."""
        size = tuple(shape[1:3])
        self.size = size if all(isinstance(side, int) and side > 0 for side in size) else None
        self.output = output
        self._run = run

    def __call__(self, images):
        return self._run(images)


def load_exported(path):
    """Loads a file that export.py wrote.

    Args:
        path: of an `.onnx`, `.tflite` or `.xml` file, or of a SavedModel's folder.

    Returns:
        `(network, settings)`: an `ExportedNetwork`, and the settings of the checkpoint it was made from.

    Raises:
        UsageError: if the file is missing, damaged or not of this suite, or a package is not installed.
    """
    path = pathlib.Path(path)
    load = open_savedmodel if path.is_dir() else RUNTIMES.get(path.suffix)
    if not path.exists():
        raise UsageError(f"there is no exported network {path}; make one with export.py")
    if load is None:
        raise UsageError(f"{path} is none of export.py's files: {', '.join(RUNTIMES)}, or the folder of a SavedModel")
    try:
        note, run, shape = load(path)
    except ModuleNotFoundError as error:
        raise UsageError(f"{path} needs the package {error.name}: pip install {error.name}") from error
    except Exception as error:  # each runtime raises errors of its own
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise UsageError(f"{path} is damaged or no exported network ({reason})") from error
    if not note:
        raise UsageError(f"{path} was not written by export.py: it does not hold the names and colors of its classes")
    settings = json.loads(note)
    return ExportedNetwork(run, shape, settings.pop("output")), settings


def open_onnx(path):
    """Opens an ONNX file in ONNX Runtime, which uses all cores.

    Returns:
        `(note, run, shape)`: the settings as text, or None; a function of images; the shape of its input. So do the
        functions below.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    available = onnxruntime.get_available_providers()
    providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
    session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    images = session.get_inputs()[0]
    run, name, note = session.run, images.name, session.get_modelmeta().custom_metadata_map.get(SUITE_MEMBER)
    return note, lambda x: run(None, {name: x})[0], images.shape


def open_litert(path):
    """Opens a LiteRT file. It takes one image at a time."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        Interpreter = tf.lite.Interpreter
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TensorFlow's own interpreter will move to the other package
        interpreter = Interpreter(str(path), num_threads=os.cpu_count())
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    shape = [1, *map(int, given["shape_signature"][1:])]
    interpreter.allocate_tensors()
    ready = list(given["shape"])

    def run_one(image):
        nonlocal ready
        if list(image.shape) != ready:
            interpreter.resize_tensor_input(given["index"], image.shape)
            interpreter.allocate_tensors()
            ready = list(image.shape)
        interpreter.set_tensor(given["index"], image)
        interpreter.invoke()
        return interpreter.get_tensor(made["index"])

    def run(images):
        return np.concatenate([run_one(images[index : index + 1]) for index in range(len(images))])

    return _note_of_zip(path), run, shape


def open_openvino(path):
    """Opens an OpenVINO pair of files; float32 also where the processor would rather compute in bfloat16."""
    import openvino

    model = openvino.Core().read_model(str(path))
    note = model.get_rt_info([SUITE_MEMBER]).astype(str) if model.has_rt_info([SUITE_MEMBER]) else None
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    shape = [side.get_length() if side.is_static else None for side in model.inputs[0].get_partial_shape()]
    return note, lambda images: compiled(images)[0], shape


def open_savedmodel(path):
    """Opens the folder of a SavedModel in TensorFlow."""
    import tensorflow as tf

    module = tf.saved_model.load(str(path))
    serve = module.signatures["serving_default"]
    shape = serve.structured_input_signature[1]["images"].shape

    def run(images):
        (result,) = serve(images=tf.constant(images)).values()
        return result.numpy()

    run.module = module  # whose variables would go with it
    note = path / SUITE_MEMBER
    return note.read_text(encoding="utf-8") if note.is_file() else None, run, shape


def _note_of_zip(path):
    """The settings from the zip archive at the end of a file, or None."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(SUITE_MEMBER).decode("utf-8")
    except (zipfile.BadZipFile, KeyError):
        return None


RUNTIMES = {".onnx": open_onnx, ".tflite": open_litert, ".xml": open_openvino}
