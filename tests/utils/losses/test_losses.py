"""Properties of all losses, and the registry."""

import inspect
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops
from loss_reference import REFERENCES, WEIGHTS, case, logits_of, numerical_slopes, value, value_and_gradient

from models import Head
from utils.losses import LOSSES, build_loss
from utils.losses.auxiliary import build_losses
from utils.losses.cross_entropy import Bootstrapped, CrossEntropy, Focal, OnlineHardExamples
from utils.losses.region import CrossEntropyLovasz, Dice, Lovasz

SMOOTHED = [name for name, row in LOSSES.items() if row.smoothing]
HEADS = {"pixels": Head("pixels", 1.0), "presence": Head("presence", 1.0), "border": Head("border", 1.0)}
HEAD_SHAPES = {"pixels": (2, 3, 4), "presence": (2,), "border": (2, 3, 4)}
# Functions of the number of classes: every loss with the shape of its logits for labels `(2, 6, 7)`.
ALL = {
    **{name: lambda c, name=name: (build_loss(name, c), (2, 6, 7, c)) for name in LOSSES},
    **{f"{name} smoothed": lambda c, name=name: (build_loss(name, c, None, 0.1), (2, 6, 7, c)) for name in SMOOTHED},
    **{
        f"head {head}": lambda c, head=head: (build_losses(HEADS, "lovasz", c)[0][head], (*HEAD_SHAPES[head], c))
        for head in HEADS
    },
}


def test_every_loss_has_a_reference():
    assert set(LOSSES) == set(REFERENCES)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize(
    "options", [{}, {"ignored": 0.0}, {"ignored": 0.9, "seed": 3}, {"shape": (1, 1, 1), "ignored": 0, "num_classes": 4},
                {"shape": (3, 2, 2), "seed": 4}, {"scale": 30.0, "seed": 5}]
)  # fmt: skip
def test_losses_are_what_numpy_says(name, weights, options):
    labels, logits = case(**options)
    expected = REFERENCES[name](labels, logits, weights or [1.0] * 4)
    assert value(build_loss(name, 4, weights), labels, logits) == pytest.approx(expected, rel=2e-5, abs=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_result_is_a_float32_scalar_for_any_labels_and_logits(name):
    labels, logits = case()
    loss = build_loss(name, 4)
    expected = value(loss, labels, logits)
    for dtype in ("uint8", "int32", "int64", "float32"):
        result = loss(labels.astype(dtype), logits)
        assert tuple(result.shape) == () and keras.backend.standardize_dtype(result.dtype) == "float32"
        assert float(result) == pytest.approx(expected, rel=1e-6)
    for dtype, tolerance in (("float16", 2e-3), ("bfloat16", 2e-2)):
        result = loss(labels, ops.cast(logits, dtype))
        assert keras.backend.standardize_dtype(result.dtype) == "float32"
        assert float(result) == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype, num_classes", [("float16", 4), ("bfloat16", 4), ("float32", 1), ("float32", 2)])
def test_huge_logits_give_finite_losses_and_gradients(name, dtype, num_classes):
    """Logits of +-1e4, mixed, equal and all wrong; labels of all classes, of one class, and all ignored."""
    rng = np.random.default_rng(0)
    loss, shape = ALL[name](num_classes)
    mixed = rng.integers(0, num_classes, (2, 6, 7)).astype(np.uint8)
    mixed[rng.random(mixed.shape) < 0.2] = 255
    signs = rng.choice([-1e4, 1e4], shape).astype(np.float32)
    one_class, ignored = np.full_like(mixed, num_classes - 1), np.full_like(mixed, 255)
    for labels, logits in ((mixed, signs), (mixed, 0 * signs - 1e4), (one_class, one_hot(shape)), (ignored, signs)):
        result, gradient = value_and_gradient(loss, labels, ops.cast(logits, dtype))
        assert np.isfinite(result) and np.isfinite(gradient).all()
        assert labels is not ignored or result == 0 and not gradient.any()


def one_hot(shape):
    """Logits that are sure of class 0."""
    return np.where(np.arange(shape[-1]) == 0, 1e4, -1e4) * np.ones(shape, np.float32)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_ignored_pixels_have_no_effect(name, weights):
    labels, logits = case()
    loss = build_loss(name, 4, weights)
    ignored = labels == 255
    result, gradient = value_and_gradient(loss, labels, logits)
    assert (gradient[ignored] == 0).all() and (gradient[~ignored] != 0).any()
    changed = logits.copy()
    changed[ignored] = 50 * np.random.default_rng(9).standard_normal((ignored.sum(), 4))
    other, other_gradient = value_and_gradient(loss, labels, changed)
    assert other == pytest.approx(result, rel=1e-6)
    assert np.allclose(gradient, other_gradient, rtol=1e-5, atol=1e-8)
    # Nor has it an effect how many there are.
    more = np.concatenate([labels, np.full_like(labels, 255)]), np.concatenate([logits, logits])
    assert value(loss, *more) == pytest.approx(result, rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weights", [None, WEIGHTS, [0.0] * 4])
def test_nothing_to_learn_gives_0_and_no_gradient(name, weights):
    labels, logits = case()
    if weights != [0.0] * 4:
        labels = np.full_like(labels, 255)
    result, gradient = value_and_gradient(build_loss(name, 4, weights), labels, logits)
    assert result == 0 and (gradient == 0).all()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("certainty", [20.0, 200.0])
def test_perfect_prediction_is_near_0_and_the_opposite_is_not(name, certainty):
    labels, _ = case()
    right = certainty * (labels[..., None] == np.arange(4)).astype(np.float32)
    result, gradient = value_and_gradient(build_loss(name, 4), labels, right)
    assert 0 <= result < 1e-5 and np.isfinite(gradient).all() and np.abs(gradient).max() < 1e-5
    wrong = np.roll(right, 1, axis=-1)
    result, gradient = value_and_gradient(build_loss(name, 4), labels, wrong)
    assert result > 0.9 and np.isfinite(gradient).all()


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_the_slopes(name):
    """Against differences of the NumPy loss in float64."""
    labels, logits = case(shape=(1, 2, 3), seed=2)
    _, gradient = value_and_gradient(build_loss(name, 4, WEIGHTS), labels, logits)
    for position, slope in numerical_slopes(REFERENCES[name], labels, logits, WEIGHTS):
        assert gradient[position] == pytest.approx(slope, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_for_any_size(name, jit_compile):
    """In a graph that knows neither the number nor the size of the images."""
    labels, logits = case()
    loss, engine = build_loss(name, 4, WEIGHTS), keras.backend.backend()
    if engine == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec([None] * 3, "uint8"), tf.TensorSpec([None] * 3 + [4], "float32")]
        compiled = tf.function(lambda *inputs: loss(*inputs), signature, jit_compile=jit_compile)
    elif engine == "jax":
        import jax

        compiled = jax.jit(lambda labels, logits: loss(labels, logits))
    else:
        pytest.skip("compiles with TensorFlow or JAX")
    for size in (7, 4):
        images = labels[:, :, :size], logits[:, :, :size]
        assert float(compiled(*images)) == pytest.approx(value(loss, *images), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weights", [None, WEIGHTS, np.array(WEIGHTS, np.float32)])
def test_config_round_trip(name, weights):
    labels, logits = case()
    loss = build_loss(name, 4, weights)
    expected = value(loss, labels, logits)
    assert loss.name == name
    again = type(loss).from_config(loss.get_config())
    restored = keras.losses.deserialize(keras.losses.serialize(loss))
    for copy in (again, restored):
        assert type(copy) is type(loss) and copy.get_config() == loss.get_config()
        assert value(copy, labels, logits) == expected


@pytest.mark.parametrize(
    "loss",
    [
        Focal(4, gamma=3.5),
        Bootstrapped(4, pixels=9),
        OnlineHardExamples(4, probability=0.5, min_kept=0.25),
        CrossEntropyLovasz(4, stride=5, label_smoothing=0.1),
    ],
)
def test_options_are_kept(loss):
    config = keras.losses.deserialize(keras.losses.serialize(loss)).get_config()
    assert config == loss.get_config()
    options = {"gamma": 3.5, "pixels": 9, "probability": 0.5, "min_kept": 0.25, "stride": 5}
    assert any(config.get(option) == chosen for option, chosen in options.items())


@pytest.mark.parametrize("name", SMOOTHED)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_smoothed_labels_are_a_little_of_every_class(name, weights):
    """Against the cross entropy of each class as the truth, pixel by pixel."""
    labels, logits = case()
    plain, smoothed = build_loss(name, 4, weights), build_loss(name, 4, weights, label_smoothing=0.2)
    if name == "cross_entropy":
        entropies = logsumexp(logits)[..., None] - logits  # (B, H, W, C)
        valid = labels != 255
        truth = 0.8 * np.eye(4)[labels[valid]] + 0.2 / 4
        factors = np.asarray(weights or [1.0] * 4)[labels[valid]]
        expected = (factors * (truth * entropies[valid]).sum(axis=-1)).sum() / factors.sum()
        assert value(smoothed, labels, logits) == pytest.approx(expected, rel=1e-5)
    assert value(smoothed, labels, logits) != pytest.approx(value(plain, labels, logits), rel=1e-3)
    again = keras.losses.deserialize(keras.losses.serialize(smoothed))
    assert value(again, labels, logits) == value(smoothed, labels, logits)
    # The best prediction of two classes is no longer the one that is sure, but 0.85 and 0.15.
    certain = logits_of([0.85] * 3)
    _, gradient = value_and_gradient(build_loss(name, 2, label_smoothing=0.3), np.zeros((1, 1, 3)), certain)
    assert np.abs(gradient).max() < 1e-6 or name == "cross_entropy_lovasz"


def logsumexp(logits):
    return np.log(np.exp(logits.astype(np.float64)).sum(axis=-1))


def test_errors():
    with pytest.raises(ValueError, match="label smoothing is for cross_entropy, .* not for dice"):
        build_loss("dice", 4, label_smoothing=0.1)
    for share in (-0.1, 1):
        with pytest.raises(ValueError, match=f"label smoothing must be from 0 to below 1, not {share}"):
            build_loss("ohem", 4, label_smoothing=share)
    with pytest.raises(ValueError, match="'hinge'") as error:
        build_loss("hinge", 4)
    assert all(name in str(error.value) for name in LOSSES)
    with pytest.raises(ValueError, match="3 class weights for 4 classes"):
        build_loss("dice", 4, [1, 2, 3])


@pytest.fixture
def mixed_float16():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("name", LOSSES)
def test_training_in_mixed_precision(name, mixed_float16):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, 6, 6, 3)).astype(np.uint8)
    labels = (images[..., 0] > 127).astype(np.uint8)
    labels[:, 0] = 255
    inputs = keras.Input((None, None, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    model = keras.Model(inputs, keras.layers.Conv2D(2, 1)(x))
    assert model.output.dtype == "float16"
    model.compile(optimizer=keras.optimizers.SGD(0.5), loss=build_loss(name, 2, [1.0, 2.0]), jit_compile=False)
    losses = model.fit(images, labels, batch_size=8, epochs=15, verbose=0, shuffle=False).history["loss"]
    assert np.isfinite(losses).all() and losses[-1] < 0.8 * losses[0]
    logits = model.predict(images, verbose=0)
    expected = value(type(model.loss)(2, [1.0, 2.0]), labels, logits.astype(np.float32))
    assert model.evaluate(images, labels, batch_size=8, verbose=0) == pytest.approx(expected, rel=1e-2)


def test_registry():
    classes = [CrossEntropy, Focal, Dice, Lovasz, Bootstrapped, OnlineHardExamples, CrossEntropyLovasz]
    assert [type(build_loss(name, 2)) for name in LOSSES] == classes
    for row, loss_class in zip(LOSSES.values(), classes):
        assert row.smoothing == ("label_smoothing" in inspect.signature(loss_class).parameters) or loss_class is Focal
        assert re.fullmatch(r"\w+ \d{4}, \d{4}\.\d{4,5}", row.paper)


def test_the_registry_imports_no_keras():
    code = "import sys, utils.losses; assert 'keras' not in sys.modules and list(utils.losses.LOSSES)"
    subprocess.run([sys.executable, "-c", code], check=True)
