"""Gradient accumulation and loss scaling on several replicas of TensorFlow.

Overrides private methods of Keras's optimizers; tried with Keras 3.15, and `test_replicas.py` notices changes.
"""

import keras
import tensorflow as tf

from utils.replicas import num_replicas, sum_over_replicas


class ReplicaAccumulationMixin:
    """Mixin of TensorFlow optimizers, before Keras's class in the list of bases: all replicas branch together.

    Keras branches in each replica between an update and accumulation. TensorFlow refuses branches in which replicas
    exchange gradients.
    """

    def _backend_apply_gradients(self, grads, trainable_variables):
        if not self.gradient_accumulation_steps or num_replicas() == 1:
            super()._backend_apply_gradients(grads, trainable_variables)
            return
        tf.distribute.get_replica_context().merge_call(self._branch, args=(grads, trainable_variables))
        if self.use_ema:
            self._update_model_variables_moving_average(self._trainable_variables)

    def _branch(self, strategy, grads, trainable_variables):
        """Updates or accumulates, on all replicas."""
        is_update = (self._iterations + 1) % self.gradient_accumulation_steps == 0

        def on_all(function):
            strategy.extended.call_for_each_replica(function, args=(grads, trainable_variables))

        tf.cond(is_update, lambda: on_all(self._update), lambda: on_all(self._accumulate))

    def _update(self, grads, trainable_variables):
        pairs = zip(grads, self._accumulators(trainable_variables))
        grads = [(grad + accumulated) / self.gradient_accumulation_steps for grad, accumulated in pairs]
        self._apply_weight_decay(trainable_variables)
        self._backend_update_step(grads, trainable_variables, self.learning_rate)
        self._backend_reset_gradient_accumulators()

    def _accumulate(self, grads, trainable_variables):
        self._backend_increment_gradient_accumulators(grads, self._accumulators(trainable_variables))

    def _accumulators(self, trainable_variables):
        return [self._accumulated_gradients[self._get_variable_index(variable)] for variable in trainable_variables]


@keras.saving.register_keras_serializable(package="suite")
class ReplicaLossScaleOptimizer(keras.optimizers.LossScaleOptimizer):
    """Loss scaling that leaves out an update if a gradient of any replica is not finite; Keras looks at the first."""

    def check_finite(self, grads):
        bad = tf.cast(tf.logical_not(super().check_finite(grads)), "int32")
        return tf.equal(sum_over_replicas(bad), 0)


def scale_loss(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Wraps an optimizer for training in float16 on several replicas; others are returned as they are."""
    is_half = keras.config.dtype_policy().name == "mixed_float16"
    return ReplicaLossScaleOptimizer(optimizer) if is_half and num_replicas() > 1 else optimizer
