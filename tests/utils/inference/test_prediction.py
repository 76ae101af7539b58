"""What a prediction has, draws and writes."""

import cv2
import numpy as np
import pytest

from utils import notices
from utils.class_dict import ClassDict
from utils.inference import Prediction
from utils.inference.scored import Scored

CLASSES = ClassDict(["Red", "Green", "Blue"], [(250, 0, 0), (0, 250, 0), (0, 0, 250)])
INDICES = np.repeat(np.array([[1, 1, 1, 2]], np.uint8), 40, 0).repeat(20, 1)
CONFIDENCE = np.where(INDICES == 2, 0.5, 0.9).astype(np.float16)


@pytest.fixture
def prediction():
    calls = []

    def probabilities(image):
        calls.append(image.shape)
        return np.zeros((*image.shape[:2], 3), np.float16)

    made = Prediction(
        "street", np.full((40, 80, 3), 100, np.uint8), Scored(INDICES, CONFIDENCE), CLASSES, probabilities
    )
    made.calls = calls
    return made


def test_shares_and_unknown_pixels(prediction):
    assert prediction.shares == {"Green": 75.0, "Blue": 25.0} and list(prediction.shares)[0] == "Green"
    assert repr(prediction) == "Prediction(street, 80x40: Green 75.0 %, Blue 25.0 %)"
    unsure = prediction.with_unknown(0.6)
    assert unsure.shares == {"Green": 75.0, "unknown": 25.0}
    np.testing.assert_array_equal(unsure.classes == 255, INDICES == 2)
    assert (prediction.classes == INDICES).all()


def test_probabilities_are_predicted_once_and_only_if_they_are_used(prediction):
    assert not prediction.calls
    assert prediction.probabilities.shape == (40, 80, 3) and prediction.probabilities is prediction.probabilities
    assert prediction.calls == [(40, 80, 3)]


def test_overlay(prediction, tmp_path):
    drawn = prediction.overlay(tmp_path / "a.png", outlines=False)
    assert drawn.shape[0] > 40 and (drawn[0, 0] == (50, 175, 50)).all()
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a.png"))[..., ::-1], drawn)
    assert (prediction.overlay(alpha=0.0, outlines=False)[:40] == 100).all()
    assert (prediction.overlay()[:40] != drawn[:40]).any()


def test_files_are_those_of_the_command(prediction, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(notices, "_told", set())
    folder = prediction.save(tmp_path / "new" / "folder")
    assert sorted(path.name for path in folder.iterdir()) == ["street_overlay.png", "street_pred.png"]
    assert not capsys.readouterr().err
    prediction.with_unknown(0.6).save(folder, overlay=False, indices=True, confidence=True, probabilities=True)
    assert "replaced" in capsys.readouterr().err
    assert len(list(folder.iterdir())) == 5
    indices, gray = (cv2.imread(str(folder / f"street_{kind}.png"), -1) for kind in ("indices", "confidence"))
    np.testing.assert_array_equal(indices, np.where(INDICES == 2, 255, INDICES))
    assert set(gray.ravel().tolist()) == {128, 230} or set(gray.ravel().tolist()) == {128, 229}
