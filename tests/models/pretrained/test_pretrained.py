"""The network in models/pretrained/: size, settings, score, and its use by predict.py."""

import pathlib

import cv2
import numpy as np
import pytest

import predict
from utils.class_dict import ClassDict
from utils.run_folder import PRETRAINED
from utils.settings import read_checkpoint

STREET = pathlib.Path(__file__).parents[3] / "docs" / "images" / "street.jpg"


def test_size_and_settings():
    assert PRETRAINED.stat().st_size < 4_000_000
    settings, _ = read_checkpoint(PRETRAINED)
    assert settings["num_classes"] == 11 and settings["ignore_class"] == ["Unlabelled"]
    assert settings["dataset_path"] == settings["dataset"] == "CamVid"
    assert not [value for value in settings.values() if isinstance(value, str) and value.startswith("/")]


def test_predict_needs_no_checkpoint(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert predict.main(["--image", str(STREET), "--overlay"]) == 0
    assert "No checkpoint is given: the network in models/pretrained/ is used" in capsys.readouterr().out
    settings, _ = read_checkpoint(PRETRAINED)
    classes = ClassDict.from_dict(settings).encode(cv2.imread("predictions/street_pred.png")[..., ::-1])
    names = np.array(settings["class_names"])[np.argsort(-np.bincount(classes.ravel(), minlength=11))]
    assert classes.shape == cv2.imread(str(STREET)).shape[:2] and {"Road", "Building"} & set(names[:3])
    assert cv2.imread("predictions/street_overlay.png") is not None


def test_half_a_choice_of_a_checkpoint_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        predict.main(["--image", str(STREET), "--model", "custom"])
    assert "which checkpoint?" in capsys.readouterr().err


def test_score(camvid):
    """On every tenth test image: the whole split is scored by test.py, see models/pretrained/README.md."""
    from utils.data.checks import check_pairs
    from utils.data.folder import list_pairs, read_classes
    from utils.evaluation import evaluate
    from utils.inference import Predictor, load_trained

    backend, settings, _ = load_trained(PRETRAINED)
    classes = read_classes(camvid, settings["ignore_class"])
    pairs = list_pairs(camvid, "test")[::10]
    check_pairs(pairs, classes)
    scores = evaluate(Predictor(backend, 4), pairs, classes).confusion.result()
    assert scores["mean_iou"] > 0.55
