"""Starting with the weights of another checkpoint of the same network, whose classes may be others."""

import collections
import re
from typing import NamedTuple

import keras
import numpy as np

from models import build_model, inference_model
from utils.checkpoints import load_network
from utils.settings import read_checkpoint
from utils.training.build import training_heads

NUMBERED = re.compile(r"(.*?)(?:_(\d+))?$")


class Match(NamedTuple):
    """What came of one tensor.

    Attributes:
        layer: str, name of the layer it belongs to.
        size: int, numbers in it.
        copied: int, those that come from the checkpoint.
    """

    layer: str
    size: int
    copied: int


def start_from(path, model, settings):
    """Puts a checkpoint's weights into a network where they fit.

    What depends on the classes is taken over class by class where their names are equal, whatever their order; other
    classes keep their initialization. The optimizer begins anew.

    Args:
        path: of the checkpoint, which `check_source` accepted.
        model: `keras.Model` of `build_model`.
        settings: dict of the new run, with "class_names".

    Returns:
        List of `Match`, one for each tensor of `model`.
    """
    source, source_settings = load_network(path)
    names = [[name.casefold() for name in one["class_names"]] for one in (settings, source_settings)]
    ours, theirs = tensors_by_place(model), tensors_by_place(source)
    depending, matches = {}, []
    if names[0] != names[1] and len(names[0]) == len(names[1]):  # then the shapes of the two do not tell
        depending = tensors_by_place(probe(source_settings))
    for place, (layer, variable) in ours.items():
        value = theirs[place][1] if place in theirs else None
        other_shape = depending[place][1].shape if place in depending else None
        matches.append(Match(layer, variable_size(variable), copy_tensor(variable, value, *names, other_shape)))
    return matches


def probe(settings):
    """The same network with one class more: by its shapes one can tell what depends on the number of classes."""
    return build_model(
        settings["model"],
        settings["num_classes"] + 1,
        settings["frontend"],
        training_heads=bool(training_heads(settings)),
        output_stride=settings["output_stride"],
    )


def copy_tensor(variable, value, our_names, their_names, other_shape=None):
    """Copies what fits.

    Args:
        variable: `keras.Variable` to change.
        value: the checkpoint's `keras.Variable` of the same place, or None.
        our_names, their_names: lists of str, the classes of both.
        other_shape: shape of this tensor with another number of classes; None to compare the two at hand.

    Returns:
        int, how many numbers were copied.
    """
    if value is None or len(value.shape) != len(variable.shape):
        return 0
    other_shape = value.shape if other_shape is None else other_shape
    axes = [axis for axis, sizes in enumerate(zip(variable.shape, other_shape)) if sizes[0] != sizes[1]]
    if any((variable.shape[axis], value.shape[axis]) != (len(our_names), len(their_names)) for axis in axes):
        return 0  # another width, or several numbers for each class
    if not axes:
        variable.assign(value)
        return variable_size(variable)
    common = [(our_names.index(name), their_names.index(name)) for name in our_names if name in their_names]
    if not common:
        return 0
    here, there = zip(*common)
    result, source = (keras.ops.convert_to_numpy(one).copy() for one in (variable, value))
    to, since = (
        np.ix_(*(chosen if axis in axes else range(size) for axis, size in enumerate(one.shape)))
        for one, chosen in ((result, here), (source, there))
    )
    result[to] = source[since]
    variable.assign(result)
    return source[since].size


def variable_size(variable):
    """Numbers in a variable."""
    return int(np.prod(variable.shape))


def tensors_by_place(model):
    """A network's tensors by what tells their place in any process.

    Keras numbers unnamed layers in the order of their making, but begins where the last network ended. Here they are
    counted anew: within what gives the logits, and within each training head, which a run may lack.

    Returns:
        Dict from `(part, name without number, rank, index in the layer)` to `(layer name, keras.Variable)`.
    """
    heads = model.output if isinstance(model.output, dict) else {}
    parts = {"logits": inference_model(model).layers}
    parts.update((head, keras.Model(model.input, heads[head]).layers) for head in heads if head != "logits")
    taken, places = set(), {}
    for part, layers in parts.items():
        layers = [layer for layer in flat(layers) if layer.weights and id(layer) not in taken]
        taken.update(map(id, layers))
        counts, names = collections.Counter(), {}
        for layer in sorted(layers, key=number):
            name = NUMBERED.match(layer.name).group(1)
            names[layer.name] = name, counts[name]
            counts[name] += 1
        for layer in layers:
            for index, variable in enumerate(layer.weights):
                places[part, *names[layer.name], index] = layer.name, variable
    return places


def flat(layers):
    """Layers, those of nested networks one by one."""
    for layer in layers:
        yield from flat(layer.layers) if hasattr(layer, "layers") else [layer]


def number(layer):
    """The number at the end of a layer's name; -1 if there is none."""
    return int(NUMBERED.match(layer.name).group(2) or -1)


def report(matches, path, settings):
    """What came of it, as a line of text. Arguments as those and the result of `start_from`."""
    whole = [match for match in matches if match.copied == match.size]
    share = sum(match.copied for match in matches) / sum(match.size for match in matches)
    text = f"{len(whole)} of {len(matches)} tensors ({100 * share:.1f} % of parameters) from {path}"
    for words, chosen in (
        ("in part, by names of classes", [match for match in matches if 0 < match.copied < match.size]),
        ("new", [match for match in matches if not match.copied]),
    ):
        layers = dict.fromkeys(match.layer for match in chosen)
        text += f"; {words}: {', '.join(layers)}" if layers else ""
    known = {name.casefold() for name in read_checkpoint(path)[0]["class_names"]}
    new = [name for name in settings["class_names"] if name.casefold() not in known]
    return f"{text}; new classes: {', '.join(new)}" if new else text
