"""Networks as functions of images, from Python."""

import json

import cv2
import numpy as np
import pytest

from utils import notices
from utils.class_dict import ClassDict
from utils.data.images import write_image
from utils.errors import UsageError
from utils.inference import Network, Prediction, exported_backend, load
from utils.inference.exported_backend import ExportedBackend

CLASSES = ClassDict(["Red", "Green", "Blue"], [(250, 0, 0), (0, 250, 0), (0, 0, 250)])
SETTINGS = {"model": "brightest", **CLASSES.to_dict()}
RUNS = {
    "logits": lambda images: images.astype(np.float32) / 32,
    "classes": lambda images: images.argmax(-1).astype(np.uint8),
}


def network(output="logits", **options):
    """A network whose class is the brightest channel."""
    return Network(ExportedBackend(RUNS[output], (None, None, None, 3), output, CLASSES), SETTINGS, CLASSES, **options)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)


def test_a_path_an_array_and_a_list(image, tmp_path):
    net = network()
    write_image(tmp_path / "a.b.png", image)
    alone = net(image)
    assert isinstance(alone, Prediction) and (alone.name, alone.path) == ("image", None)
    np.testing.assert_array_equal(alone.classes, image.argmax(-1))
    small = image[:20, :20]
    several = network(batch_size=2)([str(tmp_path / "a.b.png"), small, tmp_path / "a.b.png", image])
    assert [one.name for one in several] == ["a.b", "image_1", "a.b", "image_3"]  # in order, whatever the sizes
    for one, pixels in zip(several, (image, small, image, image)):
        np.testing.assert_array_equal(one.image, pixels)
        np.testing.assert_array_equal(one.classes, pixels.argmax(-1))
    assert net([]) == []


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), "nowhere.png"]
)
def test_what_is_no_image(wrong):
    with pytest.raises(UsageError, match=r"uint8 array \(H, W, 3\)|nowhere.png"):
        network()(wrong)


def test_options_reach_the_predictor(image):
    flat = image // 32
    plain, views = network()(flat), network(scales=(0.5, 1), flip=True)(flat)
    assert (plain.confidence != views.confidence).any()
    np.testing.assert_array_equal(views.probabilities.max(-1), views.confidence)
    tiled = network(tile=32, overlap=0)(flat)
    np.testing.assert_array_equal(tiled.classes, plain.classes)
    with pytest.raises(UsageError, match="multiples of 32"):
        load(tile=100)


def test_a_file_without_probabilities(image, tmp_path):
    prediction = network("classes")(image)
    np.testing.assert_array_equal(prediction.classes, image.argmax(-1))
    for use in (
        lambda: prediction.confidence,
        lambda: prediction.probabilities,
        lambda: prediction.with_unknown(0.5),
        lambda: prediction.save(tmp_path, confidence=True),
    ):
        with pytest.raises(UsageError, match="--output logits"):
            use()


def test_loading(tmp_path, monkeypatch, image, capsys):
    monkeypatch.setattr(notices, "_told", set())
    note = json.dumps({**SETTINGS, "output": "logits"})
    monkeypatch.setitem(exported_backend.RUNTIMES, ".onnx", lambda path: (note, RUNS["logits"], (None, None, None, 3)))
    (tmp_path / "net.onnx").write_bytes(b"")
    net = load(tmp_path / "net.onnx", batch_size=2)
    assert net.class_names == ["Red", "Green", "Blue"] and "brightest" in repr(net) and "Green" in repr(net)
    np.testing.assert_array_equal(net(image).classes, image.argmax(-1))
    assert not capsys.readouterr().err
    net = load()
    assert "Road" in net.class_names and "models/pretrained/" in capsys.readouterr().err
    assert net(image).probabilities.shape == (40, 50, 11)
    with pytest.raises(UsageError, match="nowhere"):
        load("nowhere.keras")


def test_a_notebook_shows_the_overlay(image):
    prediction = network()(image)
    shown = cv2.imdecode(np.frombuffer(prediction._repr_png_(), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(shown[..., ::-1], prediction.overlay())
