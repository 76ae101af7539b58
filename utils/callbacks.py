"""What watches the training: interruptions and a loss that is no number."""

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

    Args:
        interruption: `Interruption`.
        first_step: int, the number of steps of this epoch that were done before.

    Attributes:
        step: int, steps of this epoch that are done.
        loss_is_finite: bool.
    """

    def __init__(self, interruption, first_step=0):
        super().__init__()
        self.interruption = interruption
        self.step = first_step
        self.loss_is_finite = True

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        # The running mean of the epoch: not finite from the first such loss on.
        self.loss_is_finite = math.isfinite(float(logs["loss"]))
        if self.interruption.requested or not self.loss_is_finite:
            self.model.stop_training = True
