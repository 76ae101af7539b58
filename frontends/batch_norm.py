"""Batch normalization: a fused layer, its momentum, and lists of such layers."""

import keras

# Keras's default of 0.99 leaves the moving statistics far behind the weights on small datasets: on CamVid a network
# that scores 0.52 mean IoU with 0.9 scores 0.05 with 0.99. (train.py also re-estimates them after each epoch.)
BATCH_NORM_MOMENTUM = 0.9


@keras.saving.register_keras_serializable(package="suite")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalization, computed by TensorFlow's fused operation on that backend.

    On TensorFlow, Keras composes it of about fifteen operations, which keep several copies of the features for the
    gradient. The fused operation keeps one copy, and a graph with a hundred such layers is traced in a fraction of the
    time. Weights, configuration and results are Keras's, except that the moving variance is updated with the unbiased
    variance of a batch (over n - 1 pixels), as in PyTorch. A `synchronized` layer takes the statistics of all replicas
    in training, and computes as the fused operation does; no configuration holds that it is one.

    Masks, renormalization, other axes, float64 and other backends fall back to Keras's implementation.
    """

    def call(self, inputs, training=None, mask=None):
        is_plain = (
            keras.config.backend() == "tensorflow"
            and mask is None
            and not self.renorm
            and len(inputs.shape) == 4
            and self.axis in (3, -1)
            and inputs.dtype.name != "float64"
        )
        if not is_plain:
            return super().call(inputs, training, mask)
        training = bool(training and self.trainable)
        return self._over_replicas(inputs) if training and self._has_replicas() else self._fused(inputs, training)

    def get_config(self):
        return {**super().get_config(), "synchronized": False}  # a matter of the devices that a network trains on

    def _has_replicas(self):
        """Returns whether the statistics of a batch are those of several replicas."""
        if not self.synchronized:
            return False
        import tensorflow as tf

        replica = tf.distribute.get_replica_context()  # None outside of a step
        return replica is not None and replica.num_replicas_in_sync > 1

    def _over_replicas(self, inputs):
        """Normalizes by the statistics of all replicas, each of which has as many pixels."""
        import tensorflow as tf

        replica = tf.distribute.get_replica_context()
        x = tf.cast(inputs, tf.float32)
        own_mean, own_variance = tf.nn.moments(x, (0, 1, 2))
        mean = replica.all_reduce("mean", own_mean)
        # Within each part, and between their means. Keras takes E[x²] - E[x]², which loses digits.
        variance = replica.all_reduce("mean", own_variance + tf.square(own_mean - mean))
        pixels = tf.cast(tf.size(x[..., 0]) * replica.num_replicas_in_sync, tf.float32)
        for moving, value in (
            (self.moving_mean, mean),
            (self.moving_variance, variance * pixels / tf.maximum(pixels - 1, 1)),
        ):
            moving.assign(moving * self.momentum + value * (1.0 - self.momentum))
        beta, gamma = self.beta if self.center else None, self.gamma if self.scale else None
        return tf.cast(tf.nn.batch_normalization(x, mean, variance, beta, gamma, self.epsilon), inputs.dtype)

    def _fused(self, inputs, training):
        import tensorflow as tf

        mean, variance = tf.convert_to_tensor(self.moving_mean), tf.convert_to_tensor(self.moving_variance)
        scale = tf.convert_to_tensor(self.gamma) if self.scale else tf.ones_like(mean)
        offset = tf.convert_to_tensor(self.beta) if self.center else tf.zeros_like(mean)
        # The operation computes in float32 in any case. On CPUs its half-precision loops are fast only for whole blocks
        # of channels: with twelve channels they take longer than casting there and back.
        x = tf.cast(inputs, tf.float32) if inputs.shape[-1] % 16 else inputs
        x, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=scale,
            offset=offset,
            mean=mean,
            variance=variance,
            epsilon=self.epsilon,
            exponential_avg_factor=1.0 - self.momentum,
            is_training=training,
        )
        if training:
            self.moving_mean.assign(mean)
            self.moving_variance.assign(variance)
        return tf.cast(x, inputs.dtype)


def batch_norm_layers(model):
    """Returns the batch-norm layers of a network, frozen ones included, in the network's order."""
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def set_batch_norm_momentum(model, momentum):
    """Sets the momentum, a float in 0..1, of every batch-norm layer of a network, the frontend's included."""
    for layer in batch_norm_layers(model):
        layer.momentum = momentum


def synchronize_batch_norm(model):
    """Makes batch norm in training take the statistics of all replicas of a TensorFlow strategy together."""
    for layer in batch_norm_layers(model):
        layer.synchronized = True


def fuse_batch_norm(model):
    """Replaces the batch normalization of a network by the fused one of this file; weights and names stay.

    The networks of `keras.applications` contain Keras's layers. Cloning a network to replace some of its layers would
    take longer than building it, so the layers change their class.

    Args:
        model: `keras.Model`; changed in place.
    """
    for layer in model.layers:
        if type(layer) is keras.layers.BatchNormalization:
            # Not a documented use of Keras: it works because a layer looks up `call` at each call, and because both
            # classes have the same attributes. Tried with Keras 3.15; tests/frontends/test_batch_norm.py checks this.
            layer.__class__ = BatchNormalization
