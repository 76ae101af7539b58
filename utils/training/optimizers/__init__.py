"""Optimizers and learning rate schedules."""

import functools
import types

import keras

from utils.training.optimizers.parameter_groups import by_part


@keras.saving.register_keras_serializable(package="suite")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Another schedule, or a constant, times a factor that first rises from 0 to 1 (Goyal 2017, 1706.02677).

    Args:
        schedule: `LearningRateSchedule`, or float.
        updates: int >= 1, after how many updates of the weights the factor is 1.
    """

    def __init__(self, schedule, updates):
        self.schedule, self.updates = schedule, updates

    def __call__(self, step):
        rate = self.schedule(step) if callable(self.schedule) else self.schedule
        # The first update has a share too: at 0 it would be none.
        factor = keras.ops.minimum((keras.ops.cast(step, "float32") + 1.0) / float(self.updates), 1.0)
        return keras.ops.cast(rate, "float32") * factor

    def get_config(self):
        schedule = self.schedule
        if callable(schedule):
            schedule = keras.saving.serialize_keras_object(schedule)
        return {"schedule": schedule, "updates": self.updates}

    @classmethod
    def from_config(cls, config):
        schedule = config["schedule"]
        if isinstance(schedule, dict):
            schedule = keras.saving.deserialize_keras_object(schedule)
        return cls(schedule, config["updates"])


def build_schedule(name, learning_rate, steps_per_epoch, num_epochs, warm_up=0.0):
    """Makes a learning rate schedule.

    Args:
        name: one of `choices.SCHEDULES`: "constant"; "exponential", times 0.995 an epoch (Tiramisu, 1611.09326);
            "poly", (1 - progress) ** 0.9 (DeepLab, 1606.00915); "cosine" to 0 (SGDR, 1608.03983).
        learning_rate: float, the first learning rate.
        steps_per_epoch: int or float, updates of the weights in an epoch.
        num_epochs: int.
        warm_up: float >= 0, epochs in which the learning rate also rises from 0.

    Returns:
        float, or a `keras.optimizers.schedules.LearningRateSchedule`.
    """
    if warm_up:
        course = build_schedule(name, learning_rate, steps_per_epoch, num_epochs)
        return WarmUp(course, max(1, round(steps_per_epoch * warm_up)))
    schedules = keras.optimizers.schedules
    updates = max(1, round(steps_per_epoch * num_epochs))
    if name == "exponential":
        return schedules.ExponentialDecay(learning_rate, steps_per_epoch, 0.995, staircase=True)
    if name == "poly":
        return schedules.PolynomialDecay(learning_rate, updates, end_learning_rate=0.0, power=0.9)
    if name == "cosine":
        return schedules.CosineDecay(learning_rate, updates)
    return learning_rate


def build_optimizer(name, learning_rate, weight_decay=0.0, accumulate=1, ema=0.0):
    """Makes an optimizer.

    Args:
        name: one of `choices.OPTIMIZERS`. "rmsprop" has the original suite's decay of 0.995; "sgd" has Nesterov
            momentum 0.9.
        learning_rate: float or schedule.
        weight_decay: float >= 0, decoupled; biases and batch-norm parameters are exempt.
        accumulate: int >= 1, steps whose mean gradient makes one update of the weights.
        ema: float from 0 to below 1, share of the past in the moving average of the weights, see `weight_average`;
            0 keeps none.

    Returns:
        `keras.optimizers.Optimizer`, also a `parameter_groups.ParameterGroupMixin`.
    """
    if keras.config.backend() == "tensorflow":
        from utils.training.optimizers import fused as optimizers
    else:
        optimizers = engine_free_optimizers()
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


@functools.cache
def engine_free_optimizers():
    """Keras's own optimizers, as attributes of one object."""
    return types.SimpleNamespace(**{name: by_part(name) for name in ("RMSprop", "Adam", "AdamW", "SGD")})


def current_learning_rate(optimizer):
    """float, the learning rate of the next step."""
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))
