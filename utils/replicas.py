"""Replicas of a TensorFlow training: a copy of the network on each device (`tf.distribute.MirroredStrategy`).

Each replica takes its part of a batch, and gradients are added up. What concerns a batch as a whole is added up here.
Other backends have one replica, whatever the number of their devices. Importing this file imports no Keras or NumPy.
"""

import contextlib
import functools
from collections.abc import Iterator, Sequence

_strategy = None


def set_replicas(devices: Sequence[str]) -> None:
    """Selects the devices of the networks that are built later in a `replica_scope`; one needs no strategy."""
    global _strategy
    _strategy = _build_strategy(tuple(devices)) if len(devices) > 1 else None


@contextlib.contextmanager
def replica_scope() -> Iterator[None]:
    """Context in which networks and optimizers are made for the devices of `set_replicas`. Also a decorator."""
    with _strategy.scope() if _strategy else contextlib.nullcontext():
        yield


def num_replicas() -> int:
    """Returns the number of replicas of the current `tf.distribute` strategy; 1 on other backends."""
    import keras

    if keras.config.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def replicas_of(model) -> int:
    """Returns the number of replicas that a `keras.Model` trains on; 1 on other backends."""
    strategy = getattr(model, "distribute_strategy", None)
    return strategy.num_replicas_in_sync if strategy else 1


def sum_over_replicas(x):
    """Adds up a tensor over the replicas, each of which gets the sum. Gradients flow back to all of them."""
    return _all_reduce("sum", x)


def mean_over_replicas(x):
    """Averages a tensor over the replicas, see `sum_over_replicas`."""
    return _all_reduce("mean", x)


def assign_sum(variable, value) -> None:
    """Sets a variable that is a sum over the replicas, as those of metrics are.

    TensorFlow would give each replica an equal part and round it, if it is an integer.

    Args:
        variable: `keras.Variable`.
        value: NumPy array of the same shape.
    """
    parts = getattr(variable.value, "values", None)  # of a SyncOnReadVariable
    if parts is None:
        variable.assign(value.astype(variable.dtype))
        return
    for part, array in zip(parts, [value, *[0 * value] * (len(parts) - 1)]):
        part.assign(array.astype(variable.dtype))


def _all_reduce(operation, x):
    if num_replicas() == 1:
        return x
    import tensorflow as tf

    context = tf.distribute.get_replica_context()  # None outside of a step
    return context.all_reduce(operation, x) if context else x


@functools.cache  # two strategies in a process would mix up what their replicas exchange (TensorFlow 2.21)
def _build_strategy(devices):
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # it reports how gradients are added up
    return tf.distribute.MirroredStrategy(devices)
