"""Rematerialization: training in less memory, for about a third more time.

A network is cut into segments. Forward, only what passes from one segment to another is kept; backward, each segment is
computed once more when its gradient is due (Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost,
1604.06174). Works on any functional network and any Keras engine.
"""

import inspect
import math
from typing import NamedTuple

import keras
import numpy as np

BUDGETS = 24  # sizes of segments that are tried


class Call(NamedTuple):
    """One use of a layer: what it is called with, and the Keras tensors that it gives."""

    operation: object
    args: tuple
    kwargs: dict
    outputs: list

    @property
    def inputs(self):
        """The Keras tensors among the arguments."""
        return [x for x in keras.tree.flatten((self.args, self.kwargs)) if isinstance(x, keras.KerasTensor)]


def rematerialize(model, input_shape):
    """Makes a network keep few of its features in training; weights, outputs and gradients stay the same.

    Args:
        model: functional `keras.Model` of one input; changed in place.
        input_shape: `(height, width, 3)` of a training image, by which the segments are chosen.

    Returns:
        The number of segments.
    """
    images, outputs, calls = record_calls(model, input_shape)
    cuts = choose_cuts(calls, outputs)
    segments = [Segment(calls, start, end, outputs) for start, end in zip(cuts, cuts[1:])]
    ordinary = model.call

    def call(inputs, training=None, mask=None):
        if not training:
            return ordinary(inputs, training=training, mask=mask)
        values = {id(images): keras.ops.cast(inputs, images.dtype)}
        for segment in segments:
            segment(values)
        return keras.tree.map_structure(lambda x: values[id(x)], outputs)

    # Each layer casts for itself; this one would hand on weights of half precision.
    model.autocast = False
    model.call = call
    return len(segments)


def record_calls(model, input_shape):
    """Lists the operations of a network in the order of their execution.

    Returns:
        `(images, outputs, calls)`: the Keras tensor of the input, a structure of those of the outputs, list of `Call`.
    """
    calls = []

    def call(operation, *args, **kwargs):
        result = operation(*args, **kwargs)
        if "training" in inspect.signature(operation.call).parameters:
            kwargs["training"] = True  # backward, no network is being called that could tell
        calls.append(Call(operation, args, kwargs, keras.tree.flatten(result)))
        return result

    images = keras.Input(input_shape, dtype=model.input.dtype)
    copy = keras.models.clone_model(model, images, clone_function=lambda layer: layer, call_function=call)
    return images, copy.output, calls


class Segment:
    """Some consecutive operations as one function whose inner values are not kept.

    Args:
        calls: list of all `Call`.
        start, end: int, the range of this segment.
        outputs: structure of the network's output tensors.
    """

    def __init__(self, calls, start, end, outputs):
        self.calls = calls[start:end]
        made = {id(x) for call in self.calls for x in call.outputs}
        later = {id(x) for call in calls[end:] for x in call.inputs} | {id(x) for x in keras.tree.flatten(outputs)}
        self.inputs = list(dict.fromkeys(id(x) for call in self.calls for x in call.inputs if id(x) not in made))
        self.outputs = [id(x) for call in self.calls for x in call.outputs if id(x) in later]
        layers = {id(call.operation): call.operation for call in self.calls if isinstance(call.operation, keras.Layer)}
        self.layers = list(layers.values())
        operations = [call.operation for call in self.calls]
        self.generators = [layer.seed_generator for layer in operations if getattr(layer, "rate", 0) > 0]

    def __call__(self, values):
        """Computes the segment.

        Args:
            values: dict from ids of Keras tensors to tensors; what later segments need is added.
        """
        given = {name: values[name] for name in self.inputs}
        # Only of what is an argument can there be a gradient, and only of numbers with fractions.
        names = [name for name in self.inputs if keras.backend.is_float_dtype(given[name].dtype)]
        # Now, for layers may have been frozen since: nothing of theirs changes.
        trainable = [weight for layer in self.layers for weight in layer.trainable_weights]
        statistics = [weight for layer in self.layers if layer.trainable for weight in layer.non_trainable_weights]
        frozen = [weight for layer in self.layers if not layer.trainable for weight in layer.weights]
        states = [*statistics, *frozen, *(generator.state for generator in self.generators)]
        states = [(variable, keras.ops.copy(variable)) for variable in states]  # as they are now

        def compute(*arguments):
            weights = list(zip(trainable, arguments[len(names) :]))
            local = {**given, **dict(zip(names, arguments))}
            # Nothing outside may change, for this happens twice; and the second time with the same dropout.
            with keras.StatelessScope(weights + states) as scope:
                for call in self.calls:
                    run(call, local)
            averages = [keras.ops.stop_gradient(scope.get_current_value(v)) for v in statistics]
            return [local[name] for name in self.outputs] + averages

        weights = [variable.value for variable in trainable]
        results = keras.remat(compute)(*(given[name] for name in names), *weights)
        values.update(zip(self.outputs, results))
        for variable, value in zip(statistics, results[len(self.outputs) :]):
            variable.assign(value)
        for generator in self.generators:
            generator.next()


def run(call, values):
    """Executes a `Call` on the tensors in `values`, and adds what it gives."""
    args, kwargs = keras.tree.map_structure(
        lambda x: values[id(x)] if isinstance(x, keras.KerasTensor) else x, (call.args, call.kwargs)
    )
    results = keras.tree.flatten(call.operation(*args, **kwargs))
    values.update((id(x), result) for x, result in zip(call.outputs, results))


def choose_cuts(calls, outputs):
    """Where to cut, so that what is kept and the largest segment together are small.

    Args:
        calls: list of `Call`.
        outputs: structure of the network's output tensors.

    Returns:
        Increasing list of int from 0 to `len(calls)`.
    """
    size = np.array([sum(map(tensor_bytes, call.outputs)) for call in calls])
    made = {id(x): (index, tensor_bytes(x)) for index, call in enumerate(calls) for x in call.outputs}
    used = {id(x): index for index, call in enumerate(calls) for x in call.inputs}
    used.update((id(x), len(calls)) for x in keras.tree.flatten(outputs))
    spans = [(index, used.get(name, index), weight) for name, (index, weight) in made.items()]
    passing = np.zeros(len(calls) + 1)  # bytes that go from before a cut to behind it
    for index, last, weight in spans:
        passing[index + 1 : last + 1] += weight

    def memory(cuts):
        kept = sum(weight for index, last, weight in spans if any(index < cut <= last for cut in cuts[1:-1]))
        return kept + max(size[start:end].sum() for start, end in zip(cuts, cuts[1:]))

    budgets = np.geomspace(size.max(), size.sum(), BUDGETS)
    return min((cuts_within(size, passing, budget) for budget in budgets), key=memory)


def cuts_within(size, passing, budget):
    """Cuts such that no segment makes more than `budget` bytes; each in the later half of what it could be."""
    cuts, total = [0], np.cumsum(size)
    while cuts[-1] < len(size):
        start = cuts[-1]
        made = total - (total[start - 1] if start else 0)
        furthest = max(start + 1, int(np.searchsorted(made, budget * (1 + 1e-9), side="right")))
        if furthest >= len(size):
            return cuts + [len(size)]
        first = start + 1 + (furthest - start) // 2 if furthest > start + 1 else furthest
        cuts.append(first + int(np.argmin(passing[first : furthest + 1])))
    return cuts


def tensor_bytes(x):
    """Size of a Keras tensor for one image."""
    itemsize = 2 if x.dtype == "bfloat16" else np.dtype(x.dtype).itemsize  # NumPy has no bfloat16
    return math.prod(size or 1 for size in x.shape[1:]) * itemsize
