"""Divergence of a training: numbers that are no longer finite, losses far above chance, outputs of one class."""

import keras
import numpy as np

from utils.errors import DivergedError
from utils.finite import check_finite
from utils.metrics import ConfusionMatrix
from utils.training.callbacks import StepGuard
from utils.training.optimizers.parameter_groups import inner_optimizer
from utils.training.validation_loss import main_loss

LOSS_FACTOR = (
    10.0  # above the loss of a uniform prediction and that of the first step, a loss is that of a network of noise
)
LEAST_SCALE = 2.0**-10  # of the loss in float16: gradients that overflow below do not come from the scale


def check_epoch(model: keras.Model, guard: StepGuard, epoch: int, losses: dict, state: dict) -> None:
    """Checks the numbers of an epoch's steps.

    Args:
        model: compiled `keras.Model`.
        guard: of these steps.
        epoch: number of the epoch.
        losses: mean losses over the steps, with "loss" and maybe "logits_loss"; None without labeled pixels.
        state: state of the training; "first_loss", the loss of the logits in its first step, is added.

    Raises:
        DivergedError: naming layer and step, if a loss, a gradient, a weight or a number of the optimizer is not
            finite, if no gradient fits into float16, or if the loss is far above that of a uniform prediction.
    """
    bad_step, bad_gradients = guard.bad_step, guard.bad_gradients
    if bad_gradients and (bad_step is None or bad_gradients[0] <= bad_step):
        step, variables = bad_gradients
        # Gradients flow from the last layer to the first: the last one is nearest to the cause.
        also = "the loss and " if step == bad_step else ""
        raise DivergedError(
            f"{also}the gradient of {variables[-1].path} and {len(variables) - 1} others are no longer finite in epoch "
            f"{epoch}, step {step}"
        )
    if bad_step is not None:
        raise DivergedError(f"the loss is no longer finite in epoch {epoch}, step {bad_step}{_first_layer(model)}")
    where = f"after epoch {epoch}, step {guard.step}"
    try:
        check_finite(model)
    except DivergedError as error:
        raise DivergedError(f"{error}, {where}") from None
    if float(keras.ops.convert_to_numpy(getattr(model.optimizer, "dynamic_scale", 1.0))) < LEAST_SCALE:
        raise DivergedError(f"the gradients of all steps overflow in float16 {where}, at any scale of the loss")
    loss = losses.get("logits_loss", losses["loss"])
    if loss is None or guard.first_loss is None or main_loss(model) is None:
        return
    chance, first_loss = uniform_loss(model), state.setdefault("first_loss", guard.first_loss)
    if loss > LOSS_FACTOR * max(chance, first_loss):
        raise DivergedError(
            f"the loss of epoch {epoch} is {loss:.3g}, far above {chance:.3g}, that of a uniform prediction, and "
            f"{first_loss:.3g}, that of the first step"
        )


def _first_layer(model):
    """Names the first weight that is not finite, as the end of a sentence; "" if all are finite."""
    try:
        check_finite(model)
    except DivergedError as error:
        return f"; {error}"
    return ""


def uniform_loss(model: keras.Model) -> float:
    """Computes the loss of equal logits for all classes: ln C for a cross entropy."""
    loss = main_loss(model)
    classes = loss.num_classes
    labels = np.arange(classes, dtype=np.uint8).reshape(1, classes, 1)
    return float(loss.call(labels, np.zeros((1, classes, 1, classes), np.float32)))


def count_updates(model: keras.Model) -> int:
    """Returns the number of updates of the weights so far. In float16, steps whose gradients overflow make none."""
    return int(keras.ops.convert_to_numpy(inner_optimizer(model.optimizer).iterations))


def describe_overflow(model: keras.Model, steps: int, updates: int, epoch: int) -> str:
    """Describes an epoch without an update, as the gradients of all steps overflow in float16; "" for others.

    Args:
        model: compiled `keras.Model`.
        steps, updates: of the epoch.
        epoch: its number.
    """
    if updates or not steps or not hasattr(model.optimizer, "dynamic_scale"):
        return ""
    return (
        f"no step of epoch {epoch} changed a weight: the gradients of all {steps} overflow in float16. The first few "
        "steps of a training may; if it goes on, lower --learning_rate, or train with --mixed_precision bfloat16"
    )


def describe_noise(model: keras.Model, log: list[dict], constant_accuracy: float | None = None) -> str:
    """Describes a training whose best network knows no more than chance; "" for others.

    Args:
        model: compiled `keras.Model`.
        log: rows of log.csv.
        constant_accuracy: of the most frequent class for all validation pixels, 0..1; None if it is not known.
    """
    rows = [row for row in log if row.get("val_mean_iou") is not None]
    if not rows or main_loss(model) is None:
        return ""
    best = max(rows, key=lambda row: row["val_mean_iou"])
    ious = [value for name, value in best.items() if name.startswith("val_iou_") and value is not None]
    chance, loss, faults = uniform_loss(model), best.get("val_loss"), []
    if loss is not None and loss > chance:
        faults.append(f"its validation loss {loss:.3g} is above {chance:.3g}, that of a uniform prediction")
    if len(ious) > 1 and np.count_nonzero(ious) < 2:
        faults.append(f"it finds {np.count_nonzero(ious)} of {len(ious)} classes")
    accuracy = best.get("val_global_accuracy")
    if None not in (accuracy, constant_accuracy) and len(ious) > 1 and accuracy <= constant_accuracy:
        faults.append(f"its accuracy {accuracy:.1%} is not above the {constant_accuracy:.1%} of one class everywhere")
    if not faults:
        return ""
    return (
        f"the best network knows little more than chance: {', and '.join(faults)}. Train longer, or lower "
        "--learning_rate, see --find_learning_rate"
    )


def constant_accuracy(confusion: ConfusionMatrix) -> float | None:
    """Returns the accuracy of a network that gives the most frequent class to all pixels, 0..1; None without labels."""
    truth = confusion.matrix.sum(axis=1)
    return float(truth.max() / truth.sum()) if truth.sum() else None


def constant_prediction(confusion: ConfusionMatrix) -> str:
    """Describes a network that gives one class to all pixels, though the labels have several; "" for others."""
    truth, predicted = confusion.matrix.sum(axis=1), confusion.matrix.sum(axis=0)
    if np.count_nonzero(truth) < 2 or np.count_nonzero(predicted) != 1:
        return ""
    return (
        f"every validation pixel is predicted as {confusion.class_names[int(predicted.argmax())]}: the network tells "
        "nothing apart. If that stays so, lower --learning_rate, see --find_learning_rate"
    )
