"""Checkpoints are complete and carry settings and state."""

import io
import re
import zipfile

import h5py
import keras
import numpy as np
import pytest
from tiny_checkpoint import SETTINGS, STATE, batch, compiled

from utils.checkpoints import load_for_inference, save_checkpoint, update_checkpoint
from utils.errors import RunError, UsageError
from utils.settings import read_checkpoint
from utils.training.resume import restore_training


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


@pytest.mark.parametrize("is_longer", [True, False])
def test_another_state_is_written_without_the_weights_anew(tmp_path, is_longer):
    path, copy = tmp_path / "model.keras", tmp_path / "copy.keras"
    model = compiled()
    save_checkpoint(path, model, SETTINGS, {**STATE, "log": [{"epoch": 1}] * 50})
    seeds, before = read_checkpoint(path)[1]["dropout_seeds"], path.read_bytes()
    state = {"epoch": 4, "log": [{"epoch": 1}] * (200 if is_longer else 1)}
    update_checkpoint(path, copy, {**SETTINGS, "ema": 0.5}, state)
    assert path.read_bytes() == before
    assert read_checkpoint(copy) == ({**SETTINGS, "ema": 0.5}, {**state, "dropout_seeds": seeds})
    update_checkpoint(path, path, {**SETTINGS, "ema": 0.5}, state)
    assert read_checkpoint(path) == read_checkpoint(copy)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None and len(set(archive.namelist())) == len(archive.namelist())
    loaded, _ = load_for_inference(path)
    np.testing.assert_array_equal(loaded.predict_on_batch(batch()[0]), model.predict_on_batch(batch()[0]))


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


@pytest.fixture
def saved(tmp_path):
    save_checkpoint(tmp_path / "model.keras", compiled(), SETTINGS, STATE)
    return tmp_path / "model.keras"


def rewrite(path, name, change):
    """Writes a checkpoint again with one member changed, and right checksums."""
    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    members[name] = change(members[name])
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)


def test_flipped_bits_of_weights_are_found(saved):
    data = bytearray(saved.read_bytes())
    data[len(data) // 2] ^= 1
    saved.write_bytes(data)
    with pytest.raises(UsageError, match="model.keras is damaged .*checksum of model.weights.h5 is wrong"):
        load_for_inference(saved)
    with pytest.raises(UsageError, match="model.keras is damaged .*checksum of model.weights.h5 is wrong"):
        restore_training(saved, compiled(), read_checkpoint(saved)[1])


def test_newer_versions_are_told(saved):
    rewrite(saved, "metadata.json", lambda data: b'{"keras_version": "99.1.0"}')
    load_for_inference(saved)  # as long as this Keras can
    rewrite(saved, "config.json", lambda data: data.replace(b"Conv2D", b"Conv9D"))
    with pytest.raises(UsageError, match="Keras 99.1.0 wrote it, and this is Keras .*: update"):
        load_for_inference(saved)
    save_checkpoint(saved, compiled(), {**SETTINGS, "model": "FutureNet" * 100}, STATE)
    with pytest.raises(UsageError, match=r"is a FutureNet.*\.\.\., which models/registry.py does not list: update"):
        load_for_inference(saved)


def test_layers_of_impossible_size_are_not_built(saved):
    rewrite(saved, "config.json", lambda data: re.sub(rb'"filters": \d+', b'"filters": 2000000000', data))
    with pytest.raises(UsageError, match="a layer of filters 2000000000"):
        load_for_inference(saved)


def test_compressed_weights_are_not_inflated(saved, monkeypatch):
    def inflated(data):
        file = io.BytesIO(data)
        with h5py.File(file, "r+") as weights:
            weights.create_dataset("large", (10_000, 10_000), "float32", compression="gzip", fillvalue=0)
        return file.getvalue()

    monkeypatch.setattr("utils.checkpoints.UNCHECKED_BYTES", 2**20)
    rewrite(saved, "model.weights.h5", inflated)
    with pytest.raises(UsageError, match="model.weights.h5 has .* bytes for arrays of 400,"):
        load_for_inference(saved)
