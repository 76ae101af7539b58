"""Prediction of batches on the devices of a training, JAX only: each device predicts its images."""

import keras
import numpy as np


def predict_batch(model: keras.Model, inputs):
    """Predicts a batch, on all devices if `keras.distribution` spreads the training over several.

    Keras's `predict_on_batch` would predict the whole batch on each of them.

    Args:
        model: compiled functional `keras.Model`, whose images do not depend on each other.
        inputs: array, or list of arrays, whose first axis is that of the images.

    Returns:
        NumPy array, or list of arrays.
    """
    if keras.config.backend() != "jax" or keras.distribution.distribution() is None:
        outputs = model.predict_on_batch(inputs)
    else:
        if not hasattr(model, "sharded_forward"):
            model.sharded_forward = ShardedForward(model)
        outputs = model.sharded_forward(inputs)
    return [np.asarray(output) for output in outputs] if isinstance(outputs, list) else np.asarray(outputs)


class ShardedForward:
    """A network on those devices of the training that belong to this process, each with a part of the images.

    Processes work independently of each other: they may predict other numbers of images, of other sizes. Weights are
    not copied.

    Args:
        model: functional `keras.Model`.
    """

    def __init__(self, model):
        import jax
        from jax.sharding import Mesh, NamedSharding, PartitionSpec

        self.model = model
        own = jax.process_index()
        devices = keras.distribution.distribution().device_mesh.backend_mesh.devices.flat
        self.devices = [device for device in devices if device.process_index == own]
        mesh, whole, parts = Mesh(np.array(self.devices), ("batch",)), PartitionSpec(), PartitionSpec("batch")
        self._replicated, self._split = NamedSharding(mesh, whole), NamedSharding(mesh, parts)

        def forward(trainable, others, inputs):
            return model.stateless_call(trainable, others, inputs, training=False)[0]

        # Not jit alone: loops over images, as of their losses, would visit the devices in turn.
        specs = {"in_specs": (whole, whole, parts), "out_specs": parts, "check_vma": False}
        self._forward = jax.jit(jax.shard_map(forward, mesh=mesh, **specs))

    def __call__(self, inputs):
        import jax

        count = len(keras.tree.flatten(inputs)[0])
        weights = map(self._weights, (self.model.trainable_variables, self.model.non_trainable_variables))
        split = jax.tree.map(lambda array: jax.device_put(self._filled(array), self._split), inputs)
        outputs = self._forward(*weights, split)
        return jax.tree.map(lambda output: np.asarray(output)[:count], outputs)

    def _filled(self, array):
        """Repeats the last image until all devices have as many."""
        missing = -len(array) % len(self.devices)
        return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing else array

    def _weights(self, variables):
        """Returns the values of variables on the own devices, which have a copy each."""
        import jax

        values = []
        for variable in variables:
            copies = {shard.device: shard.data for shard in variable.value.addressable_shards}
            own = [copies[device] for device in self.devices]
            values.append(jax.make_array_from_single_device_arrays(variable.shape, self._replicated, own))
        return values
