"""Optimizers with TensorFlow's fused updates: one operation per variable in place of about ten.

They compute what Keras's optimizers compute and keep the same state. A graph has hundreds of variables, so that updates
would be most of its operations, and tracing and optimizing them would take longer than the first step itself.

Measured on two busy CPU cores with 160x224 images, medians of six interleaved runs: time to the end of the first step
of `custom` on MobileNetV3Small 7.7 instead of 14.2 s with RMSprop and 10.0 instead of 19.7 s with AdamW, of
`DeepLabV3_plus` on ResNet50 with AdamW 7.0 instead of 16.4 s. Later steps take the same time.

Reads private members of Keras's optimizers; tried with Keras 3.15, and `test_fused.py` notices changes.
"""

import keras
import tensorflow as tf

from utils.training.optimizers import keras_optimizers
from utils.training.optimizers.finite import FiniteGradientsMixin
from utils.training.optimizers.replicated import ReplicaAccumulationMixin


@keras.saving.register_keras_serializable(package="suite")
class RMSprop(ReplicaAccumulationMixin, FiniteGradientsMixin, keras_optimizers.RMSprop):
    """RMSprop without momentum and not centered, as by default in Keras."""

    def build(self, variables):
        super().build(variables)
        # The operation requires a momentum. Without momentum that is the last update, which need not be kept. Variables
        # of one shape share it, because graphs preserve the order of operations on one resource.
        shapes = {(tuple(variable.shape), variable.dtype) for variable in variables}
        self._last_updates = {(shape, dtype): tf.Variable(tf.zeros(shape, dtype)) for shape, dtype in shapes}

    def update_step(self, gradient, variable, learning_rate):
        velocity = self._velocities[self._get_variable_index(variable)]
        last_update = self._last_updates[tuple(variable.shape), variable.dtype.name]
        tf.raw_ops.ResourceApplyRMSProp(
            var=variable.handle,
            ms=handle(velocity),
            mom=last_update.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            rho=self.rho,
            momentum=0.0,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )


class AdamUpdate:
    """The update of Adam and AdamW; weight decay comes before it."""

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        step = tf.cast(tf.convert_to_tensor(self.iterations) + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=handle(self._momentums[index]),
            v=handle(self._velocities[index]),
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            beta1=self.beta_1,
            beta2=self.beta_2,
            lr=tf.cast(learning_rate, variable.dtype),
            epsilon=self.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )


@keras.saving.register_keras_serializable(package="suite")
class Adam(AdamUpdate, ReplicaAccumulationMixin, FiniteGradientsMixin, keras_optimizers.Adam):
    """Adam without amsgrad, as by default in Keras."""


@keras.saving.register_keras_serializable(package="suite")
class AdamW(AdamUpdate, ReplicaAccumulationMixin, FiniteGradientsMixin, keras_optimizers.AdamW):
    """Adam with decoupled weight decay."""


@keras.saving.register_keras_serializable(package="suite")
class SGD(ReplicaAccumulationMixin, FiniteGradientsMixin, keras_optimizers.SGD):
    """Stochastic gradient descent with momentum."""

    def update_step(self, gradient, variable, learning_rate):
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=handle(self.momentums[self._get_variable_index(variable)]),
            lr=tf.cast(learning_rate, variable.dtype),
            momentum=self.momentum,
            use_nesterov=self.nesterov,
            grad=tf.cast(gradient, variable.dtype),
        )


def handle(variable):
    """Returns the resource of a Keras variable."""
    return variable.value.handle
