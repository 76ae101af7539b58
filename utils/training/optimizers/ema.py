"""The moving average of the weights of a training, which is scored and saved in their place.

Over the last steps weights wander about a good place; their mean is nearer to it than any of them (Polyak averaging, as
an exponential moving average: Tarvainen 2017, 1703.01780). Keras's optimizers keep it beside their own state.
"""

import contextlib

import keras

from utils.training.optimizers.parameter_groups import inner_optimizer


@contextlib.contextmanager
def averaged_weights(model):
    """Inside, the network has the average of its weights; its optimizer keeps the weights meanwhile.

    A checkpoint written inside has the average where everyone looks for weights, and all that it takes to go on.

    Args:
        model: compiled `keras.Model`. Without an average (`--ema 0`) nothing happens.
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
    # The optimizer's own list: the network's is shorter while a part is frozen.
    for weight, average in zip(optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True):
        value = keras.ops.convert_to_numpy(weight)
        if weight.trainable:
            weight.assign(average)
        average.assign(value)  # of a frozen weight, the weight
