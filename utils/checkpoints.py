"""Checkpoints: `.keras` files that also hold the run's settings and how far it had come.

One file, written under a temporary name and renamed, so that weights, optimizer, epoch, best score and log always
belong together, whenever the program is killed.
"""

import json
import warnings
import zipfile

import keras

import frontends.batch_norm
import frontends.layers  # noqa: F401
import models.blocks  # noqa: F401
from models import MODELS, import_module, inference_model
from utils.errors import UsageError
from utils.files import atomic_write
from utils.settings import SUITE_MEMBER, read_checkpoint
from utils.training.optimizers.ema import exchange_average


def save_checkpoint(path, model, settings, state):
    """Writes a checkpoint atomically.

    Args:
        path: ending in `.keras`.
        model: compiled `keras.Model`.
        settings: dict of JSON types, what test, predict and export need to know.
        state: dict of JSON types, what going on with the training needs to know.

    Raises:
        RunError: if the disk refuses; the earlier file is then left as it was.
    """
    seeds = [keras.ops.convert_to_numpy(generator.state).tolist() for generator in _seed_generators(model)]
    state = {**state, "dropout_seeds": seeds}
    with atomic_write(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(SUITE_MEMBER, json.dumps({"settings": settings, "state": state}))


def load_for_inference(path, model_name=None):
    """Loads a network with one output of logits.

    Args:
        path: of the checkpoint.
        model_name: str, which network the user expects, or None.

    Returns:
        `(model, settings)`.

    Raises:
        UsageError: as `load_network`, and if it is another network.
    """
    model, settings = load_network(path, model_name)
    return inference_model(model), settings


def load_network(path, model_name=None):
    """Loads a network as it was trained, with its heads. Arguments and result as `load_for_inference`.

    Raises:
        UsageError: as `read_checkpoint`, and if Keras cannot load the network or it is another one.
    """
    settings, _ = read_checkpoint(path)
    if model_name not in (None, settings["model"]):
        raise UsageError(f"{path} is a {settings['model']}, not a {model_name}; leave out --model")
    if settings["model"] not in MODELS:
        raise UsageError(f"{path} is a {settings['model']}, which models/registry.py does not list")
    import_module(settings["model"])
    try:
        return keras.models.load_model(path, compile=False), settings
    except Exception as error:  # Keras raises whatever its readers raise
        raise UsageError(f"{path} cannot be loaded: {_first_line(error)}") from error


def restore(path, model, state):
    """Puts a checkpoint's weights, optimizer variables and dropout seeds into a compiled model of the same kind.

    Args:
        path: of the checkpoint.
        model: compiled `keras.Model`.
        state: the checkpoint's state.

    Raises:
        UsageError: if they do not fit.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns when it skips an optimizer that does not fit
            model.load_weights(path)
    except Exception as error:
        raise UsageError(f"{path} does not fit the model or the optimizer: {_first_line(error)}") from error
    exchange_average(model)  # a checkpoint has them the other way round
    for generator, value in zip(_seed_generators(model), state["dropout_seeds"]):
        generator.state.assign(value)


def _seed_generators(model):
    """The random states of dropout layers, which `.keras` files do not hold."""
    return [layer.seed_generator for layer in model.layers if hasattr(layer, "seed_generator")]


def _first_line(error):
    return str(error).strip().split("\n")[0]
