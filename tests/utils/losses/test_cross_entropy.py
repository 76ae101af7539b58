import numpy as np
import pytest
from loss_reference import (
    WEIGHTS,
    case,
    logits_of,
    numpy_bootstrapped,
    numpy_ohem,
    pixel_losses,
    value,
    value_and_gradient,
)

from utils.losses import build_loss
from utils.losses.cross_entropy import Bootstrapped, CrossEntropy, Focal, OnlineHardExamples


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


def test_options_out_of_range():
    with pytest.raises(ValueError, match="at least 1 pixel"):
        Bootstrapped(4, pixels=0)
    with pytest.raises(ValueError, match="must be in 0..1, not 70"):
        OnlineHardExamples(4, probability=70)


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
