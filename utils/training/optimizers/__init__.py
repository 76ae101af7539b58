"""Optimizers with parameter groups, an average of the weights and learning rate schedules."""

import keras

from utils.training.optimizers.schedules import build_schedule

__all__ = ["build_optimizer", "build_schedule", "current_learning_rate"]


def build_optimizer(
    name: str,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
    weight_decay: float = 0.0,
    accumulate: int = 1,
    ema: float = 0.0,
) -> keras.optimizers.Optimizer:
    """Builds an optimizer.

    Args:
        name: one of `choices.OPTIMIZERS`. "rmsprop" has the original suite's decay of 0.995; "sgd" has Nesterov
            momentum 0.9.
        learning_rate: float or schedule.
        weight_decay: >= 0, decoupled; biases and batch-norm parameters are exempt.
        accumulate: steps >= 1 whose mean gradient makes one update of the weights.
        ema: momentum of the average of the weights, from 0 to below 1, see `ema.py`; 0: no average.
    """
    if keras.config.backend() == "tensorflow":
        from utils.training.optimizers import fused as optimizers
    else:
        from utils.training.optimizers import keras_optimizers as optimizers
    common = {"weight_decay": weight_decay or None}
    if accumulate > 1:
        common["gradient_accumulation_steps"] = accumulate
    if ema:
        common |= {"use_ema": True, "ema_momentum": ema}
    if name == "rmsprop":
        optimizer = optimizers.RMSprop(learning_rate, rho=0.995, **common)
    elif name == "adam":
        optimizer = optimizers.Adam(learning_rate, **common)
    elif name == "adamw":
        optimizer = optimizers.AdamW(learning_rate, **{**common, "weight_decay": weight_decay})
    else:
        optimizer = optimizers.SGD(learning_rate, momentum=0.9, nesterov=True, **common)
    if weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def current_learning_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """Returns the learning rate of the next step."""
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))
