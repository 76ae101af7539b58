import keras
import numpy as np

from utils.training.precise_batch_norm import BatchNormStatistics


def test_statistics_are_those_of_the_batches_together():
    inputs = keras.Input((4, 4, 2))
    model = keras.Model(inputs, keras.layers.BatchNormalization(momentum=0.99)(inputs))
    rng = np.random.default_rng(0)
    batches = [rng.normal(5 * i, 1 + i, (3, 4, 4, 2)).astype(np.float32) for i in range(4)]

    class Data:
        batch_size, steps = 3, 4

        def __len__(self):
            return 4

        def __getitem__(self, index):
            return batches[index], None

    statistics = BatchNormStatistics(model)
    for _ in range(2):  # the second time gives the same: nothing of the first is left
        statistics.estimate(Data())
        everything = np.concatenate(batches)
        layer = model.layers[1]
        np.testing.assert_allclose(layer.moving_mean, everything.mean((0, 1, 2)), rtol=1e-4)
        np.testing.assert_allclose(layer.moving_variance, everything.var((0, 1, 2)), rtol=1e-4)
    assert layer.momentum == 0.99
    normalized = model.predict_on_batch(everything)
    np.testing.assert_allclose([normalized.mean(), normalized.std()], [0, 1], atol=1e-3)


def test_no_more_batches_than_needed():
    inputs = keras.Input((4, 4, 2))
    model = keras.Model(inputs, keras.layers.BatchNormalization()(inputs))
    read = []
    data = type(
        "Data",
        (),
        {
            "batch_size": 16,
            "steps": 1000,
            "__len__": lambda self: 1000,
            "__getitem__": lambda self, i: (read.append(i), (np.zeros((16, 4, 4, 2), np.float32), None))[1],
        },
    )()
    BatchNormStatistics(model).estimate(data)
    assert sorted(read) == list(range(8))


def test_frozen_layers_keep_their_statistics_until_they_train():
    inputs = keras.Input((4, 4, 2))
    x = keras.layers.BatchNormalization(name="frozen")(inputs)
    model = keras.Model(inputs, keras.layers.BatchNormalization(name="free")(x))
    images = np.random.default_rng(0).normal(5, 2, (8, 4, 4, 2)).astype(np.float32)
    data = type(
        "Data",
        (),
        {
            "batch_size": 8,
            "steps": 1,
            "__len__": lambda self: 1,
            "__getitem__": lambda self, i: (images, None),
        },
    )()
    frozen, free = model.get_layer("frozen"), model.get_layer("free")
    statistics = BatchNormStatistics(model)
    frozen.trainable = False
    statistics.estimate(data)
    assert not np.array(frozen.moving_mean).any() and (np.array(frozen.moving_variance) == 1).all()
    np.testing.assert_allclose(free.moving_mean, images.mean((0, 1, 2)) / np.sqrt(1 + 1e-3), rtol=1e-3)
    frozen.trainable = True
    statistics.estimate(data)
    np.testing.assert_allclose(frozen.moving_mean, images.mean((0, 1, 2)), rtol=1e-3)
    np.testing.assert_allclose(free.moving_mean, 0, atol=1e-3)
