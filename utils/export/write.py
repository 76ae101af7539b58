"""From a trained network to files that run without this suite, and without Keras.

Each of them takes raw pixels, uint8 RGB, and does the preprocessing itself; arithmetic is float32 however the network
was trained. The settings of the training, which name classes and colors, travel inside the file.
"""

import contextlib
import importlib.util
import json
import logging
import pathlib
import shutil
from typing import NamedTuple

from utils.backend import silence_stderr
from utils.errors import RunError, UsageError
from utils.export.converters import CONVERTERS, graph


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        suffix: of the file; empty for a folder.
        packages: that it needs besides this suite's own, as Python imports them.
        install: what pip installs.
    """

    suffix: str
    packages: tuple = ()
    install: str = ""


FORMATS = {
    "savedmodel": Format(""),
    "onnx": Format(".onnx", ("tf2onnx", "onnx", "onnxruntime"), "tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0"),
    "litert": Format(".tflite"),
    "openvino": Format(".xml", ("openvino", "scipy"), "openvino==2026.4.1 scipy"),
    "keras": Format(".keras"),
}


class Choice(NamedTuple):
    """What is to be written.

    Attributes:
        format: a key of `FORMATS`.
        size: `(height, width)` in pixels, or None for any.
        output: "logits", "classes" or "colours".
        precision: "float32", or for LiteRT "float16" or "int8".
    """

    format: str
    size: tuple = None
    output: str = "logits"
    precision: str = "float32"


def check_packages(name):
    """Raises UsageError if packages that the format `name` needs are not installed."""
    missing = [package for package in FORMATS[name].packages if importlib.util.find_spec(package) is None]
    if missing:
        install = FORMATS[name].install
        raise UsageError(f"--format {name} needs {', '.join(missing)}: pip install {install}")


def to_float32(model):
    """Makes all layers of a network compute in float32; the weights are that already."""
    for layer in model._flatten_layers():
        if layer.compute_dtype != "float32":
            layer.dtype_policy = "float32"


def write_export(folder, name, model, settings, choice, calibration=()):
    """Writes an exported network.

    Args:
        folder: `pathlib.Path` of an empty folder.
        name: str, of the file to be made in it, or of the folder for a SavedModel.
        model: `keras.Model` from images to logits, float32.
        settings: the settings of its checkpoint.
        choice: `Choice`.
        calibration: uint8 images `(h, w, 3)` of the size, to find the ranges of int8.

    Raises:
        RunError: if the format cannot express the network, or the disk refuses.
    """
    path, note = pathlib.Path(folder) / name, json.dumps({**settings, "output": choice.output})
    if choice.format == "keras":
        from utils.checkpoints import save_checkpoint

        return save_checkpoint(path, model, settings, {})
    try:
        with silence_stderr(), quiet_loggers():
            module = graph(model, settings, choice)
            write = CONVERTERS[choice.format]
            write(path, module, note, size=choice.size, precision=choice.precision, calibration=calibration)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}") from error
    except Exception as error:  # each converter raises errors of its own
        words = (str(error).strip() or type(error).__name__).split("\n")[0]
        remedy = "" if choice.size else "; a fixed size may help: --crop_height and --crop_width"
        raise RunError(f"{settings['model']} cannot be written as {choice.format} ({words[:300]}){remedy}") from error


@contextlib.contextmanager
def atomic_folder(path):
    """Lets files be written in a temporary folder beside `path` and then moves them there.

    Args:
        path: `pathlib.Path` of what is made: a file, a folder, or an `.xml` file with others of its stem beside it.
            What was there is replaced at the end; if an error comes, it is left as it was.

    Yields:
        `pathlib.Path` of the temporary folder.

    Raises:
        RunError: if the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        move_parts(temporary, path)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move_parts(folder, path):
    """Moves everything in `folder` to the folder and the stem of `path`."""
    for part in folder.iterdir():
        target = path.with_name(path.stem + part.suffix) if part.is_file() else path
        if target.is_dir():
            shutil.rmtree(target)
        part.replace(target)


@contextlib.contextmanager
def quiet_loggers():
    """Converters tell of every step; here only their errors count."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "tf2onnx", "absl")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
