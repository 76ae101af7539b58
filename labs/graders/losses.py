"""Graders of lab 7: cross entropy, median frequency balancing, soft Dice."""

import numpy as np

from labs.checks import AnswerError
from labs.graders.compare import as_array, cases, expect
from utils.data.class_weights import median_frequency_weights as reference_weights


def grade_cross_entropy(function):
    """Grades `cross_entropy(logits, labels, weights)`."""
    random = np.random.default_rng(0)
    logits, labels, ones = random.normal(size=(2, 3, 4)), np.array([[0, 1, 2], [3, 1, 1]], np.uint8), np.ones(4)
    entropy = _entropy(logits, labels)
    hints = [
        (entropy, "this is the loss of each pixel; return their mean, one number"),
        (entropy.sum(), "this is the sum over pixels; the mean does not depend on the size of the image"),
        (-entropy.mean(), "the sign is wrong: the loss is -log p, which is never negative"),
        (entropy.mean() / np.log(2), "this is the logarithm to base 2; the loss has the natural logarithm"),
        (np.exp(-entropy).mean(), "this is the mean probability; the loss is the mean of -log p"),
    ]
    if np.shape(found := function(logits.copy(), labels.copy(), ones)) == entropy.shape:
        raise AnswerError(hints[0][1])
    expect("cross_entropy", found, entropy.mean(), hints=hints[1:], context="for 6 pixels and 4 classes")
    weights = np.array([4.0, 1.0, 0.5, 2.0])
    of_pixels = weights[labels]
    hints = [
        ((of_pixels * entropy).mean(), "divide by the sum of the pixels' weights, not by the number of pixels"),
        ((of_pixels * entropy).sum() / weights.sum(), "divide by the sum of the pixels' weights, not of the classes'"),
        (entropy.mean(), "the class weights have no effect"),
    ]
    right = (of_pixels * entropy).sum() / of_pixels.sum()
    expect("cross_entropy", function(logits, labels, weights), right, hints=hints, context="with class weights")
    _grade_ignored(function, logits, labels, entropy)
    _grade_stability(function)
    for labels, _, classes in cases():
        if (labels == 255).all():
            continue
        logits, weights = 3 * random.normal(size=(*labels.shape, classes)), random.uniform(0.1, 5, classes)
        valid = labels != 255
        of_pixels = weights[labels[valid]]
        right = (of_pixels * _entropy(logits[valid], labels[valid])).sum() / of_pixels.sum()
        expect("cross_entropy", function(logits, labels, weights), right, context=f"for {classes} classes")


def _grade_ignored(function, logits, labels, entropy):
    """Grades cross entropy with two ignored pixels."""
    ignored, ones = labels.copy(), np.ones(4)
    ignored[0, 0] = ignored[1, 2] = 255
    valid = ignored != 255
    as_class_0 = _entropy(logits, np.where(valid, ignored, 0))
    try:
        found = function(logits, ignored, ones)
    except AnswerError as error:
        raise AnswerError(f"with label 255 it {error}; leave these pixels out before you index by class") from None
    hints = [
        (entropy[valid].sum() / 6, "ignored pixels count in the divisor: divide by what the labeled ones weigh"),
        (as_class_0.mean(), "ignored pixels count as class 0; they must have no effect"),
        (_entropy(logits, np.where(valid, ignored, 3)).mean(), "ignored pixels count as the last class"),
    ]
    expect("cross_entropy", found, entropy[valid].mean(), hints=hints, context="with two ignored pixels")


def _grade_stability(function):
    """Grades cross entropy of very large and very different logits."""
    label, ones = np.array([[0]], np.uint8), np.ones(2)
    with np.errstate(all="ignore"):
        found = float(as_array("cross_entropy", function(np.array([[[1000.0, 1000.0]]]), label, ones), ()))
        if not np.isfinite(found):
            raise AnswerError("exp(1000) overflows: subtract each pixel's largest logit first, p does not change")
        expect("cross_entropy", found, np.log(2), context="for logits of 1000 and 1000")
        found = float(as_array("cross_entropy", function(np.array([[[-800.0, 0.0]]]), label, ones), ()))
    if not np.isfinite(found):
        raise AnswerError("p of exp(-800) rounds to 0, its log to -inf: compute log p as logit - log(sum of exp)")
    if found < 700:
        raise AnswerError(f"logits -800 and 0 have the loss 800, not {found:.4g}; do not clip p, compute log p")
    expect("cross_entropy", found, 800.0, context="for logits of -800 and 0")


def grade_median_frequency_weights(function):
    """Grades `median_frequency_weights(pixels)`."""
    pixels = np.array([[60, 40, 0], [80, 10, 10], [90, 10, 0], [50, 50, 0]])
    frequency, everywhere = pixels.sum(0) / [400, 400, 100], pixels.sum(0) / pixels.sum()
    right = np.median(frequency) / frequency
    hints = [
        (
            np.median(everywhere) / everywhere,
            "the frequency of a class is its share of the pixels of those images in which it occurs, not of all",
        ),
        (1 / frequency, "these are inverse frequencies; multiply them by the median frequency"),
        (1 / everywhere, "these are inverse frequencies; multiply them by the median frequency"),
        (frequency / np.median(frequency), "the quotient is upside down: rare classes must get large weights"),
        (frequency.mean() / frequency, "this has the mean of the frequencies; take their median"),
        (frequency, "these are the frequencies; the weight is their median divided by each"),
    ]
    expect("median_frequency_weights", function(pixels.copy()), right, hints=hints, context="for 4 images")
    absent = np.array([[60, 40, 0, 0], [80, 10, 10, 0]])
    with np.errstate(all="ignore"):
        found = as_array("median_frequency_weights", function(absent.copy()), (4,))
    if not np.isfinite(found[3]):
        raise AnswerError(f"a class that never occurs has the weight {found[3]:g}; it must be 0, it has no pixels")
    right = reference_weights(absent)
    hint = "classes that never occur must not count in the median"
    frequency = np.array([140 / 200, 50 / 200, 10 / 100, 0])
    zero_counts = np.divide(np.median(frequency), frequency, out=np.zeros(4), where=frequency > 0)
    expect("median_frequency_weights", found, right, hints=[(zero_counts, hint)], context="with an absent class")
    random = np.random.default_rng(1)
    for _ in range(20):
        classes = int(random.integers(2, 13))
        pixels = random.integers(1, 999, (int(random.integers(1, 9)), classes))
        pixels *= random.random(pixels.shape) < 0.6
        pixels[0, 0] += 1
        right = reference_weights(pixels)
        expect("median_frequency_weights", function(pixels.copy()), right, 1e-5, context=f"for {classes} classes")


def grade_soft_dice(function):
    """Grades `soft_dice(probabilities, labels)`."""
    random = np.random.default_rng(2)
    labels, probabilities = np.array([[0, 0, 1], [0, 1, 0]], np.uint8), random.dirichlet(np.ones(3), (2, 3))
    truth = np.eye(3)[labels]
    overlap, size, total = ((x).sum((0, 1)) for x in (truth * probabilities, truth, probabilities))
    dice, iou = 2 * overlap / (size + total), overlap / (size + total - overlap)
    squares = 2 * overlap / (size + (probabilities**2).sum((0, 1)))
    hints = [
        (dice[:2].mean(), "this is the Dice score; the loss is 1 - score, 0 if everything is right"),
        (1 - dice.mean(), "class 2 is not in the labels and counts as 0; average over the classes in the labels"),
        (1 - iou[:2].mean(), "this is the soft IoU; Dice counts the overlap twice, above and below"),
        (1 - dice[:2].mean() / 2, "the factor 2 of the overlap is missing"),
        (1 - squares[:2].mean(), "the probabilities in the divisor are squared; here they are summed as they are"),
        (1 - 2 * overlap.sum() / 12, "this is one quotient for all classes; compute one for each, then their mean"),
        (1 - (dice[:2] * size[:2] / 6).sum(), "classes are weighted by their pixels; in the mean each counts the same"),
        (1 - (overlap / size.clip(1))[:2].mean(), "this has only the truth below: false positives must cost something"),
    ]
    found = function(probabilities.copy(), labels.copy())
    expect("soft_dice", found, 1 - dice[:2].mean(), hints=hints, context="for 6 pixels and 3 classes")
    ignored = labels.copy()
    ignored[0, 0] = ignored[1, 1] = 255
    valid = ignored != 255
    overlap, size = (x[valid].sum(0) for x in (truth * probabilities, truth))
    with_ignored = 1 - (2 * overlap / (size + total))[:2].mean()
    hint = "the probabilities of ignored pixels are in the divisor; leave these pixels out everywhere"
    try:
        found = function(probabilities, ignored)
    except AnswerError as error:
        raise AnswerError(f"with label 255 it {error}; leave these pixels out before you index by class") from None
    expect("soft_dice", found, _dice(probabilities, ignored), hints=[(with_ignored, hint)], context="with label 255")
    for labels, _, classes in cases(3):
        if (labels != 255).any():
            probabilities = random.dirichlet(np.ones(classes), labels.shape)
            right = _dice(probabilities, labels)
            expect("soft_dice", function(probabilities, labels), right, context=f"for {classes} classes")


def _entropy(logits, labels):
    """Returns -log p of the labels, an array of their shape."""
    chosen = np.take_along_axis(logits, labels[..., None].astype(int), -1)[..., 0]
    return np.logaddexp.reduce(logits, axis=-1) - chosen


def _dice(probabilities, labels):
    """Returns the soft Dice loss, class by class."""
    scores = []
    for index in np.unique(labels[labels != 255]):
        ours = probabilities[labels != 255][:, index]
        truth = labels[labels != 255] == index
        scores.append(2 * ours[truth].sum() / (ours.sum() + truth.sum()))
    return 1 - np.mean(scores)
