"""Keras's optimizers with TensorFlow's fused updates: one operation a weight in place of about ten.

They compute what Keras's do and keep the same state. A graph has hundreds of weights, so that most of its operations
would be updates: tracing and optimizing them takes longer than the first step itself.
"""

import keras
import tensorflow as tf

from utils.training.optimizers.parameter_groups import ParameterGroupMixin

APPLY = tf.raw_ops


@keras.saving.register_keras_serializable(package="suite")
class RMSprop(ParameterGroupMixin, keras.optimizers.RMSprop):
    """RMSprop without momentum and not centered (Keras's defaults)."""

    def build(self, variables):
        super().build(variables)
        # The operation insists on a momentum. Without momentum that is the last update, no state worth keeping, and
        # weights of one shape can share it: graphs keep operations on one resource in order.
        shapes = {(tuple(variable.shape), variable.dtype) for variable in variables}
        self._last_updates = {(shape, dtype): tf.Variable(tf.zeros(shape, dtype)) for shape, dtype in shapes}

    def update_step(self, gradient, variable, learning_rate):
        velocity = self._velocities[self._get_variable_index(variable)]
        last_update = self._last_updates[tuple(variable.shape), variable.dtype.name]
        APPLY.ResourceApplyRMSProp(
            var=variable.handle,
            ms=handle(velocity),
            mom=last_update.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            rho=self.rho,
            momentum=0.0,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )


class _Adam:
    """The update that Adam and AdamW share; weight decay comes before it."""

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        step = tf.cast(tf.convert_to_tensor(self.iterations) + 1, variable.dtype)
        APPLY.ResourceApplyAdam(
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
class Adam(_Adam, ParameterGroupMixin, keras.optimizers.Adam):
    """Adam without amsgrad (Keras's default)."""


@keras.saving.register_keras_serializable(package="suite")
class AdamW(_Adam, ParameterGroupMixin, keras.optimizers.AdamW):
    """Adam with decoupled weight decay."""


@keras.saving.register_keras_serializable(package="suite")
class SGD(ParameterGroupMixin, keras.optimizers.SGD):
    """Gradient descent with momentum."""

    def update_step(self, gradient, variable, learning_rate):
        APPLY.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=handle(self.momentums[self._get_variable_index(variable)]),
            lr=tf.cast(learning_rate, variable.dtype),
            momentum=self.momentum,
            use_nesterov=self.nesterov,
            grad=tf.cast(gradient, variable.dtype),
        )


def handle(variable):
    """The resource of a Keras variable."""
    return variable.value.handle
