"""Freezes the frontend for the first epochs, so that random decoder gradients do not spoil pretrained features."""

import contextlib

import keras

from models import frontend_layers
from utils.training.optimizers.parameter_groups import inner_optimizer


@contextlib.contextmanager
def frontend_phase(model: keras.Model, frozen: bool, state: dict):
    """Freezes or unfreezes the frontend, and counts the updates that it misses inside the context.

    Args:
        model: compiled `keras.Model`, whose optimizer is built over all variables.
        frozen: whether the frontend is frozen.
        state: state of the training; "frozen_updates", the number of missed updates, is brought up to date.
    """
    optimizer = inner_optimizer(model.optimizer)
    missed, before = state.get("frozen_updates", 0), _updates(optimizer)
    optimizer.frozen_updates = missed
    if set_frozen(model, frozen):
        print("The frontend is frozen" if frozen else "The frontend trains from now on", flush=True)
    yield
    if frozen:
        state["frozen_updates"] = missed + _updates(optimizer) - before


def set_frozen(model: keras.Model, frozen: bool) -> bool:
    """Freezes or unfreezes the frontend of a network.

    Frozen layers need no gradients, which saves time and memory, and their batch norm uses its moving statistics.

    Args:
        model: compiled `keras.Model`.
        frozen: whether the frontend is to be frozen.

    Returns:
        Whether any layer changed.
    """
    layers = [layer for layer in frontend_layers(model) if layer.weights and layer.trainable == frozen]
    for layer in layers:
        layer.trainable = not frozen
    if layers:
        model.make_train_function(force=True)
    return bool(layers)


def _updates(optimizer):
    """Returns the number of updates so far; `int()` of the variable fails under `tf.distribute` (Keras 3.15)."""
    return int(keras.ops.convert_to_numpy(optimizer.iterations))
