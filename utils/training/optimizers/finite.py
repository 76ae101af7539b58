"""Watch over gradients: the step in which each was first not finite, found in the graph of the training step.

Overrides private methods of Keras's optimizers; tried with Keras 3.15, and `test_finite.py` notices changes.
"""

import numpy as np
import tensorflow as tf

NEVER = np.iinfo(np.int32).max


class FiniteGradientsMixin:
    """Mixin of TensorFlow optimizers, before Keras's class in the list of bases.

    A gradient counts as not finite if its sum overflows, too. With mixed precision in float16, Keras leaves out updates
    whose gradients are not finite, and this class does not see them.

    Attributes:
        bad_since: int32 `(N,)`, for each variable the number of earlier updates when its gradient was first not finite;
            `NEVER` if it was not. It belongs to no checkpoint. Under `tf.distribute` each replica has its own.
    """

    def build(self, variables):
        super().build(variables)
        self.bad_since = tf.Variable(
            tf.fill([len(variables)], NEVER),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        self._watch(grads, trainable_variables)
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def _watch(self, grads, trainable_variables):
        """Notes which gradients are not finite."""
        finite = tf.math.is_finite(tf.stack([tf.reduce_sum(tf.cast(grad, "float32")) for grad in grads]))
        step = tf.cast(tf.convert_to_tensor(self.iterations), "int32")
        indices = [[self._get_variable_index(variable)] for variable in trainable_variables]
        found = tf.where(finite, NEVER, step)
        self.bad_since.assign(tf.tensor_scatter_nd_min(self.bad_since, indices, found))

    def forget_bad_gradients(self):
        """Begins to watch anew."""
        for part in self._parts():
            part.assign(tf.fill(part.shape, NEVER))

    def first_bad_gradients(self):
        """Finds the gradients that were not finite first.

        Returns:
            `(update, variables)`: the number of earlier updates, and the variables whose gradients were not finite
            then, in the order of the network; None if all were finite.
        """
        bad_since = np.min([part.numpy() for part in self._parts()], axis=0)
        first = bad_since.min(initial=NEVER)
        if first == NEVER:
            return None
        return int(first), [v for v, since in zip(self.built_variables, bad_since) if since == first]

    def _parts(self):
        """Returns the variables of the replicas, or the only one."""
        return getattr(self.bad_since, "values", (self.bad_since,))
