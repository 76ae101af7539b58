"""Checkpoints: Keras files that also hold the settings and the state of the run.

Weights, optimizer, epoch, best score and log are in one file, written atomically, so that they always belong together.
"""

import json
import pathlib
import zipfile

import keras

import frontends.batch_norm
import frontends.layers  # noqa: F401  registers the layers of saved networks with Keras
import models.blocks  # noqa: F401
from models import MODELS, import_module, inference_model
from utils.compact import is_compact, load_compact
from utils.errors import UsageError, first_line
from utils.files import atomic_write
from utils.settings import SUITE_MEMBER, read_checkpoint


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
        RunError: if the file cannot be written; the earlier one is then kept.
    """
    seeds = [keras.ops.convert_to_numpy(generator.state).tolist() for generator in seed_generators(model)]
    state = {**state, "dropout_seeds": seeds}
    with atomic_write(path, durable=True, previous=previous) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(SUITE_MEMBER, json.dumps({"settings": settings, "state": state}))


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
        raise UsageError(f"{path} is a {name}, which models/registry.py does not list")
    import_module(name)
    try:
        return (load_compact(path) if is_compact(path) else keras.models.load_model(path, compile=False)), settings
    except Exception as error:  # Keras raises whatever its readers raise
        raise UsageError(f"{path} cannot be loaded: {first_line(error)}") from error


def seed_generators(model: keras.Model) -> list:
    """Returns the seed generators of the dropout layers, whose states Keras files do not hold."""
    return [layer.seed_generator for layer in model.layers if hasattr(layer, "seed_generator")]
