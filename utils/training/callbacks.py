"""What watches the training: interruptions, a loss that is no number, and progress."""

import contextlib
import math
import signal

import keras


class Interruption:
    """Whether someone asked to stop. `requested` is False until the first Ctrl-C or SIGTERM."""

    requested = False


@contextlib.contextmanager
def graceful_interruption():
    """Turns the first Ctrl-C or SIGTERM into a request, so that training ends with a checkpoint.

    The second one interrupts at once.

    Yields:
        `Interruption`.
    """
    interruption = Interruption()

    def request(signal_number, frame):
        if interruption.requested:
            raise KeyboardInterrupt
        interruption.requested = True
        print("\nStopping after this step, with a checkpoint. Press Ctrl-C again to stop at once.", flush=True)

    try:
        earlier = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread: signals do not arrive here
        earlier = {}
    try:
        yield interruption
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


class StepGuard(keras.callbacks.Callback):
    """Ends an epoch early when a stop was requested or the loss is not finite.

    A loss is looked at when the next step is on its way, so that an accelerator need not wait for the host.

    Args:
        interruption: `Interruption`.
        first_step: int, the number of steps of this epoch that were done before.

    Attributes:
        step: int, steps of this epoch that are done.
        bad_step: int, the first step after which the loss was seen not to be finite; None as long as it is.
    """

    def __init__(self, interruption, first_step=0):
        super().__init__()
        self.interruption = interruption
        self.first_step = self.step = first_step
        self.bad_step = None
        self._unseen = None

    def on_train_batch_end(self, batch, logs=None):
        self._look()
        self.step = self.first_step + batch + 1
        self._unseen = self.step, logs["loss"]
        if self.interruption.requested:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        self._look()

    def _look(self):
        step, loss = self._unseen or (None, 0.0)
        # The running mean of the epoch: not finite from the first such loss on.
        if self.bad_step is None and not math.isfinite(float(loss)):
            self.bad_step = step
            self.model.stop_training = True


class EpochProgress(keras.callbacks.Callback):
    """Shows steps, loss and mean IoU of an epoch.

    Like `StepGuard`, it looks at numbers when the next step is on its way, and only when the line is due.

    Args:
        progress: `Progress` of the epoch's steps.
        first_step: int, the number of steps of this epoch that were done before.
    """

    def __init__(self, progress, first_step=0):
        super().__init__()
        self.progress, self.first_step = progress, first_step
        self._unseen = None

    def on_train_batch_end(self, batch, logs=None):
        if self.progress.update(self.first_step + batch + 1) and self._unseen:
            self.progress.note = describe(self._unseen)
            self.progress.show()
        self._unseen = logs

    def on_epoch_end(self, epoch, logs=None):
        self.progress.note = describe(logs)


class StepwiseCallbacks(keras.callbacks.CallbackList):
    """A list of callbacks that get a step's numbers as they are.

    Keras's own fetches them all after each step, for which the host waits until an accelerator has finished it.
    """

    def on_train_batch_end(self, batch, logs=None):
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)


def log_name(name):
    """The name in the log of one of Keras's numbers: with auxiliary heads an output's name precedes its metric's."""
    return name.replace("logits_mean", "mean")


def describe(logs):
    """Loss and mean IoU as text."""
    values = {log_name(name): value for name, value in logs.items()}
    return f"loss {float(values['loss']):.4g}, mean IoU {100 * float(values['mean_iou']):.1f} %"
