"""Batch statistics at test time: normalizes by the statistics of the given images instead of the moving averages."""

import functools

from frontends.batch_norm import batch_norm_layers


def use_batch_statistics(model):
    """Makes a network normalize by the statistics of the images that it is given, in inference too.

    The authors of FC-DenseNet test this way (Jégou 2017, 1611.09326). The original suite does too, with dropout on;
    here dropout is off. The result for an image depends on the others of its batch. Moving statistics do not change.

    Args:
        model: functional `keras.Model`; changed in place, before it is compiled.
    """
    for layer in batch_norm_layers(model):
        # Frozen layers would use the moving statistics; a momentum of 1 keeps those as they are.
        layer.trainable, layer.momentum = True, 1.0
        layer.call = functools.partial(_call_in_training_mode, layer.call)


def _call_in_training_mode(call, inputs, training=None, mask=None):
    """Calls a layer in training mode, whatever mode was asked for."""
    return call(inputs, training=True, mask=mask)
