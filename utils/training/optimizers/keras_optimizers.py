"""Keras's optimizers with a parameter group and an average of the weights, for every backend."""

import keras

from utils.training.optimizers.ema import MovingAverageMixin
from utils.training.optimizers.parameter_groups import ParameterGroupMixin


@keras.saving.register_keras_serializable(package="suite")
class RMSprop(ParameterGroupMixin, MovingAverageMixin, keras.optimizers.RMSprop):
    """RMSprop (Hinton 2012)."""


@keras.saving.register_keras_serializable(package="suite")
class Adam(ParameterGroupMixin, MovingAverageMixin, keras.optimizers.Adam):
    """Adam (Kingma 2014, 1412.6980)."""


@keras.saving.register_keras_serializable(package="suite")
class AdamW(ParameterGroupMixin, MovingAverageMixin, keras.optimizers.AdamW):
    """Adam with decoupled weight decay (Loshchilov 2017, 1711.05101)."""


@keras.saving.register_keras_serializable(package="suite")
class SGD(ParameterGroupMixin, MovingAverageMixin, keras.optimizers.SGD):
    """Stochastic gradient descent with momentum."""
