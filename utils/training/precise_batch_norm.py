"""Precise batch norm: re-estimates the moving statistics with the current weights (Wu and Johnson 2021, 2105.07576).

Moving averages lag behind weights that change fast, as in the first epochs and on small datasets: a network can seem to
have learned nothing. Before validation and saving they are replaced by the statistics of a few training batches.
"""

import math

import keras
import numpy as np

from frontends.batch_norm import batch_norm_layers
from utils.data.dataset import SegmentationDataset
from utils.distribution import spread
from utils.model_graph import layer_inputs
from utils.threads import prefetch


class PreciseBatchNorm(keras.callbacks.Callback):
    """Re-estimates batch-norm statistics after each epoch of `fit`, before validation.

    It also selects the dataset's epoch, so that every epoch has its own order and augmentation. With `shuffle=False`,
    `fit` then trains on the batches of train.py.

    Args:
        dataset: the `SegmentationDataset` that `fit` trains on.
    """

    def __init__(self, dataset: SegmentationDataset):
        super().__init__()
        self.dataset = dataset
        self._statistics, self._is_due = None, False

    def on_train_begin(self, logs=None):
        self._statistics = BatchNormStatistics(self.model, self.model.jit_compile)

    def on_epoch_begin(self, epoch, logs=None):
        self.dataset.set_epoch(epoch)
        self._is_due = True

    def on_test_begin(self, logs=None):  # with `validation_data`
        self._estimate()

    def on_epoch_end(self, epoch, logs=None):
        self._estimate()

    def _estimate(self):
        if self._is_due:
            self._statistics.estimate(self.dataset)
            self._is_due = False


class BatchNormStatistics:
    """Re-estimates the moving statistics of a network.

    Args:
        model: `keras.Model`.
        jit_compile: bool, whether to compile with XLA.
    """

    def __init__(self, model, jit_compile=False):
        self._all_layers = batch_norm_layers(model)
        self.layers = self._all_layers  # without frozen ones
        self._updates = updates_per_pass(model)
        self._forward, self._jit_compile = TrainingModeForward(model), jit_compile
        self._compiled_for = None

    def estimate(self, data):
        """Sets every moving mean and variance to those of training batches. Frozen layers keep theirs.

        Args:
            data: `SegmentationDataset`. The first batches of its current epoch are used: 64 images, but at most a fifth
                of the epoch, and at least 8 batches if there are as many.
        """
        self.layers = [layer for layer in self._all_layers if layer.trainable]
        if self._compiled_for != self.layers:  # compiled code is specific to the layers that were frozen
            self._forward.compile(jit_compile=self._jit_compile)
            self._compiled_for = self.layers
        steps = range(batches_of_estimate(data))
        batches = [self._statistics_of(images) for _, (images, _) in prefetch(data.__getitem__, steps)]
        for layer, statistics in zip(self.layers, zip(*batches)):
            with np.errstate(all="ignore"):  # checkpoints are checked: what overflows here is told there
                means, variances = (np.stack(values) for values in zip(*statistics))
                layer.moving_mean.assign(means.mean(axis=0))
                # The variance over all batches: within each, and between their means.
                layer.moving_variance.assign(variances.mean(axis=0) + means.var(axis=0))

    def _statistics_of(self, images):
        """Returns `(mean, variance)` of every layer for one batch; of a layer used several times, over its uses."""
        for layer in self.layers:
            layer.moving_mean.assign(keras.ops.zeros(layer.moving_mean.shape))
            layer.moving_variance.assign(keras.ops.zeros(layer.moving_variance.shape))
        self._forward.predict_on_batch(spread(images))
        statistics = []
        for layer in self.layers:
            # The share of its input in a moving average that began at 0, after n updates.
            share = 1.0 - layer.momentum ** self._updates[layer.name]
            moving = (layer.moving_mean, layer.moving_variance)
            statistics.append([keras.ops.convert_to_numpy(value) / share for value in moving])
        return statistics


def batches_of_estimate(data):
    """Returns the number of batches from which the statistics are estimated, see `BatchNormStatistics.estimate`."""
    return min(len(data), max(8, min(math.ceil(64 / data.batch_size), data.steps // 5)))


def updates_per_pass(model):
    """Returns how often each layer is used in one pass through the network, a dict from layer name to int."""
    return {name: len(uses) for name, uses in layer_inputs(model).items()}


class TrainingModeForward(keras.Model):
    """A network in training mode with a small output: the mean of each output of the network, over the batch too.

    Every device has such a mean; of a value for each image, it would have those of its own images only.
    """

    def __init__(self, model):
        super().__init__()
        self.model = model

    def call(self, images):
        outputs = keras.tree.flatten(self.model(images, training=True))
        return [keras.ops.mean(output) for output in outputs]
