"""Precise batch norm: re-estimates the moving statistics with the current weights (Wu and Johnson 2021, 2105.07576).

Moving averages lag behind weights that change fast, as in the first epochs and on small datasets: a network can seem to
have learned nothing. Before validation and saving they are replaced by the statistics of a few training batches.
"""

import math

import keras
import numpy as np

from frontends.batch_norm import batch_norm_layers
from utils.threads import prefetch


class BatchNormStatistics:
    """Re-estimates the moving statistics of a network.

    Args:
        model: `keras.Model`.
        jit_compile: bool, whether to compile with XLA.
    """

    def __init__(self, model, jit_compile=False):
        self._all_layers = batch_norm_layers(model)
        self.layers = self._all_layers  # those that are not frozen
        self._updates = updates_per_pass(model)
        self._forward, self._jit_compile = TrainingModeForward(model), jit_compile
        self._compiled_for = None

    def estimate(self, data):
        """Sets every moving mean and variance to that of training batches. Layers that are frozen keep theirs.

        Args:
            data: `SegmentationDataset`; the first batches of its present epoch are used: 64 images, but not more than
                a fifth of the epoch unless that were fewer than 8 batches.
        """
        self.layers = [layer for layer in self._all_layers if layer.trainable]
        if self._compiled_for != self.layers:  # what is compiled knows which layers were frozen
            self._forward.compile(jit_compile=self._jit_compile)
            self._compiled_for = self.layers
        steps = min(len(data), max(8, min(math.ceil(64 / data.batch_size), data.steps // 5)))
        batches = [self._statistics_of(images) for _, (images, _) in prefetch(data.__getitem__, range(steps))]
        for layer, statistics in zip(self.layers, zip(*batches)):
            means, variances = (np.stack(values) for values in zip(*statistics))
            layer.moving_mean.assign(means.mean(axis=0))
            # The variance over all batches: within each, and between their means.
            layer.moving_variance.assign(variances.mean(axis=0) + means.var(axis=0))

    def _statistics_of(self, images):
        """`(mean, variance)` of every layer for one batch; of a layer that is used several times, over its uses."""
        for layer in self.layers:
            layer.moving_mean.assign(keras.ops.zeros(layer.moving_mean.shape))
            layer.moving_variance.assign(keras.ops.zeros(layer.moving_variance.shape))
        self._forward.predict_on_batch(images)
        statistics = []
        for layer in self.layers:
            # A moving average that began at 0 has, after n updates, taken in this share of what it averages.
            share = 1.0 - layer.momentum ** self._updates[layer.name]
            moving = (layer.moving_mean, layer.moving_variance)
            statistics.append([keras.ops.convert_to_numpy(value) / share for value in moving])
        return statistics


def updates_per_pass(model):
    """How often each layer is used in one pass through the network: a dict from layer name to int."""
    return {layer["name"]: len(layer["inbound_nodes"]) for layer in model.get_config()["layers"]}


class TrainingModeForward(keras.Model):
    """A network run as in training, whose result is small enough to throw away."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def call(self, images):
        outputs = keras.tree.flatten(self.model(images, training=True))
        return [keras.ops.mean(output, axis=tuple(range(1, len(output.shape)))) for output in outputs]
