"""Warm start: initializes a network from a checkpoint of the same kind, also with a different set of classes."""

import collections
import pathlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np

from frontends.channels import spread_kernel
from models import inference_model
from utils.checkpoints import load_network
from utils.class_dict import ClassDict
from utils.training.build import build_network

NUMBERED = re.compile(r"(.*?)(?:_(\d+))?$")


class TensorTransfer(NamedTuple):
    """Transfer of one tensor.

    Attributes:
        layer: name of its layer.
        size: number of parameters.
        copied: number of parameters that come from the checkpoint.
    """

    layer: str
    size: int
    copied: int


class Transfer(NamedTuple):
    """Result of `start_from`.

    Attributes:
        tensors: one `TensorTransfer` for each tensor of the network.
        new_classes: names of the classes that the checkpoint lacks.
    """

    tensors: list[TensorTransfer]
    new_classes: list[str]


def start_from(path: str | pathlib.Path, model: keras.Model, class_names: Sequence[str]) -> Transfer:
    """Copies a checkpoint's weights into a network where they fit.

    Weights that belong to a class are copied by the class's name, in any order. Other classes keep their
    initialization. Kernels for RGB images are spread over another number of input channels. The optimizer starts anew.

    Args:
        path: the checkpoint, of the same network on the same frontend.
        model: `keras.Model` of `build_model`.
        class_names: C str, the classes of the new run.
    """
    source, source_settings = load_network(path)
    source_names = [name.casefold() for name in ClassDict.from_dict(source_settings).class_names]
    target_names = [name.casefold() for name in class_names]
    target_tensors, source_tensors, resized_tensors = tensors_by_place(model), tensors_by_place(source), {}
    if source_names != target_names and len(source_names) == len(target_names):
        # Shapes do not show which axes belong to classes; those of the same network with one class more do.
        resized_tensors = tensors_by_place(build_network(source_settings, len(source_names) + 1))
    tensors = []
    for place, (layer, variable) in target_tensors.items():
        value = source_tensors[place][1] if place in source_tensors else None
        resized_shape = resized_tensors[place][1].shape if place in resized_tensors else None
        if is_kernel_of_images(variable, value, model.input.shape[-1], source.input.shape[-1]):
            variable.assign(spread_kernel(keras.ops.convert_to_numpy(value), variable.shape[2]))
            copied = variable_size(variable)
        else:
            copied = copy_tensor(variable, value, target_names, source_names, resized_shape)
        tensors.append(TensorTransfer(layer, variable_size(variable), copied))
    return Transfer(tensors, [name for name in class_names if name.casefold() not in source_names])


def is_kernel_of_images(
    variable: keras.Variable, value: keras.Variable | None, channels: int, source_channels: int
) -> bool:
    """Returns whether a tensor is the kernel of a convolution on images, of RGB in the checkpoint and not here.

    Args:
        variable: the tensor to change.
        value: the checkpoint's tensor at the same place, or None.
        channels, source_channels: input channels of the network and of the checkpoint.
    """
    if value is None or channels == source_channels or source_channels != 3:
        return False
    shape = tuple(value.shape)
    return len(shape) == 4 and shape[2] == 3 and tuple(variable.shape) == (*shape[:2], channels, shape[3])


def copy_tensor(
    variable: keras.Variable,
    value: keras.Variable | None,
    target_names: Sequence[str],
    source_names: Sequence[str],
    resized_shape: tuple[int, ...] | None = None,
) -> int:
    """Copies the parts of a tensor that fit.

    Args:
        variable: the tensor to change.
        value: the checkpoint's tensor at the same place, or None.
        target_names, source_names: class names of the network and of the checkpoint.
        resized_shape: shape of the checkpoint's tensor with another number of classes; None to compare the two tensors.

    Returns:
        Number of parameters copied.
    """
    if value is None or len(value.shape) != len(variable.shape):
        return 0
    resized_shape = value.shape if resized_shape is None else resized_shape
    class_axes = [axis for axis, sizes in enumerate(zip(variable.shape, resized_shape)) if sizes[0] != sizes[1]]
    class_counts = len(target_names), len(source_names)
    if any((variable.shape[axis], value.shape[axis]) != class_counts for axis in class_axes):
        return 0  # another width, or several parameters per class
    if not class_axes:
        variable.assign(value)
        return variable_size(variable)
    common = [(target_names.index(name), source_names.index(name)) for name in target_names if name in source_names]
    if not common:
        return 0
    target_indices, source_indices = zip(*common)
    target, source = keras.ops.convert_to_numpy(variable).copy(), keras.ops.convert_to_numpy(value)
    copied = source[_grid(source.shape, class_axes, source_indices)]
    target[_grid(target.shape, class_axes, target_indices)] = copied
    variable.assign(target)
    return copied.size


def _grid(shape, class_axes, indices):
    """Returns an open mesh that selects `indices` on the class axes and everything on the others."""
    return np.ix_(*(indices if axis in class_axes else range(size) for axis, size in enumerate(shape)))


def variable_size(variable: keras.Variable) -> int:
    """Returns the number of parameters of a variable."""
    return int(np.prod(variable.shape))


def tensors_by_place(model: keras.Model) -> dict[tuple, tuple[str, keras.Variable]]:
    """Maps places, which are the same in every process, to a network's tensors.

    Keras numbers unnamed layers in the order they were created, across the networks of a process. Here they are
    numbered anew: within the part that computes the logits, and within each auxiliary head, which a run may lack.

    Returns:
        Dict from `(part, name without number, rank, index in the layer)` to `(layer name, keras.Variable)`.
    """
    heads = model.output if isinstance(model.output, dict) else {}
    parts = {"logits": inference_model(model).layers}
    parts.update((head, keras.Model(model.input, heads[head]).layers) for head in heads if head != "logits")
    seen, places = set(), {}
    for part, layers in parts.items():
        layers = [layer for layer in flatten_layers(layers) if layer.weights and id(layer) not in seen]
        seen.update(map(id, layers))
        counts, names = collections.Counter(), {}
        for layer in sorted(layers, key=trailing_number):
            name = NUMBERED.match(layer.name).group(1)
            names[layer.name] = name, counts[name]
            counts[name] += 1
        for layer in layers:
            for index, variable in enumerate(layer.weights):
                places[part, *names[layer.name], index] = layer.name, variable
    return places


def flatten_layers(layers: Iterable[keras.Layer]) -> Iterator[keras.Layer]:
    """Yields layers, and the layers of nested networks in their place."""
    for layer in layers:
        yield from flatten_layers(layer.layers) if hasattr(layer, "layers") else [layer]


def trailing_number(layer: keras.Layer) -> int:
    """Returns the number at the end of a layer's name; -1 if there is none."""
    return int(NUMBERED.match(layer.name).group(2) or -1)


def transfer_report(transfer: Transfer, path: str | pathlib.Path) -> str:
    """Describes a transfer from a checkpoint in one line."""
    tensors = transfer.tensors
    complete = [tensor for tensor in tensors if tensor.copied == tensor.size]
    share = sum(tensor.copied for tensor in tensors) / sum(tensor.size for tensor in tensors)
    parts = [f"{len(complete)} of {len(tensors)} tensors ({100 * share:.1f} % of parameters) from {path}"]
    for description, selected in (
        ("in part, by class name", [tensor for tensor in tensors if 0 < tensor.copied < tensor.size]),
        ("new", [tensor for tensor in tensors if not tensor.copied]),
    ):
        if selected:
            parts.append(f"{description}: {', '.join(dict.fromkeys(tensor.layer for tensor in selected))}")
    if transfer.new_classes:
        parts.append(f"new classes: {', '.join(transfer.new_classes)}")
    return "; ".join(parts)
