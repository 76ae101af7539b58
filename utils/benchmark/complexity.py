"""Complexity of a network: parameters and floating point operations."""

import math

import keras


def without_weights():
    """Returns a context in which networks are built without values of their weights, in half the time."""
    return keras.StatelessScope(initialize_variables=False)


def count_parameters(model: keras.Model) -> int:
    """Counts trainable parameters."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def count_flops(model: keras.Model) -> int:
    """Counts floating point operations of a forward pass for one image.

    Counts convolutions and dense layers, a multiplication and an addition as two operations. The rest (batch norm,
    activations, pooling, resizing) is a few percent.

    Args:
        model: `keras.Model` with a fixed input height and width.

    Raises:
        ValueError: if the input size is not fixed.
    """
    if None in model.input.shape[1:]:
        raise ValueError(f"operations are counted for a fixed input size, not for {model.input.shape}")
    total, layers = 0, {layer.name: layer for layer in model.layers}
    for entry in model.get_config()["layers"]:
        layer = layers.get(entry["name"])  # None for an operation such as the sum of two tensors
        weights = layer.weights if layer else []
        kernels = sum(math.prod(weight.shape) for weight in weights if "kernel" in weight.name)
        for node in entry["inbound_nodes"] if kernels else []:  # a node for each use of the layer
            total += 2 * kernels * _positions(layer, node["args"][0]["config"]["shape"])
    return total


def _positions(layer, input_shape):
    """Counts the positions at which a layer applies its kernel to an image of this batch shape."""
    applied_to_input = isinstance(layer, (keras.layers.Conv2DTranspose, keras.layers.Dense))
    shape = input_shape if applied_to_input else layer.compute_output_shape(tuple(input_shape))
    return math.prod(shape[1:-1])
