"""Batch statistics at test time, in place of moving statistics."""

import functools

from frontends.batch_norm import batch_norm_layers


def use_batch_statistics(model):
    """Makes batch norm use the statistics of the current batch, also at inference.

    The authors of FC-DenseNet test this way (Jégou 2017, 1611.09326). The original suite does too, with dropout on;
    here dropout is off. The result of an image depends on the others in its batch. Moving statistics do not change.

    Args:
        model: functional `keras.Model`; changed in place, before it is compiled.
    """
    for layer in batch_norm_layers(model):
        # Frozen layers would use the moving statistics; a momentum of 1 keeps those as they are.
        layer.trainable, layer.momentum = True, 1.0
        layer.call = functools.partial(_call_in_training_mode, layer.call)


def _call_in_training_mode(call, inputs, training=None, mask=None):
    """Calls a layer in training mode, whatever `training` is."""
    return call(inputs, training=True, mask=mask)
