"""Collection during an evaluation: measures, images, and problems that lose no evaluation."""

import numpy as np
import pytest
from tiny_report import Brightest, evaluated

from utils.data.labels import read_pair
from utils.evaluation import evaluate
from utils.inference import Predictor
from utils.inference.augmented import softmax
from utils.report import Collector, collect


@pytest.fixture(scope="module")
def case(streets):
    return evaluated(streets)


def test_evaluation_is_the_same(case):
    class_dict, pairs, evaluation, _ = case
    plain = evaluate(Predictor(Brightest(), 2), pairs, class_dict)
    np.testing.assert_array_equal(evaluation.confusion.matrix, plain.confusion.matrix)
    assert evaluation.image_scores == plain.image_scores and evaluation.samples == plain.samples == []


def test_images(case):
    class_dict, pairs, evaluation, collector = case
    images = collector.images()
    assert collector.problem is None
    assert [image["name"] for image in images] == sorted(pair.name for pair in pairs)
    scores = {pair.name: scores for pair, scores in zip(pairs, evaluation.image_scores)}
    for image in images:
        assert image["mean_iou"] == pytest.approx(scores[image["name"]].mean_iou, abs=1e-4)
        assert (image["width"], image["height"], image["scale"]) == (96, 64, 1)
    pair = min(pairs, key=lambda pair: pair.name)
    photo, label = read_pair(pair.image, pair.label, class_dict)
    prediction = photo.argmax(-1)
    assert images[0]["truth"] == sorted(set(label.flat) - {255})
    for index, iou in images[0]["class_iou"].items():
        truth, predicted = label == index, (prediction == index) & (label != 255)
        assert iou == pytest.approx((truth & predicted).sum() / (truth | predicted).sum(), abs=1e-4)


def test_measures_are_those_of_all_images(case):
    class_dict, pairs, _, collector = case
    measures, count, error = collector.measures(), 0, []
    for pair in pairs:
        image, label = read_pair(pair.image, pair.label, class_dict)
        confidence = softmax(image / 20.0).max(-1)[label != 255]
        error.append(((image.argmax(-1) == label)[label != 255], confidence))
        count += (label != 255).sum()
    assert sum(measures["calibration"]["count"]) == count
    correct, confidence = (np.concatenate(parts) for parts in zip(*error))
    bins = np.ceil(confidence * 15)
    ece = sum(abs(correct[bins == b].sum() - confidence[bins == b].sum()) for b in range(16)) / count
    assert measures["calibration"]["ece"] == pytest.approx(ece, abs=1e-4)
    assert sum(measures["object_sizes"]["all"]["count"]) >= len(pairs)
    assert 0 < measures["border"]["pixels"] < count


def test_more_images_than_a_page_holds(case, monkeypatch):
    collector = case[3]
    images = collector.images()
    monkeypatch.setattr(collect, "MOST_IMAGES", 3)
    kept = [image["name"] for image in collector.images()]
    assert len(kept) == 3 and kept == sorted(kept)
    assert max(images, key=lambda image: image["suspicion"])["name"] in kept
    others = [image for image in images if image["name"] not in kept]
    assert all(min(images, key=lambda image: image["mean_iou"])["name"] != image["name"] for image in others)


def test_a_problem_ends_the_collection_alone(streets, case, monkeypatch):
    def broken(*_):
        raise ValueError("no room\nat all")

    class_dict, pairs, evaluation, _ = case
    monkeypatch.setattr(collect, "encode_photo", broken)
    collector = Collector(class_dict, len(pairs))
    again = evaluate(Predictor(Brightest(), keep="confidence"), pairs, class_dict, observe=collector)
    assert again.image_scores == evaluation.image_scores
    assert collector.problem == "ValueError: no room"
