"""Whole-image prediction in batches of equal size, and reading ahead."""

import threading

import keras
import numpy as np
import pytest

from utils.evaluation import MOST_SHAPES, Predictor, few_sizes, on_threads, read_ahead


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
    filled_up = 3 if keras.backend.backend() == "jax" else 1  # which compiles for each shape
    assert sorted(shapes) == [(filled_up, 64, 64, 3), (3, 64, 64, 3)]


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


def odd_sizes(count):
    rng = np.random.default_rng(0)
    return pictures(*rng.integers(100, 300, (count, 2)).tolist())


def test_images_of_any_sizes_share_one_graph(brightest_channel):
    """On TensorFlow without XLA the second size makes a graph for all further ones."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("a matter of TensorFlow")
    predictor = Predictor(brightest_channel)
    list(predictor(odd_sizes(5)))
    graphs = predictor.model.predict_function.experimental_get_tracing_count()
    list(predictor(odd_sizes(40)))
    assert predictor.model.predict_function.experimental_get_tracing_count() == graphs <= 2


def test_xla_compiles_for_few_shapes_and_the_results_are_the_same(brightest_channel):
    predictor = Predictor(brightest_channel, batch_size=2, jit_compile=True)
    predictor.model.compile(jit_compile=False)  # what counts here are the shapes
    shapes = set()
    original = predictor.model.predict_on_batch
    predictor.model.predict_on_batch = lambda batch: shapes.add(batch.shape) or original(batch)
    images = odd_sizes(100)
    for key, found in predictor(images):
        np.testing.assert_array_equal(found, images[key][1].argmax(-1))
    few = {few_sizes(size) for size in range(100, 300)}
    assert len(shapes) <= MOST_SHAPES + len(few) ** 2 and len(few) == 6
    assert {shape[0] for shape in shapes} == {2}


@pytest.mark.parametrize(
    "size, padded", [(1, 32), (32, 32), (129, 160), (256, 256), (257, 320), (513, 640), (900, 1024)]
)
def test_four_sizes_for_each_doubling(size, padded):
    assert few_sizes(size) == padded


def test_calls_on_threads_are_all_made_and_their_errors_arrive():
    made = []
    with on_threads() as submit:
        for number in range(50):
            submit(made.append, number)
    assert sorted(made) == list(range(50))

    def fail():
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"), on_threads() as submit:
        submit(fail)


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
