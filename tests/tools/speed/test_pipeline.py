"""Benchmark cases of the data pipeline."""

from tools.speed.pipeline import scoring_case
from utils.metrics import confusion_matrix, image_scores


def test_scoring_case_is_mostly_right():
    prediction, label = scoring_case(100, 32)
    assert prediction.shape == label.shape == (100, 100) and label.max() < 32
    assert 0.8 < image_scores(confusion_matrix(label, prediction, 32)).accuracy < 0.95
