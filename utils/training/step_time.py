"""Training step time of a compiled network, measured on real or generated batches.

`measure_step_time` trains for a few steps and then puts every variable back, so that a training that follows is the
same bit for bit. The traced step is kept: the training need not trace it again.
"""

import contextlib
import gc
import time
from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np

from utils.data.bad_samples import raise_failures

MEASURED_STEPS = 5  # after the first one, which includes tracing


class StepTime(NamedTuple):
    """Measured step time of a training.

    Attributes:
        seconds: median seconds of a step, reading its batch included.
        first_seconds: seconds of the first step, with tracing and, with XLA, compilation.
    """

    seconds: float
    first_seconds: float


class StepTimes(keras.callbacks.Callback):
    """Callback that records the end of each step, with its loss fetched as the NaN guard of train.py does.

    Args:
        steps: int, number of steps after which `fit` ends; None: at the end of the data.
        seconds: float, time after which `fit` ends, if at least two calls of the step function are done.

    Attributes:
        times: list of seconds, ends of calls of the step function.
        done: list of int, number of steps done at these times.
    """

    def __init__(self, steps=None, seconds=float("inf")):
        super().__init__()
        self.steps, self.seconds = steps, seconds
        self.times, self.done, self.start = [], [], None

    def on_train_begin(self, logs=None):
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])
        self.times.append(time.perf_counter())
        self.done.append(batch + 1)
        is_late = self.times[-1] - self.start > self.seconds and len(self.times) > 1
        if is_late or self.steps and self.done[-1] >= self.steps:
            self.model.stop_training = True

    def seconds_per_step(self) -> list[float]:
        """Returns the seconds per step of each call but the first."""
        return (np.diff(self.times) / np.diff(self.done)).tolist()


class RepeatedBatch(keras.utils.PyDataset):
    """Dataset of the same batch `steps` times."""

    def __init__(self, batch, steps):
        super().__init__()
        self.batch, self.steps = batch, steps

    def __len__(self):
        return self.steps

    def __getitem__(self, step):
        return self.batch


def random_batch(settings: dict, outputs: tuple = (), channels: int = 3) -> tuple:
    """Generates uint8 images `(B, H, W, channels)` and labels `(B, H, W)`, or a dict of labels by names of outputs.

    Args:
        settings: "batch_size", "crop_height", "crop_width" and "num_classes".
        outputs: names of the network's outputs, if it has more than one.
        channels: of the images.
    """
    rng = np.random.default_rng(0)
    shape = (settings["batch_size"], settings["crop_height"], settings["crop_width"])
    images = rng.integers(0, 256, (*shape, channels), np.uint8)
    labels = rng.integers(0, settings["num_classes"], shape).astype(np.uint8)
    return images, dict.fromkeys(outputs, labels) if outputs else labels


def training_seconds(model: keras.Model, batch: tuple, steps: int) -> list[float]:
    """Trains on one batch and measures the seconds of all `steps` but the first, which includes the start of `fit`."""
    times = StepTimes()
    model.fit(RepeatedBatch(batch, steps), shuffle=False, verbose=0, callbacks=[times])
    return np.diff(times.times).tolist()


def measure_step_time(
    model: keras.Model, data: keras.utils.PyDataset | tuple, seconds: float = 10.0, steps: int = MEASURED_STEPS
) -> StepTime:
    """Measures the time of a training step, and leaves weights, optimizer, random seeds and metrics as they were.

    Args:
        model: compiled, of `build_training_model`.
        data: `SegmentationDataset`, whose first batches are used, or one batch `(images, labels)`, such as of
            `random_batch`.
        seconds: time after which no further step begins; tracing and two calls of the step function are always done.
        steps: largest number of steps to measure.

    Returns:
        `StepTime`. From data of a single batch it is that of the batch, repeated.
    """
    function_steps = model.steps_per_execution
    wanted = (1 + -(-steps // function_steps)) * function_steps
    if isinstance(data, tuple) or len(data) < 2 * function_steps:
        data = RepeatedBatch(data if isinstance(data, tuple) else data[0], wanted)
    times = StepTimes(wanted, seconds)
    with unchanged_variables(model), raise_failures(data):
        model.fit(data, shuffle=False, verbose=0, callbacks=[times])
    gc.collect()  # batches read ahead, which Keras keeps in a reference cycle
    return StepTime(float(np.median(times.seconds_per_step())), times.times[0] - times.start)


@contextlib.contextmanager
def unchanged_variables(model: keras.Model) -> Iterator[None]:
    """Restores all variables of a compiled network at the end of the context: weights, optimizer, seeds, metrics."""
    variables = {id(variable): variable for variable in [*model.variables, *model.optimizer.variables]}.values()
    values = [keras.ops.convert_to_numpy(variable).copy() for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        model.reset_metrics()
