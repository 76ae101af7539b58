"""Freezing the frontend in the first epochs: pretrained features stay until the decoder knows what to do with them."""

import contextlib

from models import frontend_layers
from utils.training.optimizers.parameter_groups import inner_optimizer


def is_frozen(settings, epoch):
    """Whether the frontend is frozen in this epoch of a run.

    Args:
        settings: dict of train.py's flags.
        epoch: int, counted from 0 or from `--epoch_start_i`.
    """
    return epoch - settings["epoch_start_i"] < settings["freeze_frontend"]


@contextlib.contextmanager
def frontend_phase(model, settings, state, epoch):
    """What is trained inside is an epoch, or the rest of one, with the frontend frozen or not.

    Args:
        model: compiled `keras.Model`, whose optimizer is built over all variables.
        settings: dict of train.py's flags.
        state: dict, the state of the training; "frozen_updates" counts updates that the frontend has missed.
        epoch: int.
    """
    optimizer, frozen = inner_optimizer(model.optimizer), is_frozen(settings, epoch)
    missed, before = state.get("frozen_updates", 0), int(optimizer.iterations)
    optimizer.frozen_updates = missed
    if set_frozen(model, frozen):
        print("The frontend is frozen" if frozen else "The frontend trains from now on", flush=True)
    yield
    if frozen:
        state["frozen_updates"] = missed + int(optimizer.iterations) - before


def set_frozen(model, frozen):
    """Freezes a network's frontend, or lets it train.

    Frozen layers take no gradients, which saves their time and memory, and batch norm there uses its statistics.

    Args:
        model: compiled `keras.Model`.
        frozen: bool.

    Returns:
        Whether that was a change.
    """
    layers = [layer for layer in frontend_layers(model) if layer.weights and layer.trainable == frozen]
    for layer in layers:
        layer.trainable = not frozen
    if layers:
        model.make_train_function(force=True)
    return bool(layers)
