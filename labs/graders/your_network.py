"""Graders of lab 10: decoder, training time, model card."""

import re

import numpy as np

from labs.checks import AnswerError
from labs.graders.compare import as_array, expect

CLASSES = 7
MOST_PARAMETERS = 5_000_000
SIZES = (64, 96), (65, 99)  # pixels


def grade_build_network(function):
    """Grades `build_network(end_points, num_classes)` by building it on MobileNetV3Small."""
    from utils.backend import import_backend

    import_backend("float32")
    import keras

    from frontends import build_frontend
    from frontends.layers import Preprocess

    images = keras.Input((None, None, 3))
    end_points = {**build_frontend(images, "MobileNetV3Small", None), "images": Preprocess("unit")(images)}
    logits = function(dict(end_points), CLASSES)
    if not isinstance(logits, keras.KerasTensor) or len(logits.shape) != 4:
        raise AnswerError(
            "build_network must return the logits, one tensor (B, h, w, C), not a model, a list or their pooled values"
        )
    if logits.shape[-1] != CLASSES:
        raise AnswerError(
            f"{logits.shape[-1]} channels at the end for {CLASSES} classes; use classifier(x, num_classes)"
        )
    model = keras.Model(images, logits)
    if model.count_params() > MOST_PARAMETERS:
        raise AnswerError(f"{model.count_params():,} parameters with the frontend, more than {MOST_PARAMETERS:,}")
    needed = {id(operation) for operation in model.operations}
    used = [level for level in sorted(end_points) if id(end_points[level]._keras_history.operation) in needed]
    direct = [level for level in used if level.startswith("pool") and _is_used_directly(model, end_points, level)]
    if len(direct) < 2:
        raise AnswerError("only one level of the frontend is used; fine borders and large context need at least two")
    for size in SIZES:
        try:
            found = np.asarray(model(np.random.default_rng(0).integers(0, 256, (1, *size, 3)).astype("float32")))
        except Exception as error:
            reason = str(error).splitlines()[0][:120]
            raise AnswerError(f"fails for images of {size[0]}x{size[1]} ({reason}); use resize_like") from error
        if found.shape[1] < size[0] // 16:
            raise AnswerError("the logits are coarser than stride 16; merge finer levels before the classifier")
        if (found >= 0).all() and np.allclose(found.sum(-1), 1, atol=1e-3):
            raise AnswerError("the outputs are probabilities; return logits, without softmax: the loss applies it")


def grade_epochs_within(function):
    """Grades `epochs_within(minutes, seconds_per_epoch, other_seconds)`."""
    found = float(as_array("epochs_within", function(10, 50.0, 40.0), ()))
    if np.isclose(found, 11.2):
        raise AnswerError("a part of an epoch is no epoch: round down to an integer")
    hints = [
        (12.0, "the other seconds are not subtracted from the time"),
        (13.0, "the other seconds are added; they leave less time for epochs"),
        (0.0, "minutes and seconds are mixed: 10 minutes are 600 seconds"),
    ]
    expect("epochs_within", found, 11.0, hints=hints, context="for 10 minutes, 50 s an epoch, 40 s for the rest")
    if function(1, 50.0, 90.0) < 0:
        raise AnswerError("the number is negative if the rest alone takes longer; it must be at least 0")
    expect("epochs_within", function(1, 50.0, 90.0), 0.0, context="when the rest takes longer than the limit")
    expect("epochs_within", function(0.5, 7.5, 0.0), 4.0, context="for half a minute and 7.5 s an epoch")


def grade_model_card(function):
    """Grades `model_card(name, dataset, split, mean_iou, class_iou, parameters, seed)`."""
    class_iou = {"Sky": 0.912, "Pole": 0.0874, "Fence": None, "Car": 0.5}
    card = function("mine", "Meadows", "holdout", 0.4126, dict(class_iou), 1234567, 3)
    if not isinstance(card, str):
        raise AnswerError(f"model_card returns {type(card).__name__}; it must return a str")
    if "41.3" not in card:
        if "0.41" in card:
            raise AnswerError("scores are percentages with one decimal: 41.3 %, not 0.4126")
        raise AnswerError("the mean IoU is not on the card")
    for fact, text in (("name", "mine"), ("dataset", "Meadows"), ("split", "holdout")):
        if text not in card:
            raise AnswerError(f"the {fact} is not on the card; a score without it cannot be compared")
    if not re.search(r"seed\D{0,3}3\b", card, re.IGNORECASE):
        raise AnswerError("the seed is not on the card")
    if not re.search(r"1[,.' ]?234[,.' ]?567|1\.2\d* ?(M|million)", card):
        raise AnswerError("the number of parameters is not on the card")
    if "91.2" not in card or "8.7" not in card:
        raise AnswerError("the IoU of each class is not on the card; users care for single classes")
    limits = [line for line in card.splitlines() if line.startswith("Limits:")]
    if not limits:
        raise AnswerError("no line begins with 'Limits:'; say where the network must not be relied on")
    if not re.search(r"weakest\D*Pole", card):
        raise AnswerError("the weakest class is Pole (Fence is absent, it has no IoU); name it as the weakest")


def _is_used_directly(model, end_points, level):
    """Returns whether the decoder, not only the frontend, takes a level's feature as input."""
    import keras

    frontend = keras.Model(model.input, [end_points[f"pool{n}"] for n in range(1, 6) if f"pool{n}" in end_points])
    inside = {id(operation) for operation in frontend.operations}
    tensor = end_points[level]
    return any(
        id(operation) not in inside and any(source is tensor for source in keras.tree.flatten(operation.input))
        for operation in model.operations
        if not isinstance(operation, keras.layers.InputLayer)
    )
