"""Rematerialization (gradient checkpointing): training in less memory, for about a third more time.

A network is cut into segments. The forward pass keeps only the tensors that pass from one segment to another; the
backward pass computes each segment once more when its gradient is needed (Chen 2016, 1604.06174). Works on any
functional network and every backend.

`keras.RematScope` (Keras 3.15) cannot replace this: it recomputes single layers, whose inputs are all kept, and on
TensorFlow it fails for layers that are called with `training`.
"""

import inspect
import math
from typing import NamedTuple

import keras
import numpy as np

BUDGETS = 24  # segment sizes that are tried


class Call(NamedTuple):
    """One call of a layer or operation.

    Attributes:
        operation: the layer or operation.
        args, kwargs: its arguments, among them Keras tensors.
        outputs: list of Keras tensors.
    """

    operation: object
    args: tuple
    kwargs: dict
    outputs: list

    @property
    def inputs(self):
        """Keras tensors among the arguments."""
        return [x for x in keras.tree.flatten((self.args, self.kwargs)) if isinstance(x, keras.KerasTensor)]


def rematerialize(model, input_shape):
    """Makes a network keep few of its features in training. Weights, outputs and gradients stay the same.

    Args:
        model: functional `keras.Model` with one input; changed in place.
        input_shape: `(height, width, channels)` of a training image, for the choice of segments.

    Returns:
        The number of segments.
    """
    images, outputs, calls = record_calls(model, input_shape)
    cuts = choose_cuts(calls, outputs)
    segments = [Segment(calls, start, end, outputs) for start, end in zip(cuts, cuts[1:])]
    original_call = model.call

    def call(inputs, training=None, mask=None):
        if not training:
            return original_call(inputs, training=training, mask=mask)
        values = {id(images): keras.ops.cast(inputs, images.dtype)}
        for segment in segments:
            segment(values)
        return keras.tree.map_structure(lambda x: values[id(x)], outputs)

    # Each layer casts its weights itself; the network would pass on half-precision ones.
    model.autocast = False
    model.call = call
    return len(segments)


def record_calls(model, input_shape):
    """Lists the operations of a network in the order of their execution.

    Returns:
        `(images, outputs, calls)`: Keras tensor of the input, structure of those of the outputs, list of `Call`.
    """
    calls = []

    def call(operation, *args, **kwargs):
        result = operation(*args, **kwargs)
        if "training" in inspect.signature(operation.call).parameters:
            kwargs["training"] = True  # in the backward pass no network passes it on
        calls.append(Call(operation, args, kwargs, keras.tree.flatten(result)))
        return result

    images = keras.Input(input_shape, dtype=model.input.dtype)
    copy = keras.models.clone_model(model, images, clone_function=lambda layer: layer, call_function=call)
    return images, copy.output, calls


class Segment:
    """Consecutive operations as one function whose inner values are not kept.

    Args:
        calls: list of all `Call`.
        start, end: int, the range of this segment.
        outputs: structure of the network's output tensors.
    """

    def __init__(self, calls, start, end, outputs):
        self.calls = calls[start:end]
        inner = {id(x) for call in self.calls for x in call.outputs}
        needed = {id(x) for call in calls[end:] for x in call.inputs} | {id(x) for x in keras.tree.flatten(outputs)}
        self.inputs = list(dict.fromkeys(id(x) for call in self.calls for x in call.inputs if id(x) not in inner))
        self.outputs = [id(x) for call in self.calls for x in call.outputs if id(x) in needed]
        layers = {id(call.operation): call.operation for call in self.calls if isinstance(call.operation, keras.Layer)}
        self.layers = list(layers.values())
        operations = [call.operation for call in self.calls]
        self.generators = [layer.seed_generator for layer in operations if getattr(layer, "rate", 0) > 0]

    def __call__(self, values):
        """Computes the segment.

        Args:
            values: dict from ids of Keras tensors to tensors; the outputs that later segments need are added.
        """
        inputs = {name: values[name] for name in self.inputs}
        # Gradients exist for arguments of the function only, and for floating-point ones.
        names = [name for name in self.inputs if keras.backend.is_float_dtype(inputs[name].dtype)]
        # At each call, because layers can be frozen later; nothing of theirs changes.
        trainable = [weight for layer in self.layers for weight in layer.trainable_weights]
        statistics = [weight for layer in self.layers if layer.trainable for weight in layer.non_trainable_weights]
        frozen = [weight for layer in self.layers if not layer.trainable for weight in layer.weights]
        states = [*statistics, *frozen, *(generator.state for generator in self.generators)]
        states = [(variable, keras.ops.copy(variable)) for variable in states]  # as they are now

        def compute(*arguments):
            weights = list(zip(trainable, arguments[len(names) :]))
            local = {**inputs, **dict(zip(names, arguments))}
            # Without side effects, because it is computed twice, the second time with the same dropout.
            with keras.StatelessScope(weights + states) as scope:
                for call in self.calls:
                    run(call, local)
            averages = [keras.ops.stop_gradient(scope.get_current_value(v)) for v in statistics]
            return [local[name] for name in self.outputs] + averages

        weights = [variable.value for variable in trainable]
        results = keras.remat(compute)(*(inputs[name] for name in names), *weights)
        values.update(zip(self.outputs, results))
        for variable, value in zip(statistics, results[len(self.outputs) :]):
            variable.assign(value)
        for generator in self.generators:
            generator.next()


def run(call, values):
    """Executes a `Call` on the tensors in `values` and adds its outputs."""
    args, kwargs = keras.tree.map_structure(
        lambda x: values[id(x)] if isinstance(x, keras.KerasTensor) else x, (call.args, call.kwargs)
    )
    results = keras.tree.flatten(call.operation(*args, **kwargs))
    values.update((id(x), result) for x, result in zip(call.outputs, results))


def choose_cuts(calls, outputs):
    """Chooses cuts for which the tensors that are kept and the largest segment together are small.

    Args:
        calls: list of `Call`.
        outputs: structure of the network's output tensors.

    Returns:
        Increasing list of int from 0 to `len(calls)`.
    """
    size = np.array([sum(map(tensor_bytes, call.outputs)) for call in calls])
    created = {id(x): (index, tensor_bytes(x)) for index, call in enumerate(calls) for x in call.outputs}
    last_use = {id(x): index for index, call in enumerate(calls) for x in call.inputs}
    last_use.update((id(x), len(calls)) for x in keras.tree.flatten(outputs))
    spans = [(index, last_use.get(name, index), weight) for name, (index, weight) in created.items()]
    passing = np.zeros(len(calls) + 1)  # bytes that pass each cut
    for index, last, weight in spans:
        passing[index + 1 : last + 1] += weight

    def memory(cuts):
        kept = sum(weight for index, last, weight in spans if any(index < cut <= last for cut in cuts[1:-1]))
        return kept + max(size[start:end].sum() for start, end in zip(cuts, cuts[1:]))

    budgets = np.geomspace(size.max(), size.sum(), BUDGETS)
    return min((cuts_within(size, passing, budget) for budget in budgets), key=memory)


def cuts_within(size, passing, budget):
    """Returns cuts for which no segment creates more than `budget` bytes, each cut in the later half of its range."""
    cuts, total = [0], np.cumsum(size)
    while cuts[-1] < len(size):
        start = cuts[-1]
        created = total - (total[start - 1] if start else 0)
        furthest = max(start + 1, int(np.searchsorted(created, budget * (1 + 1e-9), side="right")))
        if furthest >= len(size):
            return cuts + [len(size)]
        first = start + 1 + (furthest - start) // 2 if furthest > start + 1 else furthest
        cuts.append(first + int(np.argmin(passing[first : furthest + 1])))
    return cuts


def tensor_bytes(x):
    """Returns the size in bytes of a Keras tensor for one image."""
    itemsize = 2 if x.dtype == "bfloat16" else np.dtype(x.dtype).itemsize  # NumPy has no bfloat16
    return math.prod(size or 1 for size in x.shape[1:]) * itemsize
