"""ICNet: the summed pyramid, and the input image of each step of the cascade."""

import keras
import numpy as np
import pytest

from models.ICNet import build_icnet, cascade_feature_fusion, summed_pyramid


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_the_pyramid_of_a_constant_is_five_times_the_constant():
    inputs = keras.Input((None, None, 2))
    x = np.broadcast_to(np.array([1, -3], np.float32), (1, 7, 10, 2))
    np.testing.assert_allclose(keras.Model(inputs, summed_pyramid(inputs)).predict_on_batch(x), 5 * x, rtol=1e-5)


def test_the_pyramid_adds_the_mean_over_the_image_and_the_features():
    inputs = keras.Input((6, 6, 1))
    x = numbers(2, 6, 6, 1)
    pyramid = keras.Model(inputs, summed_pyramid(inputs, bins=(1, 6)))
    np.testing.assert_allclose(pyramid.predict_on_batch(x), 2 * x + x.mean((1, 2, 3), keepdims=True), atol=1e-5)


def test_fusion_classifies_the_coarse_features_alone():
    low, high = keras.Input((3, 4, 5)), keras.Input((6, 8, 7))
    model = keras.Model([low, high], cascade_feature_fusion(low, high, 2, "two", filters=4))
    one, one_logits = model.predict_on_batch([numbers(1, 3, 4, 5), numbers(1, 6, 8, 7)])
    other, other_logits = model.predict_on_batch([numbers(1, 3, 4, 5), -numbers(1, 6, 8, 7)])
    assert one.shape == (1, 6, 8, 4) and one_logits.shape == (1, 6, 8, 2)
    np.testing.assert_array_equal(one_logits, other_logits)
    assert np.abs(one - other).max() > 0.1


@pytest.mark.parametrize(
    "changed, moved",
    [
        ("quarter", {"logits", "cascade_8", "cascade_16"}),
        ("half", {"logits", "cascade_8"}),
        ("images", {"logits"}),
    ],
)
def test_each_image_enters_its_step_of_the_cascade(cascade, changed, moved):
    batch = {"quarter": numbers(1, 2, 2, 8), "half": numbers(1, 4, 5, 6), "images": numbers(1, 64, 80, 3)}
    before = cascade.predict_on_batch(batch)
    after = cascade.predict_on_batch({**batch, changed: 1 - batch[changed]})
    assert {name for name in before if np.abs(before[name] - after[name]).max() > 1e-6} == moved
    assert {name: value.shape[1:3] for name, value in before.items()} == {
        "logits": (16, 20),
        "cascade_8": (8, 10),
        "cascade_16": (4, 5),
    }


@pytest.fixture(scope="module")
def cascade():
    """A network on features as they would come from images of 64x80 pixels, halved and quartered."""
    keras.utils.set_random_seed(0)
    inputs = {
        name: keras.Input(shape, name=name)
        for name, shape in (("quarter", (2, 2, 8)), ("half", (4, 5, 6)), ("images", (64, 80, 3)))
    }
    quarter = {"pool3": keras.layers.ZeroPadding2D(((0, 0), (0, 1)))(inputs["quarter"]), "pool4": inputs["quarter"]}
    end_points = [{"pool3": inputs["half"], "images": inputs["images"]}, {**quarter, "images": inputs["images"]}]
    logits, heads = build_icnet(end_points, 3)
    return keras.Model(inputs, {"logits": logits, **heads})
