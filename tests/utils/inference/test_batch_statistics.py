import keras
import numpy as np

from frontends.batch_norm import BatchNormalization
from utils.inference.batch_statistics import use_batch_statistics


def test_batch_statistics_normalize_the_images_without_dropout():
    inputs = keras.Input((4, 4, 2))
    x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(inputs))
    model = keras.Model(inputs, BatchNormalization(scale=False, momentum=0.9)(3 * x + 1))
    model.layers[1].trainable = False  # as in a run with --freeze_frontend
    before = [np.array(weight) for weight in model.weights]
    images = np.random.default_rng(0).normal(5, 2, (8, 4, 4, 2)).astype(np.float32)
    use_batch_statistics(model)
    model.compile()
    for some in (images, images[:1]):  # twice, so that moving statistics would be seen to move
        expected = (some - some.mean((0, 1, 2))) / some.std((0, 1, 2))
        np.testing.assert_allclose(model.predict_on_batch(some), expected, atol=2e-3)
    for weight, was in zip(model.weights, before):
        np.testing.assert_array_equal(weight, was)
