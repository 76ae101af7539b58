"""Checkpoints: Keras files that also hold the settings and the state of the run.

Weights, optimizer, epoch, best score and log are in one file, written atomically, so that they always belong together.
"""

import json
import pathlib
import shutil
import zipfile

import h5py
import keras

import frontends.batch_norm
import frontends.layers  # noqa: F401  registers the layers of saved networks with Keras
import models.blocks  # noqa: F401
from models import MODELS, import_module, inference_model
from utils.checkpoint_archive import (
    DAMAGES,
    MAX_EXPANSION,
    SUITE_MEMBER,
    UNCHECKED_BYTES,
    check_archive,
    read_member,
)
from utils.checkpoint_choice import damaged_checkpoint
from utils.compact import CONFIG_MEMBER, is_compact, load_compact
from utils.distribution import without_distribution
from utils.errors import UnreadableError, UsageError, first_line
from utils.files import atomic_write, parse_json
from utils.finite import check_finite
from utils.settings import read_checkpoint
from utils.text import brief

WEIGHTS_MEMBER = "model.weights.h5"  # of a Keras file
SIZES = {"filters", "units", "depth_multiplier", "kernel_size", "padding", "size", "cropping", "target_shape", "dim"}
MAX_SIZE = 65536  # of filters, kernels and such


def save_checkpoint(
    path: str | pathlib.Path, model: keras.Model, settings: dict, state: dict, previous: pathlib.Path | None = None
) -> None:
    """Writes a checkpoint atomically; it is on the disk when the function returns.

    Args:
        path: ending in `.keras`.
        model: compiled.
        settings: JSON types, what test, predict and export need to know.
        state: JSON types, what resuming needs to know.
        previous: name under which the earlier file is kept.

    Raises:
        DivergedError: if a weight, a statistic or a number of the optimizer is not finite.
        RunError: if the file cannot be written; the earlier one is then kept.
    """
    check_finite(model)
    seeds = [keras.ops.convert_to_numpy(generator.state).tolist() for generator in seed_generators(model)]
    state = {**state, "dropout_seeds": seeds}
    with atomic_write(path, durable=True, previous=previous) as temporary:
        with without_distribution():
            model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(SUITE_MEMBER, json.dumps({"settings": settings, "state": state}))


def update_checkpoint(source: str | pathlib.Path, path: str | pathlib.Path, settings: dict, state: dict) -> None:
    """Writes a copy of a checkpoint with other settings and another state, at the cost of copying a file.

    Args:
        source: the checkpoint; it may be `path` itself.
        path: the copy.
        settings, state: as in `save_checkpoint`.

    Raises:
        RunError: if the file cannot be written; the earlier one is then kept.
    """
    with atomic_write(path, durable=True) as temporary:
        shutil.copyfile(source, temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            seeds = json.loads(archive.read(SUITE_MEMBER))["state"]["dropout_seeds"]
            # The member is the last one, and is overwritten from its first byte (tried with Python 3.11).
            archive.start_dir = archive.filelist.pop().header_offset
            del archive.NameToInfo[SUITE_MEMBER]
            values = {"settings": settings, "state": {**state, "dropout_seeds": seeds}}
            archive.writestr(SUITE_MEMBER, json.dumps(values))


def load_for_inference(path: str | pathlib.Path, model_name: str | None = None) -> tuple[keras.Model, dict]:
    """Loads a network without its auxiliary heads. Arguments, settings and errors as in `load_network`.

    Returns:
        `(model, settings)`; the model has one output, the logits.
    """
    model, settings = load_network(path, model_name)
    return inference_model(model), settings


def load_network(path: str | pathlib.Path, model_name: str | None = None) -> tuple[keras.Model, dict]:
    """Loads a network as it was trained, with its auxiliary heads, not compiled.

    Args:
        path: the checkpoint.
        model_name: name of the network that the user expects, or None.

    Returns:
        `(model, settings)`, the settings of its training.

    Raises:
        UsageError: if the file is missing or damaged, if Keras cannot load it, or if it is another network.
    """
    settings, _ = read_checkpoint(path)
    name = settings.get("model")
    if model_name not in (None, name):
        raise UsageError(f"{path} is a {name}, not a {model_name}; leave out --model")
    if name not in MODELS:
        raise UsageError(
            f"{path} is a {brief(name)}, which models/registry.py does not list: update the suite if it is a network "
            "of a newer version, or add your own one there"
        )
    check_file(path)
    import_module(name)
    try:
        return (load_compact(path) if is_compact(path) else keras.models.load_model(path, compile=False)), settings
    except Exception as error:  # Keras raises whatever its readers raise
        raise UsageError(f"{path} cannot be loaded: {loading_problem(path, error)}") from error


def check_file(path: str | pathlib.Path, resumes: bool = False) -> None:
    """Checks sizes and checksums of a checkpoint before Keras loads it.

    Args:
        path: the checkpoint.
        resumes: whether a training is to continue from it, for the remedy.

    Raises:
        UsageError: if it is damaged; with the undamaged checkpoints of the run.
    """
    try:
        check_archive(path)
        with zipfile.ZipFile(path) as archive:
            check_config(parse_json(read_member(archive, CONFIG_MEMBER)))
            if WEIGHTS_MEMBER in archive.namelist():
                with archive.open(WEIGHTS_MEMBER) as member, h5py.File(member) as file:
                    check_weights(file, archive.getinfo(WEIGHTS_MEMBER).file_size)
    except UnreadableError as error:
        raise damaged_checkpoint(path, str(error), resumes) from error
    except (*DAMAGES, KeyError) as error:
        raise damaged_checkpoint(path, brief(first_line(error), 100), resumes) from error


def check_config(config: object) -> None:
    """Raises `UnreadableError` if a layer of a Keras configuration is of a size that no network has."""
    stack = [config]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            for key in SIZES & value.keys():
                sizes = value[key] if isinstance(value[key], list) else [value[key]]
                if any(isinstance(size, int | float) and not 0 <= size <= MAX_SIZE for size in sizes):
                    raise UnreadableError(f"{CONFIG_MEMBER} has a layer of {key} {brief(value[key])}")
            stack += value.values()
        elif isinstance(value, list):
            stack += value


def check_weights(file: h5py.File, size: int) -> None:
    """Raises `UnreadableError` if the arrays of an HDF5 file are much larger than the file."""
    total = 0

    def add(name, item):
        nonlocal total
        total += item.nbytes if isinstance(item, h5py.Dataset) else 0

    file.visititems(add)
    if total > UNCHECKED_BYTES + MAX_EXPANSION * size:
        raise UnreadableError(f"{WEIGHTS_MEMBER} has {size:,} bytes for arrays of {total:,}")


def loading_problem(path: str | pathlib.Path, error: Exception) -> str:
    """Describes why Keras cannot load a file: it is of a newer version of Keras, or the error itself."""
    try:
        with zipfile.ZipFile(path) as archive:
            version = str(parse_json(read_member(archive, "metadata.json"))["keras_version"])
        is_newer = [int(part) for part in version.split(".")[:2]] > [
            int(part) for part in keras.__version__.split(".")[:2]
        ]
    except (*DAMAGES, UnreadableError, KeyError, TypeError):
        is_newer = False
    if is_newer:
        return f"Keras {brief(version)} wrote it, and this is Keras {keras.__version__}: update the suite and Keras"
    return brief(first_line(error), 150)


def seed_generators(model: keras.Model) -> list:
    """Returns the seed generators of the dropout layers, whose states Keras files do not hold."""
    return [layer.seed_generator for layer in model.layers if hasattr(layer, "seed_generator")]
