"""Checkpoints are complete and carry settings and state."""

import keras
import numpy as np
import pytest
from tiny_checkpoint import SETTINGS, STATE, batch, compiled

from utils.checkpoints import load_for_inference, save_checkpoint
from utils.errors import RunError, UsageError
from utils.settings import read_checkpoint


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
