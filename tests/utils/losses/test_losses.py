import keras
import numpy as np
import pytest
from keras import ops

from utils.cli.choices import SMOOTHED_LOSSES
from utils.losses import LOSSES, build_loss
from utils.losses.cross_entropy import Bootstrapped, CrossEntropy, Focal, OnlineHardExamples, split_ignored
from utils.losses.region import CrossEntropyLovasz, Dice, Lovasz, strided_subsample

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
    if keras.backend.backend() == "jax":
        import jax

        result, gradient = jax.value_and_grad(lambda logits: loss(labels, logits))(ops.convert_to_tensor(logits))
        return float(result), np.asarray(gradient, np.float64)
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are taken with TensorFlow or JAX")
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
    losses = [1 - 2 * p[labels == c, c].sum() / ((labels == c).sum() + p[:, c].sum() or 1.0) for c in range(p.shape[1])]
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


def pixel_losses(labels, logits):
    """Labels and cross entropy of the valid pixels, both `(N,)`."""
    labels, p = probabilities_of(labels, logits)
    with np.errstate(divide="ignore"):
        return labels, -np.log(p[np.arange(len(labels)), labels])


def mean_of_hardest(images, weights):
    """Weighted mean over `(labels, losses, number)` of the number of hardest pixels of each."""
    total = divisor = 0.0
    for labels, losses, number in images:
        for pixel in np.argsort(-losses)[:number]:
            total += weights[labels[pixel]] * losses[pixel]
            divisor += weights[labels[pixel]]
    return total / divisor if divisor else 0.0


def numpy_cross_entropy_lovasz(labels, logits, weights, stride=3):
    chance, sampled = int(labels[labels != 255].astype(int).sum()), (labels, logits)
    for axis in (1, 2):
        size = labels.shape[axis]
        rows = [min(first + chance % stride, size - 1) for first in range(0, size, stride)]
        sampled = [np.take(array, rows, axis) for array in sampled]
        chance //= stride
    return (numpy_cross_entropy(labels, logits, weights) + numpy_lovasz(*sampled, weights)) / 2


def numpy_bootstrapped(labels, logits, weights, pixels=512 * 64):
    return mean_of_hardest([(*pixel_losses(*image), pixels) for image in zip(labels, logits)], weights)


def numpy_ohem(labels, logits, weights, probability=0.7, min_kept=1 / 16):
    labels, losses = pixel_losses(labels, logits)
    number = max(1, int(min_kept * len(labels)), np.sum(np.exp(-losses) <= probability))
    return mean_of_hardest([(labels, losses, number)], weights)


REFERENCES = {
    "cross_entropy": numpy_cross_entropy,
    "focal": lambda *arguments: numpy_cross_entropy(*arguments, gamma=2.0),
    "dice": numpy_dice,
    "lovasz": numpy_lovasz,
    "bootstrapped": numpy_bootstrapped,
    "ohem": numpy_ohem,
    "cross_entropy_lovasz": numpy_cross_entropy_lovasz,
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


def logits_of(probabilities):
    """Logits of two classes `(1, 1, N, 2)` from the probabilities of class 0."""
    p = np.asarray(probabilities, np.float64)
    return np.log(np.stack([p, 1 - p], axis=-1))[None, None].astype(np.float32)


def test_bootstrapped_by_hand():
    # Probabilities of the true class: .9 .2 .5 .4 .8, and .1 where nothing counts.
    labels, logits = np.array([[[0, 0, 1, 1, 0, 255]]]), logits_of([0.9, 0.2, 0.5, 0.6, 0.8, 0.1])
    for pixels, kept in ((1, [0.2]), (2, [0.2, 0.4]), (3, [0.2, 0.4, 0.5]), (5, [0.2, 0.4, 0.5, 0.8, 0.9])):
        expected = -np.log(kept).mean()
        assert value(Bootstrapped(2, pixels=pixels), labels, logits) == pytest.approx(expected, rel=1e-6)
    # Weights count in the mean and not in the choice.
    expected = -(3 * np.log(0.2) + np.log(0.4) + np.log(0.5)) / 5
    assert value(Bootstrapped(2, [3, 1], pixels=3), labels, logits) == pytest.approx(expected, rel=1e-6)
    assert value(Bootstrapped(2, [0, 1], pixels=1), labels, logits) == 0


def test_bootstrapped_chooses_in_each_image():
    # All pixels of the first image are harder than any of the second, and the third has only one that counts.
    labels = np.array([[[0, 0, 0]], [[0, 0, 0]], [[255, 0, 255]]])
    logits = np.concatenate([logits_of([0.1, 0.2, 0.3]), logits_of([0.9, 0.8, 0.7]), logits_of([0.01, 0.95, 0.01])])
    expected = -np.log([0.1, 0.2, 0.8, 0.7, 0.95]).mean()
    assert value(Bootstrapped(2, pixels=2), labels, logits) == pytest.approx(expected, rel=1e-6)


def test_ohem_by_hand():
    labels, logits = np.array([[[0, 0, 1, 1, 0, 255]]]), logits_of([0.9, 0.2, 0.5, 0.6, 0.8, 0.1])
    for probability, kept in ((0.7, [0.2, 0.4, 0.5]), (0.45, [0.2, 0.4]), (0.85, [0.2, 0.4, 0.5, 0.8])):
        expected = -np.log(kept).mean()
        loss = OnlineHardExamples(2, probability=probability)
        assert value(loss, labels, logits) == pytest.approx(expected, rel=1e-6)
    expected = -(3 * np.log(0.2) + np.log(0.4) + np.log(0.5)) / 5
    assert value(OnlineHardExamples(2, [3, 1]), labels, logits) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("min_kept, number", [(0.0, 1), (1 / 16, 2), (0.1, 4), (0.5, 20), (1.0, 40)])
def test_ohem_keeps_the_hardest_of_the_batch_at_least(min_kept, number):
    p = np.linspace(0.71, 0.99, 40)
    labels = np.concatenate([np.zeros((2, 1, 20)), np.full((1, 1, 20), 255)])
    logits = logits_of(np.concatenate([np.random.default_rng(0).permutation(p), np.full(20, 0.1)])).reshape(3, 1, 20, 2)
    expected = -np.log(p[:number]).mean()
    loss = OnlineHardExamples(2, min_kept=min_kept)
    assert value(loss, labels, logits) == pytest.approx(expected, rel=1e-5)


CHOOSERS = {
    "bootstrapped": (Bootstrapped, numpy_bootstrapped, {"pixels": 7}),
    "ohem": (OnlineHardExamples, numpy_ohem, {"probability": 0.2, "min_kept": 0.3}),
    "ohem at least": (OnlineHardExamples, numpy_ohem, {"probability": 0.01, "min_kept": 0.3}),
}


@pytest.mark.parametrize("name", CHOOSERS)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("options", [{}, {"ignored": 0.9, "seed": 3}, {"shape": (3, 9, 11)}, {"scale": 30.0}])
def test_chosen_pixels_are_those_of_numpy(name, weights, options):
    kind, reference, arguments = CHOOSERS[name]
    labels, logits = case(**options)
    expected = reference(labels, logits, weights or [1.0] * 4, **arguments)
    assert value(kind(4, weights, **arguments), labels, logits) == pytest.approx(expected, rel=2e-5, abs=1e-5)


@pytest.mark.parametrize("name", CHOOSERS)
def test_only_chosen_pixels_learn(name):
    kind, _, arguments = CHOOSERS[name]
    labels, logits = case(shape=(2, 10, 12))
    result, gradient = value_and_gradient(kind(4, WEIGHTS, **arguments), labels, logits)
    entropy = np.full(labels.shape, -1.0)
    entropy[labels != 255] = pixel_losses(labels, logits)[1]
    if name == "bootstrapped":
        kept = np.stack([image >= np.sort(image, axis=None)[-7] for image in entropy])
    else:
        least = np.sort(entropy, axis=None)[-int(0.3 * (labels != 255).sum())]
        kept = entropy >= min(least, -np.log(arguments["probability"]))
    assert 0 < kept.sum() < (labels != 255).sum()
    expected = value_and_gradient(CrossEntropy(4, WEIGHTS), np.where(kept, labels, 255), logits)
    assert result == pytest.approx(expected[0], rel=1e-6)
    assert (gradient[~kept] == 0).all() and np.allclose(gradient, expected[1], atol=1e-7)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize(
    "kind, arguments",
    [(Bootstrapped, {}), (Bootstrapped, {"pixels": 35}), (OnlineHardExamples, {"probability": 1.0}),
     (OnlineHardExamples, {"min_kept": 1.0})],
)  # fmt: skip
@pytest.mark.parametrize("options", [{}, {"ignored": 0.0}, {"ignored": 0.9}, {"scale": 100.0}])
def test_all_pixels_chosen_is_cross_entropy(kind, arguments, weights, options):
    labels, logits = case(**options)
    result, gradient = value_and_gradient(kind(4, weights, **arguments), labels, logits)
    expected = value_and_gradient(CrossEntropy(4, weights), labels, logits)
    assert result == expected[0] and (gradient == expected[1]).all()


@pytest.mark.parametrize("kind", [Bootstrapped, OnlineHardExamples])
def test_pixels_as_hard_as_the_last_join_it(kind):
    labels, logits = np.zeros((1, 1, 4)), logits_of([0.9, 0.9, 0.8, 0.9])
    loss = kind(2, **({"pixels": 2} if kind is Bootstrapped else {"min_kept": 0.5}))
    assert value(loss, labels, logits) == pytest.approx(-np.log([0.9, 0.9, 0.8, 0.9]).mean(), rel=1e-6)


@pytest.mark.parametrize("loss", [Bootstrapped(2, pixels=1), OnlineHardExamples(2, min_kept=0.0)])
@pytest.mark.parametrize("spoiled", [1, 3])
def test_a_spoiled_logit_is_not_passed_over(loss, spoiled):
    logits = logits_of([0.9, 0.1, 0.5])
    logits[0, 0, :spoiled] = np.nan
    assert np.isnan(value(loss, np.zeros((1, 1, 3)), logits))


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


def test_every_pixel_has_its_turn():
    """Rows and columns at the stride, from offsets that the labels decide; all of them come up, ignored ones count."""
    places = np.arange(7 * 8).reshape(1, 7, 8)
    logits, offsets = np.stack([places, -places], axis=-1).astype(np.float32), set()
    for seed in range(60):
        labels = np.random.default_rng(seed).integers(0, 4, (1, 7, 8))
        some, seen = (
            ops.convert_to_numpy(array)
            for array in strided_subsample(3, ops.convert_to_tensor(labels, "int32"), logits)
        )
        assert some.shape == (1, 3, 3) and seen.shape == (1, 3, 3, 2)
        row, column = divmod(int(seen[0, 0, 0, 0]), 8)
        rows, columns = (np.minimum(np.arange(3) * 3 + first, last) for first, last in ((row, 6), (column, 7)))
        np.testing.assert_array_equal(seen[0, ..., 0], places[0][np.ix_(rows, columns)])
        np.testing.assert_array_equal(some[0], labels[0][np.ix_(rows, columns)])
        offsets.add((row, column))
    assert len(offsets) == 9


def test_with_a_stride_of_1_lovasz_sees_all():
    labels, logits = case()
    expected = (value(CrossEntropy(4), labels, logits) + value(Lovasz(4), labels, logits)) / 2
    assert value(CrossEntropyLovasz(4, stride=1), labels, logits) == pytest.approx(expected, rel=1e-6)


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


@pytest.mark.parametrize("name", SMOOTHED_LOSSES)
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
    with pytest.raises(ValueError, match="label smoothing must be from 0 to below 1, not 1"):
        build_loss("ohem", 4, label_smoothing=1)
    with pytest.raises(ValueError, match="'hinge'") as error:
        build_loss("hinge", 4)
    assert all(name in str(error.value) for name in LOSSES)
    with pytest.raises(ValueError, match="3 class weights for 4 classes"):
        build_loss("dice", 4, [1, 2, 3])
    with pytest.raises(ValueError, match="at least 1 pixel"):
        Bootstrapped(4, pixels=0)
    with pytest.raises(ValueError, match="must be in 0..1, not 70"):
        OnlineHardExamples(4, probability=70)


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
    classes = [CrossEntropy, Focal, Dice, Lovasz, Bootstrapped, OnlineHardExamples, CrossEntropyLovasz]
    assert [type(build_loss(name, 2)) for name in LOSSES] == classes
