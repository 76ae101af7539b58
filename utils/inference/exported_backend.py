"""Exported networks (ONNX, LiteRT, OpenVINO, SavedModel), each run by its own runtime; Keras is not needed.

backend, settings = load_exported("model.onnx")
logits = backend.logits(images)
"""

import gzip
import json
import os
import pathlib
import warnings
import zipfile
from collections.abc import Callable, Sequence

import numpy as np

from utils.checkpoint_archive import SUITE_MEMBER
from utils.class_dict import ClassDict
from utils.errors import UsageError, first_line

PLACES = ("model.keras", "model.onnx.gz", "models/*/1")  # of the network in folders of --format hub, web and serving


class ExportedBackend:
    """A file written by export.py as a backend of `predictor.Predictor`.

    Args:
        run: function from uint8 images `(B, H, W, channels)` to the output of the file.
        shape: shape of its input; a height and width that are not positive ints mean any size.
        output: "logits" (float32 `(B, H, W, C)`), "classes" (uint8 `(B, H, W)`) or "colours" (uint8 `(B, H, W, 3)`).
        class_dict: `ClassDict`, to convert colors to class indices.

    Attributes:
        size: `(height, width)` in pixels of its images, or None: any multiples of 32.
        compiles_each_shape: False.
        run, output: as given.
    """

    compiles_each_shape = False

    def __init__(self, run: Callable, shape: Sequence, output: str, class_dict: ClassDict):
        size = tuple(shape[1:3])
        self.size = size if all(isinstance(side, int) and side > 0 for side in size) else None
        self.run, self.output, self._class_dict = run, output, class_dict

    def classes(self, images: np.ndarray) -> np.ndarray:
        """Predicts class indices, uint8 `(B, H, W)`, of uint8 images `(B, H, W, channels)`."""
        result = self.run(images)
        if self.output == "logits":
            return result.argmax(-1).astype(np.uint8)
        if self.output == "colours":
            return np.stack([self._class_dict.encode(colors) for colors in result])
        return result

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Predicts logits, float32 `(B, H, W, C)`, of uint8 images `(B, H, W, channels)`.

        Raises:
            UsageError: if the file has another output.
        """
        if self.output != "logits":
            raise UsageError(
                "--scales, --flip, --tile, --report, --confidence, --below and --probabilities need a network that "
                f"gives logits, and this file gives {self.output}; export it with --output logits"
            )
        return self.run(images)


def load_exported(path) -> tuple[ExportedBackend, dict]:
    """Loads a file that export.py wrote.

    Args:
        path: of an `.onnx`, `.onnx.gz`, `.tflite` or `.xml` file, or of the folder of `--format savedmodel`, `web` or
            `serving`.

    Returns:
        `(backend, settings)`: an `ExportedBackend`, and the settings of its checkpoint.

    Raises:
        UsageError: if the file is missing, damaged or not of this suite, or a package is not installed.
    """
    path = network_in(pathlib.Path(path))
    load = open_savedmodel if path.is_dir() else RUNTIMES.get(path.suffix)
    if not path.exists():
        raise UsageError(f"there is no exported network {path}; write one with export.py")
    if load is None:
        raise UsageError(f"{path} is none of export.py's files: {', '.join(RUNTIMES)}, or the folder of a SavedModel")
    try:
        note, run, shape = load(path)
    except ModuleNotFoundError as error:
        raise UsageError(f"{path} needs the package {error.name}: pip install {error.name}") from error
    except Exception as error:  # each runtime raises errors of its own
        reason = first_line(error) or repr(error)
        raise UsageError(f"{path} is damaged or no exported network ({reason})") from error
    if not note:
        raise UsageError(f"{path} was not written by export.py: it does not hold the names and colors of its classes")
    settings = json.loads(note)
    output = settings.pop("output")
    return ExportedBackend(run, shape, output, ClassDict.from_dict(settings, unknown="ignore")), settings


def network_in(path: pathlib.Path) -> pathlib.Path:
    """Returns the network in a folder of several files that export.py wrote; any other path as it is."""
    found = (match for place in PLACES for match in path.glob(place)) if path.is_dir() else ()
    return next(iter(found), path)


def open_onnx(path):
    """Opens an ONNX file in ONNX Runtime, on all CPU cores or an NVIDIA GPU.

    Returns:
        `(note, run, shape)`: the settings as JSON, or None; a function of images; the shape of its input. The functions
        below return the same.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    available = onnxruntime.get_available_providers()
    providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
    model = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else str(path)
    session = onnxruntime.InferenceSession(model, options, providers=providers)
    images = session.get_inputs()[0]
    run, name, note = session.run, images.name, session.get_modelmeta().custom_metadata_map.get(SUITE_MEMBER)
    return note, lambda x: run(None, {name: x})[0], images.shape


def open_litert(path):
    """Opens a LiteRT file, which takes one image at a time."""
    try:
        from ai_edge_litert import interpreter as litert
    except ImportError:
        from tensorflow import lite as litert
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's interpreter is deprecated in favor of the other package
        interpreter = litert.Interpreter(str(path), num_threads=os.cpu_count())
    model_input, model_output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    shape = [1, *map(int, model_input["shape_signature"][1:])]
    interpreter.allocate_tensors()
    allocated = list(model_input["shape"])

    def run_single(image):
        nonlocal allocated
        if list(image.shape) != allocated:
            interpreter.resize_tensor_input(model_input["index"], image.shape)
            interpreter.allocate_tensors()
            allocated = list(image.shape)
        interpreter.set_tensor(model_input["index"], image)
        interpreter.invoke()
        return interpreter.get_tensor(model_output["index"])

    def run(images):
        return np.concatenate([run_single(images[index : index + 1]) for index in range(len(images))])

    return _note_of_zip(path), run, shape


def open_openvino(path):
    """Opens an OpenVINO pair of files, in float32 also on processors for which OpenVINO prefers bfloat16."""
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

    run.module = module  # keeps its variables alive
    note = path / SUITE_MEMBER
    return note.read_text(encoding="utf-8") if note.is_file() else None, run, shape


def _note_of_zip(path):
    """Returns the settings from the zip archive at the end of a file, or None."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(SUITE_MEMBER).decode("utf-8")
    except (zipfile.BadZipFile, KeyError):
        return None


RUNTIMES = {".onnx": open_onnx, ".gz": open_onnx, ".tflite": open_litert, ".xml": open_openvino}
