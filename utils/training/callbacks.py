"""Training callbacks: graceful interruption, NaN guard, progress, validation by mean IoU."""

import contextlib
import math
import pathlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence

import keras

from models import inference_model
from utils.data.folder import find_dataset, list_pairs, other_labels, read_classes
from utils.data.image_format import ImageFormat
from utils.data.images import RGB_BYTES
from utils.data.verification import check_splits
from utils.evaluation.evaluate import evaluate
from utils.inference.keras_backend import KerasBackend
from utils.inference.predictor import Predictor
from utils.peers import ALONE, Peers
from utils.progress import Progress
from utils.training.optimizers.parameter_groups import inner_optimizer
from utils.training.validation_loss import LossBackend, LossPredictor, main_loss


class Validation(keras.callbacks.Callback):
    """Scores whole images of a dataset after each epoch of `fit`, as train.py does.

    Adds "val_mean_iou" and "val_global_accuracy", in 0..1, to the logs of the epoch, for callbacks after this one to
    monitor; and "val_loss" if a loss of `build_loss` trains the logits. Belongs after `PreciseBatchNorm` in the list.

    Args:
        dataset: a path, or a name looked for in `.` and `datasets/`.
        split: "train", "val" or "test".
        batch_size: images of equal size at once.
        every: epochs from one validation to the next.
        ignore_class: names of classes to leave out, as in training.
        unknown, label_format: see `ClassDict`.
        image_format: bands and value range of the images, such as `SegmentationDataset.image_format`.

    Raises:
        UsageError: if the dataset cannot be used.
    """

    def __init__(
        self,
        dataset: str | pathlib.Path,
        split: str = "val",
        batch_size: int = 1,
        every: int = 1,
        ignore_class: Sequence[str] = (),
        unknown: str = "error",
        image_format: ImageFormat = RGB_BYTES,
        label_format: str = "auto",
    ):
        super().__init__()
        folder = find_dataset(dataset)
        self.class_dict, self.pairs = (
            read_classes(folder, ignore_class, unknown, label_format),
            list_pairs(folder, split),
        )
        others = other_labels(folder, self.pairs)
        check_splits({split: self.pairs}, self.class_dict, other_labels=others, image_format=image_format)
        self.batch_size, self.every, self.image_format = batch_size, every, image_format
        self._predictor = None

    def on_train_begin(self, logs=None):
        network, loss, jit_compile = inference_model(self.model), main_loss(self.model), self.model.jit_compile
        if loss:
            self._predictor = LossPredictor(LossBackend(network, loss, jit_compile), self.batch_size)
        else:
            self._predictor = Predictor(KerasBackend(network, jit_compile), self.batch_size)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            backend = self._predictor.backend
            has_loss = isinstance(backend, LossBackend)
            if has_loss:
                backend.reset()
            evaluation = evaluate(self._predictor, self.pairs, self.class_dict, image_format=self.image_format)
            scores = evaluation.confusion.result()
            logs.update({f"val_{name}": scores[name] for name in ("mean_iou", "global_accuracy")})
            if has_loss:
                logs["val_loss"] = backend.mean_loss


class Interruption:
    """Request to stop training. `requested` is False until the first Ctrl-C or SIGTERM.

    Args:
        peers: the processes that train together. In several, `requested` becomes True in all at once, when they
            `agree`, so that none waits for another that has stopped.

    Attributes:
        signaled: whether this process received a signal.
    """

    def __init__(self, peers: Peers = ALONE):
        self.peers, self.signaled, self.requested = peers, False, False

    def signal(self) -> None:
        """Notes a signal."""
        self.signaled = True
        if self.peers.count == 1:
            self.requested = True

    def agree(self, is_due: bool = False, seconds: float = 0.0) -> tuple[bool, float]:
        """Requests a stop in all processes if one received a signal; all have to call it at the same step.

        Returns:
            Whether `is_due` is true in one of them, and the `seconds` of the first.
        """
        # A signal that comes meanwhile is noted for the next time.
        votes = self.peers.gather([self.signaled, is_due, seconds])
        self.requested = self.requested or any(signaled for signaled, _, _ in votes)
        return any(due for _, due, _ in votes), votes[0][2]


@contextlib.contextmanager
def graceful_interruption(peers: Peers = ALONE) -> Iterator[Interruption]:
    """Turns the first Ctrl-C or SIGTERM into a request, so that training stops with a checkpoint.

    The second one interrupts at once.

    Args:
        peers: the processes that train together.
    """
    interruption = Interruption(peers)

    def request(signal_number, frame):
        if interruption.signaled:
            raise KeyboardInterrupt
        interruption.signal()
        print("\nStopping after this step, with a checkpoint. Press Ctrl-C again to stop at once.", flush=True)

    try:
        handlers = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # signals arrive in the main thread only
        handlers = {}
    try:
        yield interruption
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


class StepGuard(keras.callbacks.Callback):
    """Ends an epoch early if a stop was requested, or if the loss or a gradient is not finite.

    The loss of a step is read after the next step was started, so that an accelerator does not wait for the host. What
    the optimizer noted about gradients (`FiniteGradientsMixin`) is read every few seconds and at the end of the epoch;
    where several processes train, which have to stop after the same step, at fixed steps.

    Args:
        interruption: `Interruption`.
        first_step: int, steps of this epoch that were done before.

    Attributes:
        step: int, steps of this epoch that are done.
        first_loss: float, loss of the logits in the first step that this guard has seen; None before.
        bad_step: int, the first step whose loss was found not to be finite; None if there is none.
        bad_gradients: `(step, variables)`, the first step with gradients that are not finite, and whose these are;
            None if there is none.
    """

    GRADIENT_SECONDS, GRADIENT_STEPS = 10.0, 100  # from one look at the gradients to the next

    def __init__(self, interruption, first_step=0):
        super().__init__()
        self.interruption = interruption
        self.first_step = self.step = first_step
        self.first_loss = self.bad_step = self.bad_gradients = None
        self._unread = self._optimizer = None
        self._next_look = time.monotonic() + self.GRADIENT_SECONDS

    def on_epoch_begin(self, epoch, logs=None):
        optimizer = inner_optimizer(self.model.optimizer)
        if hasattr(optimizer, "first_bad_gradients"):
            optimizer.forget_bad_gradients()
            self._optimizer, self._updates = optimizer, int(keras.ops.convert_to_numpy(optimizer.iterations))

    def on_train_batch_end(self, batch, logs=None):
        self._read_loss()
        self.step = self.first_step + batch + 1
        self._unread = self.step, logs["loss"], logs.get("logits_loss")
        if self.interruption.requested:
            self.model.stop_training = True
        is_alone = self.interruption.peers.count == 1
        if time.monotonic() >= self._next_look if is_alone else self.step % self.GRADIENT_STEPS == 0:
            self._read_gradients()

    def on_epoch_end(self, epoch, logs=None):
        self._read_loss()
        self._read_gradients()

    def _read_loss(self):
        if self._unread is None:
            return
        step, loss, logits_loss = self._unread
        loss = float(loss)
        if self.first_loss is None:
            self.first_loss = loss if logits_loss is None else float(logits_loss)
        # The running mean over the epoch: not finite from the first such loss on.
        if self.bad_step is None and not math.isfinite(loss):
            self.bad_step = step
            self.model.stop_training = True

    def _read_gradients(self):
        self._next_look = time.monotonic() + self.GRADIENT_SECONDS
        bad = self._optimizer and self.bad_gradients is None and self._optimizer.first_bad_gradients()
        if bad:
            self.bad_gradients = self.first_step + bad[0] - self._updates + 1, bad[1]
            self.model.stop_training = True


class EpochProgress(keras.callbacks.Callback):
    """Shows steps, loss and mean IoU of an epoch.

    Like `StepGuard`, it reads numbers after the next step was started, and only when the line is due.

    Args:
        progress: `Progress` of the epoch's steps.
        first_step: int, steps of this epoch that were done before.
        labeled_share: function from the number of steps that are done to the share of them with labeled pixels, see
            `SegmentationDataset.labeled_share`; None: all have some.
    """

    def __init__(self, progress: Progress, first_step: int = 0, labeled_share: Callable[[int], float] | None = None):
        super().__init__()
        self.progress, self.first_step = progress, first_step
        self.labeled_share = labeled_share or (lambda done: 1.0)
        self._unread, self._done = None, first_step

    def on_train_batch_end(self, batch, logs=None):
        if self.progress.update(self.first_step + batch + 1) and self._unread:
            self.progress.note = describe(mean_of_labeled(self._unread, self.labeled_share(self._done)))
            self.progress.show()
        self._unread, self._done = logs, self.first_step + batch + 1

    def on_epoch_end(self, epoch, logs=None):
        self.progress.note = describe(mean_of_labeled(logs, self.labeled_share(self._done)))


class StepwiseCallbacks(keras.callbacks.CallbackList):
    """List of callbacks that receive a step's numbers as tensors.

    Keras's own list converts them after each step, for which the host waits until an accelerator has finished it.
    """

    def on_train_batch_end(self, batch, logs=None):
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)


def log_name(name: str) -> str:
    """Returns the name in the log of one of Keras's numbers, without the prefix of networks with auxiliary heads."""
    return name.replace("logits_mean", "mean")


def mean_of_labeled(logs: dict, share: float) -> dict:
    """Turns mean losses over all steps into those over the steps with labeled pixels; the loss of the others is 0.

    Args:
        logs: Keras's numbers.
        share: of the steps with labeled pixels, 0..1.

    Returns:
        The same dict if all steps have labeled pixels, else another one; losses are None if none has.
    """
    if share == 1.0:
        return logs
    return {
        name: (float(value) / share if share else None) if name.endswith("loss") else value
        for name, value in logs.items()
    }


def describe(logs: dict) -> str:
    """Returns loss and mean IoU as text."""
    values = {log_name(name): value for name, value in logs.items()}
    loss = "of no labeled pixel" if values["loss"] is None else f"{float(values['loss']):.4g}"
    return f"loss {loss}, mean IoU {100 * float(values['mean_iou']):.1f} %"
