"""Checkpoints in the middle of an epoch: when one is due, and the running sums of loss and metrics that it holds."""

import time
from collections.abc import Callable

import keras
import numpy as np

from utils.replicas import assign_sum


def running_sums(model: keras.Model) -> list:
    """Returns the sums of loss and metrics over the steps of the epoch so far, as JSON types, for `RunningSums`."""
    return [keras.ops.convert_to_numpy(variable).tolist() for variable in model.metrics_variables]


class RunningSums(keras.callbacks.Callback):
    """Sets loss and metrics to sums of steps that were done before, so that an epoch's row counts all its steps.

    Args:
        sums: of `running_sums`; None begins with 0, as `fit` does.
    """

    def __init__(self, sums: list | None):
        super().__init__()
        self.sums = sums

    def on_epoch_begin(self, epoch, logs=None):
        variables, arrays = self.model.metrics_variables, [np.asarray(values) for values in self.sums or ()]
        # Not those of other metrics, as with another --loss.
        if [array.shape for array in arrays] == [tuple(variable.shape) for variable in variables]:
            for variable, array in zip(variables, arrays):
                assign_sum(variable, array)


class CheckpointTimer(keras.callbacks.Callback):
    """Ends `fit` after a step when the last checkpoint is too old.

    Args:
        seconds: from a checkpoint to the next; 0: never.
        written: `clock()` when the last one was written.
        clock: function that returns seconds.
    """

    def __init__(self, seconds: float, written: float, clock: Callable[[], float] = time.monotonic):
        super().__init__()
        self.seconds, self.written, self.clock = seconds, written, clock

    def on_train_batch_end(self, batch, logs=None):
        if self.seconds and self.clock() - self.written >= self.seconds:
            self.model.stop_training = True
