"""Learning rate schedules: constant, exponential, polynomial, cosine, each with an optional warm-up or a time limit."""

import keras


@keras.saving.register_keras_serializable(package="suite")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule, or a constant, times a factor that first rises linearly to 1 (Goyal 2017, 1706.02677).

    Args:
        schedule: `LearningRateSchedule`, or float.
        updates: int >= 1, training steps after which the factor is 1.
    """

    def __init__(self, schedule, updates):
        self.schedule, self.updates = schedule, updates

    def __call__(self, step):
        rate = self.schedule(step) if callable(self.schedule) else self.schedule
        # The first step has a factor above 0, or it would be lost.
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


@keras.saving.register_keras_serializable(package="suite")
class ShiftedSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule at another step, for trainings that continue with another number of steps per epoch.

    Args:
        schedule: `LearningRateSchedule`.
        shift: int, added to the number of each training step.
    """

    def __init__(self, schedule, shift):
        self.schedule, self.shift = schedule, shift

    def __call__(self, step):
        return self.schedule(keras.ops.add(step, self.shift))

    def get_config(self):
        return {"schedule": keras.saving.serialize_keras_object(self.schedule), "shift": self.shift}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["schedule"]), config["shift"])


@keras.saving.register_keras_serializable(package="suite")
class TimedSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule whose progress is set from outside, for trainings that end at a given time.

    "poly" and "cosine" follow `progress`; "constant" and "exponential" do not depend on the end. Progress and warm-up
    are variables, so that a traced training step sees new values. They belong to no optimizer: checkpoints are the same
    with and without.

    Args:
        name, learning_rate, steps_per_epoch: as in `build_schedule`.
        progress: float, 0..1.
        warm_up: float, training steps in which the learning rate also rises from 0.
    """

    LENGTH = 2**16  # steps of the schedule that are stretched over the progress

    def __init__(self, name, learning_rate, steps_per_epoch, progress=0.0, warm_up=0.0):
        self.name, self.steps_per_epoch = name, steps_per_epoch
        self.follows_progress = name in ("poly", "cosine")
        self.set_learning_rate(learning_rate)
        self.progress, self.warm_up = (
            keras.Variable(value, trainable=False, dtype="float32") for value in (progress, warm_up)
        )

    def set_learning_rate(self, learning_rate: float) -> None:
        """Sets the initial learning rate, which a step that is traced already does not see."""
        self.learning_rate = learning_rate
        length = (self.LENGTH, 1) if self.follows_progress else (self.steps_per_epoch, 1)
        self._schedule = build_schedule(self.name, learning_rate, *length)

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        position = self.progress * float(self.LENGTH) if self.follows_progress else step
        rate = self._schedule(position) if callable(self._schedule) else self._schedule
        return rate * keras.ops.minimum((step + 1.0) / keras.ops.maximum(self.warm_up, 1.0), 1.0)

    def get_config(self):
        names = ("name", "learning_rate", "steps_per_epoch")
        variables = {name: float(keras.ops.convert_to_numpy(getattr(self, name))) for name in ("progress", "warm_up")}
        return {**{name: getattr(self, name) for name in names}, **variables}


def build_schedule(
    name: str, learning_rate: float, steps_per_epoch: float, num_epochs: int, warm_up: float = 0.0
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Builds a learning rate schedule.

    Args:
        name: one of `choices.SCHEDULES`: "constant"; "exponential", times 0.995 per epoch (Tiramisu, 1611.09326);
            "poly", (1 - progress) ** 0.9 (DeepLab, 1606.00915); "cosine" to 0 (SGDR, 1608.03983).
        learning_rate: the initial learning rate.
        steps_per_epoch: training steps per epoch, also where several make one update of the weights.
        num_epochs: epochs until the end of the schedule.
        warm_up: epochs, >= 0, in which the learning rate also rises from 0.

    Returns:
        float for a constant learning rate, else a `LearningRateSchedule`.
    """
    if warm_up:
        schedule = build_schedule(name, learning_rate, steps_per_epoch, num_epochs)
        return WarmUp(schedule, max(1, round(steps_per_epoch * warm_up)))
    schedules = keras.optimizers.schedules
    steps = max(1, round(steps_per_epoch * num_epochs))
    if name == "exponential":
        return schedules.ExponentialDecay(learning_rate, steps_per_epoch, 0.995, staircase=True)
    if name == "poly":
        return schedules.PolynomialDecay(learning_rate, steps, end_learning_rate=0.0, power=0.9)
    if name == "cosine":
        return schedules.CosineDecay(learning_rate, steps)
    return learning_rate
