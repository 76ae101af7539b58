"""Writing of exported networks: output paths, files, atomic folders.

An exported file takes raw pixels, uint8 RGB, and does the preprocessing itself; its arithmetic is float32 however the
network was trained. The settings of the training, with names and colors of the classes, are stored inside the file.
"""

import contextlib
import importlib
import json
import logging
import pathlib
import shutil
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from utils.backend import silence_stderr
from utils.class_dict import ClassDict
from utils.errors import RunError, UsageError, first_line
from utils.export.converters import CONVERTERS, build_graph
from utils.export.formats import BUNDLES, FORMATS


class ExportOptions(NamedTuple):
    """Options of an export.

    Attributes:
        format: a key of `FORMATS`.
        size: `(height, width)` in pixels, or None for any.
        output: "logits", "classes" or "colours".
        precision: "float32"; "float16" or "int8" for formats that have it.
    """

    format: str
    size: tuple[int, int] | None = None
    output: str = "logits"
    precision: str = "float32"


class BundleInputs(NamedTuple):
    """Contents of the formats of several files, beside the network.

    Attributes:
        checkpoint: path of the checkpoint.
        images: uint8 arrays `(h, w, channels)`.
        source: description of the images; begins with "noise" if they are none.
        ort_web: archive or folder of ONNX Runtime Web, or None to download it.
        scores: path of `scores.json`, or None to look for it.
        command: text of the command line.
    """

    checkpoint: pathlib.Path
    images: Sequence[np.ndarray] = ()
    source: str = "noise"
    ort_web: str | None = None
    scores: str | None = None
    command: str = ""


def check_bundle(options: ExportOptions, settings: dict, inputs: BundleInputs) -> None:
    """Checks early whether a format of several files can be written: UsageError or RunError if not."""
    if options.format in BUNDLES:
        importlib.import_module(f"utils.export.{options.format}").check(settings, inputs)


def bundle_hint(path: pathlib.Path, options: ExportOptions) -> str:
    """Returns the lines that say how to use a format of several files; "" for the others."""
    return importlib.import_module(f"utils.export.{options.format}").hint(path) if options.format in BUNDLES else ""


def written_networks(path: pathlib.Path, options: ExportOptions) -> list[pathlib.Path]:
    """Returns the networks of an exported file or folder that are compared with Keras."""
    if options.format == "serving":
        return importlib.import_module("utils.export.serving").networks(path)
    return [path]


def output_path(path: str | None, checkpoint: pathlib.Path, options: ExportOptions) -> pathlib.Path:
    """Returns the path to write to: `--output_path`, or a name beside the checkpoint.

    Raises:
        UsageError: if the path has the wrong extension, or is a file or folder that an export must not replace.
    """
    suffix, precision = FORMATS[options.format].suffix, options.precision
    if path is None:
        kind = f"_{precision}" if precision != "float32" else "_inference" if options.format == "keras" else ""
        if options.format in BUNDLES:
            kind = f"_{options.format}{kind}"
        return checkpoint.with_name(f"{checkpoint.stem}{kind}{suffix}")
    output = pathlib.Path(path)
    if suffix and output.suffix != suffix:
        raise UsageError(f"--output_path {path}: a file of --format {options.format} must end in {suffix}")
    if output.resolve() == checkpoint.resolve():
        raise UsageError(f"--output_path {path} is the checkpoint itself")
    is_own = output.is_dir() and next(output.glob(FORMATS[options.format].mark or "*"), None)
    if suffix and output.is_dir() or not suffix and output.exists() and not is_own:
        raise UsageError(f"--output_path {path} is something else that --format {options.format} must not replace")
    return output


def to_float32(model):
    """Makes all layers of a Keras model compute in float32; the weights are float32 already."""
    for layer in model._flatten_layers():  # private in Keras 3.15; the public `layers` leaves out nested ones
        if layer.compute_dtype != "float32":
            layer.dtype_policy = "float32"


def write_export(
    folder: pathlib.Path,
    name: str,
    model,
    settings: dict,
    options: ExportOptions,
    calibration: Sequence[np.ndarray] = (),
    inputs: BundleInputs | None = None,
):
    """Writes a network as an exported file.

    Args:
        folder: of an empty folder.
        name: of the file to write in it, or of the folder.
        model: `keras.Model` from images to logits, float32.
        settings: the settings of its checkpoint, to be stored in the file.
        options: `ExportOptions`.
        calibration: uint8 images `(h, w, 3)`, of the size of `options` if it has one, to find the ranges of int8.
        inputs: of the formats of several files.

    Raises:
        RunError: if the format cannot express the network, or the file cannot be written.
    """
    path, note = pathlib.Path(folder) / name, json.dumps({**settings, "output": options.output})
    if options.format in BUNDLES:
        bundle = importlib.import_module(f"utils.export.{options.format}")
        try:
            path.mkdir()
            return bundle.write_bundle(path, model, settings, options, inputs)
        except OSError as error:
            raise RunError(f"cannot write {path}: {error.strerror or error}") from error
    if options.format == "keras" and options.precision == "int8":
        from utils.compact import save_compact

        return save_compact(path, model, without_folders(settings))
    if options.format == "keras":
        from utils.checkpoints import save_checkpoint

        return save_checkpoint(path, model, settings, {})
    try:
        with silence_stderr(), _quiet_loggers():
            module = build_graph(model, ClassDict.from_dict(settings).label_values, options)
            convert = CONVERTERS[options.format]
            convert(path, module, note, size=options.size, precision=options.precision, calibration=calibration)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}") from error
    except Exception as error:  # each converter raises errors of its own
        reason = first_line(error) or type(error).__name__
        remedy = "" if options.size else "; a fixed size may help: --crop_height and --crop_width"
        raise RunError(f"{model.name} cannot be written as {options.format} ({reason[:300]}){remedy}") from error


def without_folders(settings: dict) -> dict:
    """Returns settings with the last part alone of absolute paths, for a file that is given to others."""
    paths = {name: pathlib.PurePath(value) for name, value in settings.items() if isinstance(value, str)}
    return {**settings, **{name: path.name for name, path in paths.items() if path.is_absolute()}}


@contextlib.contextmanager
def atomic_folder(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Writes a file or folder atomically by way of a temporary folder.

    Args:
        path: of the result: a file, a folder, or an `.xml` file with others of its stem beside it. A result that exists
            already is replaced at the end, and left as it was if an error occurs.

    Yields:
        `pathlib.Path` of the temporary folder, beside `path`.

    Raises:
        RunError: if a file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        move_contents(temporary, path)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move_contents(folder: pathlib.Path, path: pathlib.Path):
    """Moves a folder in `folder` to `path`, and files to the stem of `path`, each with its own extension."""
    for item in folder.iterdir():
        target = path.with_name(path.stem + item.suffix) if item.is_file() else path
        if target.is_dir():
            shutil.rmtree(target)
        item.replace(target)


@contextlib.contextmanager
def _quiet_loggers():
    """Silences the converters' log messages below errors."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "tf2onnx", "absl")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
