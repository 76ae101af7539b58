"""Checkpoints are whole, carry settings and state, and bring everything back."""

import keras
import numpy as np
import pytest

from models import build_model
from utils.checkpoints import load_for_inference, read_checkpoint, restore, save_checkpoint
from utils.errors import RunError, UsageError
from utils.files import copy_file
from utils.losses import build_loss

SETTINGS = {"model": "tiny", "class_names": ["a", "ü"]}
STATE = {"epoch": 3, "step": 7}


def compiled(optimizer="adam"):
    model = build_model("tiny", 3)
    model.compile(optimizer=optimizer, loss=build_loss("cross_entropy", 3, [1.0, 2.0, 0.5]))
    return model


def batch(seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (2, 16, 16, 3), np.uint8), rng.integers(0, 3, (2, 16, 16), np.uint8)


def test_weights_optimizer_and_dropout_come_back(tmp_path):
    """Training goes on as if nothing had happened: the next step gives the same loss and the same weights."""
    path = tmp_path / "model.keras"
    model = compiled()
    model.train_on_batch(*batch())
    save_checkpoint(path, model, SETTINGS, STATE)
    again = compiled()
    settings, state = read_checkpoint(path)
    restore(path, again, state)
    assert settings == SETTINGS and {name: state[name] for name in STATE} == STATE
    assert int(again.optimizer.iterations) == 1
    assert again.train_on_batch(*batch(1)) == pytest.approx(model.train_on_batch(*batch(1)))
    for ours, theirs in zip(again.get_weights(), model.get_weights()):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_loading_for_inference_gives_the_same_logits(tmp_path):
    path = tmp_path / "model.keras"
    model = compiled()
    save_checkpoint(path, model, SETTINGS, STATE)
    loaded, settings = load_for_inference(path)
    assert settings == SETTINGS
    np.testing.assert_array_equal(loaded.predict_on_batch(batch()[0]), model.predict_on_batch(batch()[0]))


def test_a_failed_write_keeps_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    model = compiled()
    save_checkpoint(path, model, SETTINGS, STATE)
    before = path.read_bytes()

    def full(*arguments, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zipfile.ZipFile.writestr", full)
    with pytest.raises(RunError, match="No space left"):
        save_checkpoint(path, model, SETTINGS, {"epoch": 4})
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.keras"]


def test_copying_replaces_at_once(tmp_path):
    source, target = tmp_path / "a.keras", tmp_path / "b.keras"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    copy_file(source, target)
    assert target.read_bytes() == b"new" and len(list(tmp_path.iterdir())) == 2
    with pytest.raises(RunError):
        copy_file(tmp_path / "missing.keras", target)
    assert target.read_bytes() == b"new"


def test_another_optimizer_does_not_fit(tmp_path):
    path = tmp_path / "model.keras"
    model = compiled()
    model.train_on_batch(*batch())
    save_checkpoint(path, model, SETTINGS, STATE)
    with pytest.raises(UsageError, match="does not fit"):
        restore(path, compiled("sgd"), read_checkpoint(path)[1])


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 half of an archive"])
def test_damaged_files_are_named(tmp_path, content):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="model.keras is damaged"):
        load_for_inference(path)


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(UsageError, match="there is no checkpoint"):
        read_checkpoint(tmp_path / "missing.keras")
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "foreign.keras")
    with pytest.raises(UsageError, match="train.py did not write"):
        read_checkpoint(tmp_path / "foreign.keras")
