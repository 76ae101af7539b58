"""Exponential moving average (EMA) of the weights, used for evaluation and checkpoints.

Late in training weights oscillate around a minimum; their mean is nearer to it than any of them (Polyak averaging, as
an EMA: Tarvainen 2017, 1703.01780). Keras's optimizers keep the average with their own state.

`keras.callbacks.SwapEMAWeights` cannot replace this: at the end of `fit` it loses the weights that training resumes
with, and it swaps by adding and subtracting, which changes their last digits (tried: by 1e-7 in two swaps).

Overrides private members of Keras's optimizers; tried with Keras 3.15, and `test_ema.py` notices changes.
"""

import contextlib

import keras
from keras import ops

from utils.training.optimizers.parameter_groups import inner_optimizer


class MovingAverageMixin:
    """Mixin of optimizers, before Keras's class in the list of bases: keeps weights and average apart.

    Frozen weights are not averaged.
    """

    def finalize_variable_values(self, variables):
        """Leaves the weights alone. Keras would overwrite them with their average after each `fit`."""

    def _update_model_variables_moving_average(self, variables):
        # On JAX frozen variables have no value here.
        momentum = ops.where(ops.equal(self.iterations, 0), 0.0, self.ema_momentum)
        for variable, average in zip(variables, self._model_variables_moving_average):
            if variable.trainable:
                past = ops.cast(momentum, variable.dtype)
                average.assign(past * average + (1 - past) * variable)


@contextlib.contextmanager
def averaged_weights(model):
    """Puts the average into the network inside the context; the optimizer keeps the weights meanwhile.

    A checkpoint written inside has the average as its weights, and everything needed to resume.

    Args:
        model: compiled `keras.Model`. Without an average (`--ema 0`) nothing changes.
    """
    exchange_average(model)
    try:
        yield
    finally:
        exchange_average(model)


def exchange_average(model):
    """Exchanges the weights and their average, if the optimizer keeps one."""
    optimizer = inner_optimizer(model.optimizer)
    if not optimizer.use_ema:
        return
    # The optimizer's own list: the network's is shorter while the frontend is frozen.
    for weight, average in zip(optimizer.built_variables, optimizer._model_variables_moving_average, strict=True):
        value = keras.ops.convert_to_numpy(weight)
        if weight.trainable:
            weight.assign(average)
        average.assign(value)  # of a frozen weight, the weight
