"""The validation loss, against the loss of each image by itself."""

import threading

import keras
import numpy as np
import pytest
from tiny_peers import run_as_peers

from utils.class_dict import IGNORED, ClassDict
from utils.data.folder import Pair
from utils.data.images import write_image
from utils.evaluation import evaluate
from utils.inference.keras_backend import KerasBackend
from utils.losses import LOSSES, build_loss, build_losses
from utils.training.validation_loss import LossBackend, LossPredictor, main_loss

SIZES = (20, 40), (32, 64), (30, 50), (17, 33), (32, 64)
CLASSES = ClassDict(["a", "b", "c"], [[0, 0, 0], [9, 9, 9], [99, 99, 99]], ignored={"void": (3, [255, 0, 0])})


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Images of several sizes; a third of their labels is ignored, and all of the last."""
    folder, rng, made = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0), []
    for number, size in enumerate(SIZES):
        label = rng.choice([0, 1, 2, IGNORED], size).astype(np.uint8)
        label[:] = IGNORED if number == len(SIZES) - 1 else label
        write_image(folder / f"{number}.png", rng.integers(0, 256, (*size, 3), np.uint8))
        write_image(folder / f"{number}_L.png", CLASSES.decode(label))
        made.append(Pair(str(number), folder / f"{number}.png", folder / f"{number}_L.png"))
    return made


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, keras.layers.Conv2D(3, 1)(inputs / 64.0))  # padding has no effect on the other pixels


def mean_of_single_images(model, loss, pairs):
    """The mean loss of the unpadded images that have labeled pixels."""
    from utils.data.labels import read_pair

    losses = []
    for pair in pairs:
        image, label = read_pair(pair.image, pair.label, CLASSES)
        if (label != IGNORED).any():
            losses.append(float(loss(label[None], model(image[None].astype(np.float32)))))
    assert len(losses) == len(pairs) - 1
    return np.mean(losses)


@pytest.mark.parametrize("name", LOSSES)
def test_it_is_the_mean_over_the_images(model, pairs, name):
    loss = build_loss(name, 3, class_weights=[0.5, 1.0, 3.0])
    backend = LossBackend(model, loss)
    confusion = evaluate(LossPredictor(backend, 2), pairs, CLASSES).confusion
    expected = mean_of_single_images(model, loss, pairs)
    # The Lovász-softmax part of this loss takes every third row, and the last once more if the image is not padded.
    assert backend.mean_loss == pytest.approx(expected, rel=0.05 if name == "cross_entropy_lovasz" else 1e-5)
    plain = evaluate(LossPredictor(LossBackend(model, loss), 1), pairs, CLASSES).confusion
    np.testing.assert_array_equal(confusion.matrix, plain.matrix)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_neither_batches_nor_their_filling_have_an_effect(model, pairs, jit_compile):
    losses = []
    for batch_size in (1, 3):
        backend = LossBackend(model, build_loss("cross_entropy", 3), jit_compile)
        evaluate(LossPredictor(backend, batch_size), pairs, CLASSES)
        losses.append(backend.mean_loss)
        backend.reset()
        assert backend.mean_loss is None
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert losses[0] == pytest.approx(mean_of_single_images(model, build_loss("cross_entropy", 3), pairs), rel=1e-5)


def test_classes_are_those_of_the_plain_backend(model):
    images = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3), np.uint8)
    backend = LossBackend(model, build_loss("cross_entropy", 3))
    np.testing.assert_array_equal(backend.classes(images), KerasBackend(model).classes(images))
    assert backend.mean_loss is None, "without labels"


def test_which_loss_is_the_main_one(model):
    loss = build_loss("focal", 3)
    model.compile("sgd", loss)
    assert main_loss(model) is loss
    model.compile("sgd", "mse")
    assert main_loss(model) is None
    heads = keras.Model(model.input, {"logits": model.output, "other": model.output})
    losses, weights = build_losses({}, "dice", 3)
    heads.compile("sgd", {**losses, "other": "mse"}, loss_weights={**weights, "other": 1.0})
    assert main_loss(heads) is losses["logits"]


def test_processes_have_the_mean_of_all_images(model, pairs):
    loss = build_loss("cross_entropy", 3)
    alone = LossBackend(model, loss)
    evaluate(LossPredictor(alone, 2), pairs, CLASSES)

    def evaluate_part(peers):
        backend = LossBackend(model, loss)
        with lock:  # Keras is not made for threads
            for_own = peers.share(pairs)
            evaluate(LossPredictor(backend, 2), for_own, CLASSES)
        backend.add_up(peers)
        return backend.mean_loss

    lock = threading.Lock()
    assert run_as_peers(2, evaluate_part) == [pytest.approx(alone.mean_loss, rel=1e-6)] * 2
