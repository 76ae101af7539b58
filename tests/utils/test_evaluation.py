"""Whole-image prediction in batches of equal size, and reading ahead."""

import threading

import keras
import numpy as np
import pytest

from utils.evaluation import Predictor, read_ahead


@pytest.fixture(scope="module")
def brightest_channel():
    """A network whose class is the brightest color channel, so that the right answer is known."""
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, keras.layers.Rescaling(1.0)(inputs))


def pictures(*shapes):
    rng = np.random.default_rng(0)
    return [(i, rng.integers(0, 256, (*shape, 3), np.uint8)) for i, shape in enumerate(shapes)]


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_every_image_comes_back_once_at_its_own_size(brightest_channel, batch_size):
    images = pictures((33, 40), (64, 64), (33, 40), (40, 33), (50, 64), (33, 40))
    found = dict(Predictor(brightest_channel, batch_size)(images))
    assert found.keys() == dict(images).keys()
    for key, image in images:
        assert found[key].dtype == np.uint8
        np.testing.assert_array_equal(found[key], image.argmax(-1))


def test_batches_hold_images_of_one_padded_size(brightest_channel):
    predictor = Predictor(brightest_channel, batch_size=3)
    shapes = []
    original = predictor.model.predict_on_batch
    predictor.model.predict_on_batch = lambda batch: shapes.append(batch.shape) or original(batch)
    list(predictor(pictures((33, 40), (64, 64), (40, 33), (64, 50))))
    assert sorted(shapes) == [(1, 64, 64, 3), (3, 64, 64, 3)]


def test_images_of_many_sizes_do_not_pile_up(brightest_channel):
    read = []

    def stream():
        for number in range(100):
            read.append(number)
            yield number, np.zeros((32 * (number + 1), 32, 3), np.uint8)

    results = Predictor(brightest_channel, batch_size=2)(stream())
    next(results)
    assert len(read) <= 16


def test_speed_leaves_out_the_first_batch_of_each_shape(brightest_channel):
    predictor = Predictor(brightest_channel)
    list(predictor(pictures((32, 32), (64, 64))))
    assert predictor.images_per_second is None
    list(predictor(pictures((32, 32))))
    assert predictor.images_per_second > 0


def test_reading_ahead_keeps_the_order_and_does_not_read_everything_at_once():
    started, gate = [], threading.Event()

    def read(item):
        started.append(item)
        if item == 0:
            gate.wait(10)
        return item * 2

    stream = read_ahead(read, range(100), workers=2)
    gate.set()
    assert next(stream) == (0, 0)
    assert len(started) < 20
    assert list(stream) == [(i, 2 * i) for i in range(1, 100)]


def test_an_error_while_reading_arrives():
    def read(item):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(read_ahead(read, range(3)))
