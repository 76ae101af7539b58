"""Complexity of a network: parameters and floating point operations."""

import math
from collections.abc import Iterator

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
    return sum(flops for _, _, flops in layer_flops(model))


def layer_flops(model: keras.Model) -> Iterator[tuple[str, tuple[int, ...], int]]:
    """Counts the operations of each use of a layer, as `count_flops` does.

    Args:
        model: `keras.Model` with a fixed input height and width.

    Yields:
        `(name, positions, flops)`: of the layer; the height and width of the feature map that its kernel is applied to,
        or that it computes; int.

    Raises:
        ValueError: if the input size is not fixed.
    """
    if None in model.input.shape[1:]:
        raise ValueError(f"operations are counted for a fixed input size, not for {model.input.shape}")
    layers = {layer.name: layer for layer in model.layers}
    for entry in model.get_config()["layers"]:
        layer = layers.get(entry["name"])  # None for an operation such as the sum of two tensors
        weights = layer.weights if layer else []
        kernels = sum(math.prod(weight.shape) for weight in weights if "kernel" in weight.name)
        for node in entry["inbound_nodes"] if kernels else []:  # a node for each use of the layer
            positions = _positions(layer, node["args"][0]["config"]["shape"])
            yield layer.name, positions, 2 * kernels * math.prod(positions)


def _positions(layer, input_shape):
    """Returns the height and width of the map at which a layer applies its kernel to an image of this batch shape."""
    applied_to_input = isinstance(layer, (keras.layers.Conv2DTranspose, keras.layers.Dense))
    shape = input_shape if applied_to_input else layer.compute_output_shape(tuple(input_shape))
    return tuple(shape[1:-1])
