"""Optimizers and learning rate schedules."""

import keras


def build_schedule(name, learning_rate, steps_per_epoch, num_epochs):
    """Makes a learning rate schedule.

    Args:
        name: one of `arguments.SCHEDULES`: "constant"; "exponential", times 0.995 an epoch (Tiramisu, 1611.09326);
            "poly", (1 - progress) ** 0.9 (DeepLab, 1606.00915); "cosine" to 0 (SGDR, 1608.03983).
        learning_rate: float, the first learning rate.
        steps_per_epoch, num_epochs: int.

    Returns:
        float, or a `keras.optimizers.schedules.LearningRateSchedule`.
    """
    schedules = keras.optimizers.schedules
    steps = steps_per_epoch * num_epochs
    if name == "exponential":
        return schedules.ExponentialDecay(learning_rate, steps_per_epoch, 0.995, staircase=True)
    if name == "poly":
        return schedules.PolynomialDecay(learning_rate, steps, end_learning_rate=0.0, power=0.9)
    if name == "cosine":
        return schedules.CosineDecay(learning_rate, steps)
    return learning_rate


def build_optimizer(name, learning_rate, weight_decay=0.0):
    """Makes an optimizer.

    Args:
        name: one of `arguments.OPTIMIZERS`. "rmsprop" has the original suite's decay of 0.995; "sgd" has Nesterov
            momentum 0.9.
        learning_rate: float or schedule.
        weight_decay: float >= 0, decoupled; biases and batch-norm parameters are exempt.

    Returns:
        `keras.optimizers.Optimizer`.
    """
    weight_decay = weight_decay or None
    if name == "rmsprop":
        optimizer = keras.optimizers.RMSprop(learning_rate, rho=0.995, weight_decay=weight_decay)
    elif name == "adam":
        optimizer = keras.optimizers.Adam(learning_rate, weight_decay=weight_decay)
    elif name == "adamw":
        optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=weight_decay or 0.0)
    else:
        optimizer = keras.optimizers.SGD(learning_rate, momentum=0.9, nesterov=True, weight_decay=weight_decay)
    if weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def current_learning_rate(optimizer):
    """float, the learning rate of the next step."""
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))

