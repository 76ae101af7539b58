"""Checkpoints of version 1.0 still load, predict the same, and resume.

`checkpoints/tiny_heads.keras` holds 60 epochs of "tiny-heads" with AdamW, an average of the weights and all three kinds
of auxiliary heads. `checkpoints/custom_mobilenetv3small.keras` is a compact checkpoint of a real network and frontend,
whose kernels are -s, 0 and s at random, so that it is small. Never regenerate them: they stand for the files that users
have.
"""

import csv
import pathlib
import shutil

import numpy as np
import pytest

import train
from utils.checkpoints import load_for_inference
from utils.inference.loading import load_trained
from utils.settings import read_checkpoint

CHECKPOINT = pathlib.Path(__file__).parent / "checkpoints" / "tiny_heads.keras"


@pytest.fixture(scope="module")
def expected():
    """The image, its class indices `(H, W)`, and every eighth row and column of its logits, from version 1.0."""
    return np.load(CHECKPOINT.with_name("tiny_heads_expected.npz"))


def test_predictions_are_the_same(expected):
    backend, settings, class_dict = load_trained(CHECKPOINT)
    assert settings["model"] == "tiny-heads" and class_dict.class_names == settings["class_names"]
    images = expected["image"][None]
    np.testing.assert_array_equal(backend.classes(images)[0], expected["classes"])
    np.testing.assert_allclose(backend.logits(images)[0, ::8, ::8], expected["logits"], atol=1e-4)


def test_keras_itself_loads_it(expected):
    model, _ = load_for_inference(CHECKPOINT)
    logits = np.asarray(model(expected["image"][None]))[0, ::8, ::8]
    np.testing.assert_allclose(logits, expected["logits"], atol=1e-4)


def test_a_compact_checkpoint_of_a_real_network_predicts_the_same():
    """Logits of about 1, at every fourth row and column."""
    path = CHECKPOINT.with_name("custom_mobilenetv3small.keras")
    assert path.stat().st_size < 200_000
    backend, settings, class_dict = load_trained(path)
    assert settings["frontend"] == "MobileNetV3Small" and class_dict.class_names == ["Sky", "Road", "Car"]
    expected = np.load(path.with_name("custom_mobilenetv3small_expected.npz"))
    logits = backend.logits(expected["image"][None])[0, ::4, ::4]
    np.testing.assert_allclose(logits, expected["logits"], atol=1e-4)


@pytest.mark.usefixtures("blank_plots")
def test_training_resumes(streets, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    latest = pathlib.Path("checkpoints/latest_model_tiny-heads_Streets.keras")
    latest.parent.mkdir()
    shutil.copy(CHECKPOINT, latest)
    arguments = ["--model", "tiny-heads", "--dataset", str(streets), "--continue_training", "--num_epochs", "62"]
    assert train.main(arguments) == 0
    assert f"Continuing from {latest}: epoch 60, step 0" in capsys.readouterr().out
    before, after = read_checkpoint(CHECKPOINT)[1]["log"], read_checkpoint(latest)[1]["log"]
    assert after[:60] == before and [row["epoch"] for row in after] == list(range(62))
    with open("checkpoints/tiny-heads_Streets/log.csv", newline="") as file:
        assert [float(row["loss"]) for row in csv.DictReader(file)] == [row["loss"] for row in after]
    # The weights, not only the optimizer's step, went on from where they were.
    assert max(row["loss"] for row in after[60:]) < np.mean([row["loss"] for row in before[:5]])
