"""Whole-image prediction in batches of equal size, in tiles, of several views."""

import keras
import numpy as np
import pytest

from utils.errors import UsageError
from utils.inference.keras_backend import KerasBackend
from utils.inference.predictor import MAX_SHAPES, Predictor, few_sizes
from utils.inference.tiles import tile_spans


@pytest.fixture(scope="module")
def brightest_channel():
    """A network whose class is the brightest color channel, so that the right answer is known."""
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, keras.layers.Rescaling(1.0)(inputs))


def predictor_of(model, jit_compile=False, **options):
    return Predictor(KerasBackend(model, jit_compile), **options)


def pictures(*shapes):
    rng = np.random.default_rng(0)
    return [(i, rng.integers(0, 256, (*shape, 3), np.uint8)) for i, shape in enumerate(shapes)]


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_every_image_comes_back_once_at_its_own_size(brightest_channel, batch_size):
    images = pictures((33, 40), (64, 64), (33, 40), (40, 33), (50, 64), (33, 40))
    found = dict(predictor_of(brightest_channel, batch_size=batch_size)(images))
    assert found.keys() == dict(images).keys()
    for key, image in images:
        assert found[key].dtype == np.uint8
        np.testing.assert_array_equal(found[key], image.argmax(-1))


def test_batches_hold_images_of_one_padded_size(brightest_channel):
    predictor = predictor_of(brightest_channel, batch_size=3)
    shapes = []
    original = predictor.backend.to_classes.predict_on_batch
    predictor.backend.to_classes.predict_on_batch = lambda batch: shapes.append(batch.shape) or original(batch)
    list(predictor(pictures((33, 40), (64, 64), (40, 33), (64, 50))))
    filled_up = 3 if keras.backend.backend() == "jax" else 1  # which compiles for each shape
    assert sorted(shapes) == [(filled_up, 64, 64, 3), (3, 64, 64, 3)]


def test_images_of_many_sizes_do_not_pile_up(brightest_channel):
    read = []

    def stream():
        for number in range(100):
            read.append(number)
            yield number, np.zeros((32 * (number + 1), 32, 3), np.uint8)

    results = predictor_of(brightest_channel, batch_size=2)(stream())
    next(results)
    assert len(read) <= 16


def test_speed_leaves_out_the_first_batch_of_each_shape(brightest_channel):
    predictor = predictor_of(brightest_channel)
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
    predictor = predictor_of(brightest_channel)
    list(predictor(odd_sizes(5)))
    graphs = predictor.backend.to_classes.predict_function.experimental_get_tracing_count()
    list(predictor(odd_sizes(40)))
    assert predictor.backend.to_classes.predict_function.experimental_get_tracing_count() == graphs <= 2


def test_xla_compiles_for_few_shapes_and_the_results_are_the_same(brightest_channel):
    predictor = predictor_of(brightest_channel, batch_size=2, jit_compile=True)
    predictor.backend.to_classes.compile(jit_compile=False)  # what counts here are the shapes
    shapes = set()
    original = predictor.backend.to_classes.predict_on_batch
    predictor.backend.to_classes.predict_on_batch = lambda batch: shapes.add(batch.shape) or original(batch)
    images = odd_sizes(100)
    for key, found in predictor(images):
        np.testing.assert_array_equal(found, images[key][1].argmax(-1))
    few = {few_sizes(size) for size in range(100, 300)}
    assert len(shapes) <= MAX_SHAPES + len(few) ** 2 and len(few) == 6
    assert {shape[0] for shape in shapes} == {2}


@pytest.mark.parametrize(
    "size, padded", [(1, 32), (32, 32), (129, 160), (256, 256), (257, 320), (513, 640), (900, 1024)]
)
def test_four_sizes_for_each_doubling(size, padded):
    assert few_sizes(size) == padded


def test_tiles_give_the_whole_image_away_from_their_borders():
    """A network that sees 13 pixels far: tiles overlap more than that, so only what they blend can differ."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((None, None, 3))
    for filters in (8, 8, 5):
        x = keras.layers.Conv2D(filters, 5, dilation_rate=2, padding="same", activation="tanh")(x)
    model = keras.Model(inputs, x)
    images = pictures((250, 330))
    whole = dict(predictor_of(model)(images))[0]
    tiled = dict(predictor_of(model, tile=128, overlap=64, batch_size=2)(images))[0]
    assert tiled.shape == (250, 330)
    differs = whole != tiled
    assert differs.mean() < 0.05
    rows, columns = np.zeros(250, bool), np.zeros(330, bool)
    for side, length in ((rows, 256), (columns, 352)):
        for edge in {start + offset for start, _ in tile_spans(length, 128, 64) for offset in (0, 128)} - {0, length}:
            side[max(0, edge - 12) : edge + 12] = True
    assert not differs[~rows][:, ~columns].any()


def test_views_do_not_change_what_a_pointwise_network_sees(brightest_channel):
    images = pictures((33, 40), (64, 64), (33, 40))
    smooth = [
        (key, np.repeat(np.repeat(image[::8, ::8], 8, 0), 8, 1)[: image.shape[0], : image.shape[1]])
        for key, image in images
    ]
    found = dict(predictor_of(brightest_channel, batch_size=2, scales=(1.0, 2.0), flip=True)(smooth))
    for key, image in smooth:
        assert found[key].shape == image.shape[:2] and found[key].dtype == np.uint8
        assert (found[key] == image.argmax(-1)).mean() > 0.8  # edges are smoothed


class OfOneSize:
    """A network for 64x96 pixels whose class is the brightest channel."""

    size, compiles_each_shape = (64, 96), False

    def classes(self, images):
        assert images.shape[1:3] == self.size
        return images.argmax(-1).astype(np.uint8)

    def logits(self, images):
        assert images.shape[1:3] == self.size
        return images.astype(np.float32)


def test_a_network_of_one_size_gets_smaller_images_padded_and_larger_ones_resized():
    images = [(0, np.full((50, 70, 3), (1, 9, 5), np.uint8)), (1, np.full((200, 70, 3), (9, 1, 5), np.uint8))]
    found = dict(Predictor(OfOneSize())(images))
    assert found[0].shape == (50, 70) and (found[0] == 1).all()
    assert found[1].shape == (200, 70) and (found[1] == 0).all()


@pytest.mark.parametrize("options", [{"scales": (1.0, 2.0)}, {"tile": 64}, {"tile": 128}])
def test_a_network_of_one_size_refuses_others(options):
    with pytest.raises(UsageError, match="64x96"):
        Predictor(OfOneSize(), **options)


@pytest.mark.parametrize("options", [{}, {"tile": 64, "overlap": 32}, {"scales": (0.5, 1), "flip": True}])
def test_probabilities_are_of_the_same_prediction(brightest_channel, options):
    images = pictures((150, 90), (64, 64), (33, 40))
    small = [(key, image // 64) for key, image in images]  # logits of 0 to 3
    alone = dict(predictor_of(brightest_channel, **options)(small))
    confident = dict(predictor_of(brightest_channel, keep="confidence", **options)(small))
    for key, kept in predictor_of(brightest_channel, keep="probabilities", batch_size=2, **options)(small):
        np.testing.assert_array_equal(kept.indices, alone[key])
        assert kept.probabilities.shape == (*alone[key].shape, 3) and confident[key].probabilities is None
        np.testing.assert_allclose(kept.probabilities.astype(float).sum(-1), 1, atol=2e-3)
        np.testing.assert_array_equal(kept.probabilities.max(-1), kept.confidence)
        np.testing.assert_allclose(kept.confidence.astype(float), confident[key].confidence.astype(float), atol=2e-3)
        if not options:
            exponentials = np.exp(dict(small)[key].astype(float))
            expected = exponentials / exponentials.sum(-1, keepdims=True)
            np.testing.assert_allclose(kept.probabilities, expected, atol=1e-3)


def test_a_network_of_one_size_gives_probabilities_of_every_size():
    image = np.full((200, 70, 3), (9, 1, 5), np.uint8)
    ((_, kept),) = Predictor(OfOneSize(), keep="probabilities")([(0, image)])
    assert kept.indices.shape == (200, 70) and kept.probabilities.shape == (200, 70, 3)
