"""Agreement of several processes to end an epoch's steps after the same step."""

import time
from collections.abc import Callable

import keras

MOST_STEPS = 100  # from one question to the next


class AgreedStop(keras.callbacks.Callback):
    """Ends `fit` in all processes after the same step when one was asked to stop, or when a checkpoint is due.

    The processes ask each other about once a second, by the clock of the first one.

    Args:
        interruption: `callbacks.Interruption`.
        seconds: from a checkpoint to the next; 0: never.
        written: `clock()` when the last one was written.
        clock: function that returns seconds.
    """

    def __init__(self, interruption, seconds: float, written: float, clock: Callable[[], float] = time.monotonic):
        super().__init__()
        self.interruption, self.seconds, self.written, self.clock = interruption, seconds, written, clock
        self.interval = self._next = 1
        self._asked = clock()

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 < self._next:
            return
        now = self.clock()
        is_due, elapsed = self.interruption.agree(
            bool(self.seconds) and now - self.written >= self.seconds, now - self._asked
        )
        if is_due or self.interruption.requested:
            self.model.stop_training = True
        self._asked = self.clock()
        self.interval = max(1, min(MOST_STEPS, 2 * self.interval, round(self.interval / max(elapsed, 1e-3))))
        self._next = batch + 1 + self.interval
