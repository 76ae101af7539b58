"""The network of a run as its settings describe it."""

import keras
import numpy as np
import pytest

from models import frontend_layers
from utils.cli.arguments import train_parser
from utils.losses import LOSSES
from utils.losses.auxiliary import AtHeadResolution, Border, Presence
from utils.losses.cross_entropy import OnlineHardExamples
from utils.losses.distillation import SoftCrossEntropy
from utils.metrics import ConfusionMatrix
from utils.training.build import auxiliary_heads, build_training_model, continue_schedule, output_names
from utils.training.optimizers import current_learning_rate


def settings(model, *more, num_classes=5):
    flags = ["--model", model, "--crop_height", "32", "--crop_width", "32", "--frontend", "MobileNetV3Small"]
    return {
        **vars(train_parser().parse_args([*flags, "--frontend_weights", "none", *more])),
        "num_classes": num_classes,
    }


def random_batch(shape=(2, 32, 32), num_classes=5, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, shape).astype(np.uint8)
    labels[rng.random(shape) < 0.2] = 255
    labels[labels == 4] = 3  # one class is at most predicted
    return rng.integers(0, 256, (*shape, 3), np.uint8), labels


def test_auxiliary_heads_have_outputs_and_losses():
    with_heads = settings("tiny-heads", "--loss", "ohem")
    assert output_names(with_heads) == ("logits", "auxiliary", "presence", "border")
    model = build_training_model(with_heads)
    assert tuple(model.output) == output_names(with_heads)
    kinds = {"logits": OnlineHardExamples, "auxiliary": AtHeadResolution, "presence": Presence, "border": Border}
    assert {name: type(loss) for name, loss in model.loss.items()} == kinds
    without = settings("tiny-heads", "--no_auxiliary")
    assert auxiliary_heads(without) == {} and output_names(without) == () == output_names(settings("tiny"))
    assert not isinstance(build_training_model(without).output, dict)


@pytest.mark.parametrize("loss", LOSSES)
def test_nothing_is_left_for_fit_to_build(loss):
    """Else Keras takes a batch of the data for it on backends other than TensorFlow."""
    model = build_training_model(settings("tiny", "--loss", loss))
    assert model._compile_loss.built and model._compile_metrics.built and model.optimizer.built
    assert not any(np.any(keras.ops.convert_to_numpy(variable)) for variable in model.metrics_variables)


@pytest.mark.parametrize("jit_compile", ["True", "False"])
def test_mean_iou_of_training_is_that_of_the_confusion_matrix(jit_compile):
    """Over all batches, without ignored pixels and absent classes."""
    model, confusion = build_training_model(settings("tiny", "--jit_compile", jit_compile)), ConfusionMatrix(5)
    batches = [random_batch(seed=seed) for seed in range(3)]
    for images, labels in batches:
        confusion.update(labels, np.asarray(model.predict_on_batch(images)).argmax(-1))
    images, labels = (np.concatenate(parts) for parts in zip(*batches))
    for _ in range(2):  # `evaluate` resets it
        logs = model.evaluate(images, labels, batch_size=2, verbose=0, return_dict=True)
        assert logs["mean_iou"] == pytest.approx(confusion.result()["mean_iou"], rel=1e-5)


def test_more_pixels_are_counted_than_half_precision_could():
    try:
        model = build_training_model(settings("tiny", "--mixed_precision", "float16"))
        assert model.output.dtype == "float32"
        images, labels = random_batch((2, 300, 300))
        model.evaluate(images, labels, verbose=0)
        (counts,) = [variable for variable in model.metrics_variables if variable.shape == (5, 5)]
        assert int(keras.ops.sum(counts)) == (labels != 255).sum() > 140_000
    finally:
        keras.mixed_precision.set_global_policy("float32")


def test_the_frontend_has_its_learning_rate():
    model = build_training_model(settings("tiny-frontend", "--frontend_learning_rate", "0.25"))
    frontend = {id(variable) for layer in frontend_layers(model) for variable in layer.trainable_variables}
    in_group = [model.optimizer._in_group(variable) for variable in model.trainable_variables]
    assert in_group == [id(variable) in frontend for variable in model.trainable_variables]
    assert any(in_group) and not all(in_group) and model.optimizer.factor == 0.25


def test_the_schedule_ends_with_the_last_step_under_accumulation():
    flags = ("--schedule", "poly", "--num_epochs", "3", "--accumulate", "2", "--learning_rate", "0.1")
    optimizer = build_training_model(settings("tiny", *flags), steps_per_epoch=8).optimizer
    for step, expected in ((0, 0.1), (12, 0.1 * 0.5**0.9), (24, 0.0)):
        optimizer.variables[0].assign(step)
        assert current_learning_rate(optimizer) == pytest.approx(expected)


def test_the_seed_decides_the_initialization():
    first, again, other = (
        build_training_model(settings("tiny", "--seed", seed)).get_weights() for seed in ("1", "1", "2")
    )
    assert all(np.array_equal(*pair) for pair in zip(first, again))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_schedule_continues_at_the_share_of_epochs_that_is_done(precision):
    """After 2 of 10 epochs of 5 steps, and with 20 steps per epoch from then on."""
    run_settings = settings("tiny", "--schedule", "poly", "--num_epochs", "10", "--mixed_precision", precision)
    rate = run_settings["learning_rate"]
    try:
        model = build_training_model(run_settings, steps_per_epoch=20)
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        optimizer.iterations.assign(10)
        state = {"epoch": 2, "step": 4, "schedule_shift": None}
        continue_schedule(model, run_settings, state, 20)
        assert current_learning_rate(optimizer) == pytest.approx(rate * (1 - 44 / 200) ** 0.9)
        assert state["schedule_shift"] == 34
        optimizer.iterations.assign(26)  # resumed once more, at the end of the epoch
        continue_schedule(model, run_settings, state, 20)
        assert current_learning_rate(optimizer) == pytest.approx(rate * (1 - 60 / 200) ** 0.9)
    finally:
        keras.mixed_precision.set_global_policy("float32")


@pytest.mark.parametrize("name", ["tiny", "tiny-heads"])
def test_soft_labels_of_weight_0_change_nothing(name):
    """And those of another weight do."""
    images, labels = random_batch()
    soft = np.random.default_rng(1).integers(0, 256, (*labels.shape, 5), np.uint8)
    trained = {}
    for weight in (None, 0.0, 0.5):
        run = settings(name) if weight is None else settings(name, "--soft_labels", "x", "--soft_weight", str(weight))
        model, names = build_training_model(run), output_names(run)
        assert ("soft" in names) == (weight is not None)
        targets = dict.fromkeys(names, labels) if names else labels
        model.train_on_batch(images, targets if weight is None else {**targets, "soft": soft})
        trained[weight] = [np.asarray(value) for value in model.trainable_variables]
    for plain, same in zip(trained[None], trained[0.0], strict=True):
        np.testing.assert_allclose(same, plain, atol=1e-6)
    assert max(np.abs(a - b).max() for a, b in zip(trained[None], trained[0.5])) > 1e-5


def test_soft_labels_add_an_output_and_a_loss():
    run = settings("tiny-heads", "--soft_labels", "x", "--soft_weight", "0.3")
    model = build_training_model(run)
    assert tuple(model.output) == output_names(run) == ("logits", "auxiliary", "presence", "border", "soft")
    assert model.output["soft"] is model.output["logits"] and isinstance(model.loss["soft"], SoftCrossEntropy)
    assert model._compile_loss.built and model._compile_metrics.built
