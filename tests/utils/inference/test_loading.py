"""Loading of checkpoints and exported files for prediction."""

import json
import pathlib

import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.errors import UsageError
from utils.inference import exported_backend, load_trained
from utils.inference.exported_backend import ExportedBackend
from utils.inference.keras_backend import KerasBackend

CHECKPOINT = pathlib.Path(__file__).resolve().parents[2] / "checkpoints" / "tiny_heads.keras"
CLASSES = ClassDict(["Sky", "Road"], [(0, 0, 255), (255, 0, 0)])
IMAGES = np.random.default_rng(0).integers(0, 256, (1, 32, 64, 3), np.uint8)


@pytest.fixture
def exported(tmp_path, monkeypatch):
    """A file whose network has a class per pixel: 0."""
    note = json.dumps({**CLASSES.to_dict(), "model": "tiny", "output": "classes"})
    monkeypatch.setitem(
        exported_backend.RUNTIMES,
        ".onnx",
        lambda path: (note, lambda images: np.zeros(images.shape[:3], np.uint8), (None, 32, 64, 3)),
    )
    (tmp_path / "net.onnx").write_bytes(b"")
    return tmp_path / "net.onnx"


def test_a_checkpoint():
    backend, settings, class_dict = load_trained(CHECKPOINT, "tiny-heads")
    assert isinstance(backend, KerasBackend) and settings["model"] == "tiny-heads"
    assert backend.logits(IMAGES).shape == (1, 32, 64, class_dict.num_classes)


def test_an_exported_file(exported):
    backend, settings, class_dict = load_trained(exported)
    assert isinstance(backend, ExportedBackend) and backend.size == (32, 64)
    assert settings == {**CLASSES.to_dict(), "model": "tiny"} and class_dict.class_names == ["Sky", "Road"]
    assert not backend.classes(IMAGES).any()


def test_batch_statistics_depend_on_the_images():
    """Normalized with the images of its batch, an image has other logits beside another one."""
    dark = np.concatenate([IMAGES, IMAGES // 8])
    for batch_statistics in (False, True):
        backend, *_ = load_trained(CHECKPOINT, batch_statistics=batch_statistics)
        alone, beside = backend.logits(IMAGES)[0], backend.logits(dark)[0]
        assert np.allclose(alone, beside, atol=1e-4) == (not batch_statistics)


def test_another_network_is_refused(exported):
    for path in (CHECKPOINT, exported):
        with pytest.raises(UsageError, match="not a custom; leave out --model"):
            load_trained(path, "custom")
    with pytest.raises(UsageError, match="--batch_statistics needs a checkpoint"):
        load_trained(exported, batch_statistics=True)
    with pytest.raises(UsageError, match="no checkpoint"):
        load_trained("nowhere.keras")
