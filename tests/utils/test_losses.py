import keras
import numpy as np
import pytest
from keras import ops

from utils.losses import LOSSES, CrossEntropy, Dice, Focal, Lovasz, build_loss, split_ignored

WEIGHTS = [0.5, 2.0, 0.0, 1.25]


def case(seed=0, shape=(2, 5, 7), num_classes=4, ignored=0.2, scale=2.0):
    """Random labels (some ignored) and logits."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, shape).astype(np.uint8)
    labels[rng.random(shape) < ignored] = 255
    return labels, (scale * rng.standard_normal((*shape, num_classes))).astype(np.float32)


def value(loss, labels, logits):
    return float(loss(labels, logits))


def value_and_gradient(loss, labels, logits):
    """The loss and its gradient by the logits."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are taken with TensorFlow")
    import tensorflow as tf

    logits = tf.convert_to_tensor(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        result = loss(labels, logits)
    return float(result), tape.gradient(result, logits).numpy().astype(np.float64)


# The same in NumPy, in float64, with loops, straight from the papers.


def probabilities_of(labels, logits):
    """Valid pixels only: labels `(N,)` and probabilities `(N, C)`."""
    valid = labels != 255
    logits = logits[valid].astype(np.float64)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return labels[valid].astype(int), exponentials / exponentials.sum(axis=1, keepdims=True)


def numpy_cross_entropy(labels, logits, weights, gamma=0.0):
    labels, probabilities = probabilities_of(labels, logits)
    total = divisor = 0.0
    for label, p in zip(labels, probabilities):
        total += weights[label] * (1 - p[label]) ** gamma * -np.log(p[label])
        divisor += weights[label]
    return total / divisor if divisor else 0.0


def weighted_mean(values, labels, weights):
    present = sorted(set(labels.tolist()))
    divisor = sum(weights[c] for c in present)
    return sum(weights[c] * values[c] for c in present) / divisor if divisor else 0.0


def numpy_dice(labels, logits, weights):
    labels, p = probabilities_of(labels, logits)
    losses = [
        1 - 2 * p[labels == c, c].sum() / ((labels == c).sum() + p[:, c].sum() or 1.0) for c in range(p.shape[1])
    ]
    return weighted_mean(losses, labels, weights)


def jaccard_loss(mispredicted, truth):
    """The set function of the paper, equation 5: of the set of mispredicted pixels, for one class."""
    return mispredicted.sum() / (truth | mispredicted).sum()


def lovasz_extension(errors, truth):
    """Equation 9 by its definition: errors in decreasing order times the set function's growth."""
    order = np.argsort(-errors)
    chosen, total, before = np.zeros(len(errors), bool), 0.0, 0.0
    for pixel in order:
        chosen[pixel] = True
        now = jaccard_loss(chosen, truth)
        total += errors[pixel] * (now - before)
        before = now
    return total


def numpy_lovasz(labels, logits, weights):
    labels, p = probabilities_of(labels, logits)
    losses = [lovasz_extension(np.abs((labels == c) - p[:, c]), labels == c) if (labels == c).any() else 0.0
              for c in range(p.shape[1])]  # fmt: skip
    return weighted_mean(losses, labels, weights)


REFERENCES = {
    "cross_entropy": numpy_cross_entropy,
    "focal": lambda *arguments: numpy_cross_entropy(*arguments, gamma=2.0),
    "dice": numpy_dice,
    "lovasz": numpy_lovasz,
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


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_low_precision_logits_stay_finite(name, dtype):
    labels, logits = case(shape=(1, 64, 64), scale=1.0)
    logits = ops.cast(logits * 1e4, dtype)
    result, gradient = value_and_gradient(build_loss(name, 4), labels, logits)
    assert np.isfinite(result) and np.isfinite(gradient).all()


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
    reference, step = REFERENCES[name], 1e-6
    for position in np.ndindex(logits.shape):
        moved = [logits.astype(np.float64) for _ in range(2)]
        moved[0][position] += step
        moved[1][position] -= step
        slope = (reference(labels, moved[0], WEIGHTS) - reference(labels, moved[1], WEIGHTS)) / (2 * step)
        assert gradient[position] == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_weighted_cross_entropy_by_hand():
    # Probabilities of the true class: 3/4, 1/4, 1/2; weights 1, 3, 3; the fourth pixel is ignored.
    labels = np.array([[[0, 1, 1, 255]]])
    logits = np.log(np.array([[[[3, 1], [3, 1], [1, 1], [1, 9]]]], np.float32))
    expected = (np.log(4 / 3) + 3 * np.log(4) + 3 * np.log(2)) / 7
    assert value(build_loss("cross_entropy", 2, [1, 3]), labels, logits) == pytest.approx(expected, rel=1e-6)
    assert value(build_loss("cross_entropy", 2), labels, logits) == pytest.approx(np.log(32 / 3) / 3, rel=1e-6)


def test_cross_entropy_does_not_saturate():
    labels, logits = np.zeros((1, 1, 1)), np.array([[[[-500.0, 500.0]]]], np.float32)
    result, gradient = value_and_gradient(build_loss("cross_entropy", 2), labels, logits)
    assert result == pytest.approx(1000.0) and gradient.ravel().tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_focal_with_gamma_0_is_cross_entropy(weights):
    labels, logits = case()
    focal, cross_entropy = (
        value_and_gradient(loss, labels, logits) for loss in (Focal(4, weights, gamma=0.0), CrossEntropy(4, weights))
    )
    assert focal[0] == pytest.approx(cross_entropy[0], rel=1e-6)
    assert np.allclose(focal[1], cross_entropy[1], atol=1e-7)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_focal_has_finite_gradients_at_certainty(gamma):
    labels = np.array([[[0, 1, 1]]])
    logits = np.array([[[[300.0, 0.0], [0.0, 300.0], [0.0, 20.0]]]], np.float32)
    result, gradient = value_and_gradient(Focal(2, gamma=gamma), labels, logits)
    assert np.isfinite(result) and np.isfinite(gradient).all()


def test_focal_fades_easy_pixels():
    easy, hard = np.array([[[[4.0, 0.0]]]], np.float32), np.array([[[[0.0, 4.0]]]], np.float32)
    labels, ratios = np.zeros((1, 1, 1)), []
    for logits in (easy, hard):
        ratios.append(value(Focal(2), labels, logits) / value(CrossEntropy(2), labels, logits))
    p = 1 / (1 + np.exp(-4))
    assert ratios == pytest.approx([(1 - p) ** 2, p**2], rel=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_lovasz_of_hard_predictions_is_one_minus_iou(seed):
    rng = np.random.default_rng(seed)
    labels, predictions = rng.integers(0, 4, (2, 2, 6, 5))
    labels[rng.random(labels.shape) < 0.2] = 255
    logits = 100 * (predictions[..., None] == np.arange(4)).astype(np.float32)
    valid, losses = labels != 255, []
    for c in range(4):
        truth, predicted = (labels == c) & valid, (predictions == c) & valid
        if truth.any():
            losses.append(1 - (truth & predicted).sum() / (truth | predicted).sum())
            assert losses[-1] == pytest.approx(jaccard_loss((truth ^ predicted)[valid], truth[valid]))
    assert value(build_loss("lovasz", 4), labels, logits) == pytest.approx(np.mean(losses), abs=1e-5)


def test_lovasz_is_over_the_whole_batch_and_in_any_order():
    labels, logits = case(shape=(4, 3, 3))
    loss = build_loss("lovasz", 4)
    order = np.random.default_rng(0).permutation(36)
    shuffled = labels.reshape(36)[order].reshape(1, 6, 6), logits.reshape(36, 4)[order].reshape(1, 6, 6, 4)
    assert value(loss, labels, logits) == pytest.approx(value(loss, *shuffled), rel=1e-5)


def test_lovasz_takes_ties_of_errors():
    labels = np.array([[[0, 1, 0, 1]]])
    assert value(build_loss("lovasz", 2), labels, np.zeros((1, 1, 4, 2), np.float32)) == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["dice", "lovasz"])
def test_absent_classes_are_out_of_the_mean(name):
    labels = np.array([[[0, 0, 0, 0]]])
    logits = np.zeros((1, 1, 4, 2), np.float32)
    # Probability 1/2 everywhere: Dice 2 * 2 / (4 + 2); every error 1/2.
    assert value(build_loss(name, 2), labels, logits) == pytest.approx({"dice": 1 / 3, "lovasz": 0.5}[name])


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


def test_gamma_is_kept():
    loss = keras.losses.deserialize(keras.losses.serialize(Focal(4, gamma=3.5)))
    assert loss.gamma == 3.5


def test_errors():
    with pytest.raises(ValueError, match="'hinge'") as error:
        build_loss("hinge", 4)
    assert all(name in str(error.value) for name in LOSSES)
    with pytest.raises(ValueError, match="3 class weights for 4 classes"):
        build_loss("dice", 4, [1, 2, 3])


def test_split_ignored():
    labels, valid = split_ignored(np.array([[[0, 3, 255]]], np.uint8))
    assert ops.convert_to_numpy(labels).tolist() == [[[0, 3, 0]]]
    assert ops.convert_to_numpy(valid).tolist() == [[[True, True, False]]]


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


def test_classes_are_named():
    assert [type(build_loss(name, 2)) for name in LOSSES] == [CrossEntropy, Focal, Dice, Lovasz]
