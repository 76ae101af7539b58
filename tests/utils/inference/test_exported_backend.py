"""Exported files as backends. The files themselves are in tests/utils/export and tests/test_export.py."""

import json
import zipfile

import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.errors import UsageError
from utils.inference import exported_backend
from utils.inference.exported_backend import ExportedBackend, load_exported
from utils.inference.predictor import Backend, Predictor

CLASSES = ClassDict(["Sky", "Road", "Car"], [(0, 0, 255), (255, 0, 0), (9, 9, 9)], unknown="ignore")
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 40, 50, 3), np.uint8)
BRIGHTEST = IMAGES.argmax(-1).astype(np.uint8)
RUNS = {
    "logits": lambda images: images.astype(np.float32),
    "classes": lambda images: images.argmax(-1).astype(np.uint8),
    "colours": lambda images: CLASSES.decode(images.argmax(-1)),
}


@pytest.mark.parametrize("output", RUNS)
def test_every_output_gives_classes_and_only_logits_give_logits(output):
    backend = ExportedBackend(RUNS[output], (None, None, None, 3), output, CLASSES)
    assert isinstance(backend, Backend) and not backend.compiles_each_shape
    classes = backend.classes(IMAGES)
    assert classes.dtype == np.uint8
    np.testing.assert_array_equal(classes, BRIGHTEST)
    if output == "logits":
        np.testing.assert_array_equal(backend.logits(IMAGES), IMAGES)
    else:
        with pytest.raises(UsageError, match=f"--flip.*{output}.*--output logits"):
            backend.logits(IMAGES)


@pytest.mark.parametrize(
    "shape, size",
    [
        ((None, 40, 50, 3), (40, 50)),
        ((1, -1, -1, 3), None),
        (("N", "H", "W", 3), None),
        ((None, 40, None, 3), None),
        ((None, 0, 0, 3), None),
    ],
)
def test_size(shape, size):
    assert ExportedBackend(RUNS["logits"], shape, "logits", CLASSES).size == size


def test_images_of_any_size_through_a_fixed_one():
    backend = ExportedBackend(RUNS["classes"], (None, 40, 50, 3), "classes", CLASSES)
    (indices,) = dict(Predictor(backend)([(0, IMAGES[0, :30, :20])])).values()
    np.testing.assert_array_equal(indices, BRIGHTEST[0, :30, :20])


@pytest.fixture
def stub(monkeypatch):
    """Lets `.tflite` files be opened as a zip archive of the note alone."""
    monkeypatch.setitem(
        exported_backend.RUNTIMES,
        ".tflite",
        lambda path: (exported_backend._note_of_zip(path), RUNS["logits"], (1, None, None, 3)),
    )


def test_settings_come_with_the_file(stub, tmp_path):
    settings = {**CLASSES.to_dict(), "model": "tiny"}
    with zipfile.ZipFile(tmp_path / "net.tflite", "w") as archive:
        archive.writestr("suite.json", json.dumps({**settings, "output": "logits"}))
    backend, loaded = load_exported(tmp_path / "net.tflite")
    assert loaded == settings and backend.output == "logits"
    np.testing.assert_array_equal(backend.run(IMAGES), IMAGES)


def test_files_of_others_and_missing_ones(stub, tmp_path):
    (tmp_path / "foreign.tflite").write_bytes(b"no archive")
    (tmp_path / "net.keras").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for name, words in [
        ("foreign.tflite", "not written by export.py"),
        ("nowhere.tflite", "there is no exported network"),
        ("net.keras", "none of export.py's files"),
        ("folder", "damaged"),
    ]:
        with pytest.raises(UsageError, match=words):
            load_exported(tmp_path / name)


def test_a_damaged_file_and_a_missing_package(tmp_path, monkeypatch):
    def fail(path):
        raise error

    monkeypatch.setitem(exported_backend.RUNTIMES, ".onnx", fail)
    (tmp_path / "net.onnx").write_bytes(b"")
    error = RuntimeError("protobuf parsing failed\nat line 3")
    with pytest.raises(UsageError, match=r"damaged or no exported network \(protobuf parsing failed\)$"):
        load_exported(tmp_path / "net.onnx")
    error = ModuleNotFoundError("No module named 'onnxruntime'", name="onnxruntime")
    with pytest.raises(UsageError, match="pip install onnxruntime"):
        load_exported(tmp_path / "net.onnx")
