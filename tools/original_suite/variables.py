"""Matches the variables of the original suite's networks, made with TF-slim, with the weights of ours."""

import re
from typing import NamedTuple

# Variables of optimizers and counters.
NOT_OF_THE_NETWORK = re.compile(
    r"(^|/)((RMSProp|Momentum|Adam|Adagrad|Adadelta|Ftrl|ExponentialMovingAverage)(_\d+)?"
    r"|global_step|beta[12]_power)(:\d+)?$"
)


class Kind(NamedTuple):
    """A kind of layer.

    Attributes:
        layer: name of its class in `keras.layers`.
        auto_name: what Keras calls such a layer, before the number, if nobody gives it a name.
        weights: from a variable's last name in TF-slim to the attribute of the Keras layer; the shapes are the same.
    """

    layer: str
    auto_name: str
    weights: dict


_CONVOLUTION = {"weights": "kernel", "biases": "bias"}
_DEPTHWISE = {"depthwise_weights": "kernel", "biases": "bias"}
_BATCH_NORM = {name: name for name in ("beta", "moving_mean", "moving_variance")}
# By what TF-slim calls such a layer, before the number. What has a name of its own (logits) is a convolution.
KINDS = {
    "Conv": Kind("Conv2D", "conv2d", _CONVOLUTION),
    "Conv2d_transpose": Kind("Conv2DTranspose", "conv2d_transpose", _CONVOLUTION),
    "SeparableConv2d": Kind("DepthwiseConv2D", "depthwise_conv2d", _DEPTHWISE),
    "BatchNorm": Kind("BatchNormalization", "batch_normalization", _BATCH_NORM),
}
# A batch norm of features that are normalized before, once for all that use them.
SHIFT = Kind("Shift", "shift", {"beta": "beta"})


def import_variables(model, variables):
    """Gives a network the weights that it had in the original suite.

    Layers of each kind are matched in the order of their making, and those that have a name of their own by it.

    Args:
        model: `keras.Model` of a network without a frontend, made by `build_model`.
        variables: list of `(name, array)` with the names of TF-slim, such as "Conv_3/weights" or "Conv_3/weights:0".
            Those of optimizers are ignored. Moving statistics may be left out, all of them; they then stay.

    Raises:
        ValueError: naming the first variable and layer that do not fit. Nothing is assigned then.
    """
    wanted, given = weights_by_place(model), variables_by_place(variables)
    for place, (name, value) in given.items():
        if place not in wanted:
            raise ValueError(f"the variable {name} {value.shape} has no layer in {model.name}")
        layer, weight = wanted[place]
        if value.shape != tuple(weight.shape):
            raise ValueError(
                f"the variable {name} has shape {value.shape}, layer {layer.name} needs {tuple(weight.shape)}"
            )
    statistics = any(is_statistic(name) for name, _ in given.values())
    for place, (layer, weight) in wanted.items():
        if place not in given and (statistics or not is_statistic(place[-1])):
            raise ValueError(f"there is no variable for the {place[-1]} {tuple(weight.shape)} of layer {layer.name}")
    check_shared_statistics(wanted, given)
    for place, (_, value) in given.items():
        wanted[place][1].assign(value)


def check_shared_statistics(wanted, given):
    """Raises ValueError if features that are normalized once here had several statistics in the original.

    Args:
        wanted: as `weights_by_place` returns it.
        given: as `variables_by_place` returns it.
    """
    import numpy as np

    first = {}  # from the path of a weight to the variable that it comes from and the value
    for place, (name, value) in given.items():
        weight = wanted[place][1]
        for part, of_part in weight.split(value) if isinstance(weight, Joined) else ():
            earlier, known = first.setdefault(part.path, (name, of_part))
            if not np.allclose(of_part, known, rtol=1e-3, atol=1e-6):
                raise ValueError(f"the variables {earlier} and {name} have different statistics of the same features")


def weights_by_place(model):
    """The weights of a network.

    Returns:
        Dict from `(kind, position, attribute)` to `(layer, weight)`, with the position as in `positions`.
    """
    kinds = {kind.layer: (name, kind) for name, kind in (*KINDS.items(), ("BatchNorm", SHIFT))}
    weights, names = {}, []
    for layer in model.layers:
        if not layer.weights or is_normalization_alone(layer):  # those are found from the shifts
            continue
        name, kind = kinds.get(type(layer).__name__, (None, None))
        if kind is None or len(layer.weights) != len(kind.weights):
            raise ValueError(f"layer {layer.name} of {model.name} is of no kind that the original suite has")
        weights[layer.name] = weights_of(layer, kind)
        names.append((layer.name, "", name, layer.name, kind.auto_name))
    return {
        (*position, attribute): (model.get_layer(name), weight)
        for name, position in positions(names).items()
        for attribute, weight in weights[name].items()
    }


def weights_of(layer, kind):
    """A dict from attribute to weight of a layer of this kind; a shift has its features' statistics too."""
    weights = {attribute: getattr(layer, attribute) for attribute in kind.weights.values()}
    if kind is SHIFT:
        norms = normalizations(layer.input)
        for name in ("moving_mean", "moving_variance"):
            weights[name] = Joined([getattr(norm, name) for norm in norms])
    return weights


def is_normalization_alone(layer):
    """Whether this is a batch norm without factor and shift."""
    return type(layer).__name__ == "BatchNormalization" and not (layer.scale or layer.center)


def normalizations(tensor):
    """The batch norms, a list in the order of the channels, whose joined outputs a Keras tensor is."""
    layer = tensor._keras_history.operation
    if type(layer).__name__ != "Concatenate":
        return [layer]
    return [norm for part in layer.input for norm in normalizations(part)]


class Joined:
    """Vectors that stand for one.

    Args:
        parts: list of `keras.Variable`, each `(n,)`.
    """

    def __init__(self, parts):
        self.parts = parts
        self.shape = (sum(part.shape[0] for part in parts),)

    def split(self, value):
        """Pairs of a part and its share of an array of the whole's shape."""
        import numpy as np

        return list(zip(self.parts, np.split(value, np.cumsum([part.shape[0] for part in self.parts])[:-1])))

    def assign(self, value):
        """Gives every part its share of an array of the whole's shape."""
        for part, of_part in self.split(value):
            part.assign(of_part)


def variables_by_place(variables):
    """The original suite's variables, without those of optimizers.

    Returns:
        Dict from `(kind, position, attribute)` to `(name, array)`, with the position as in `positions`.
    """
    import numpy as np

    variables = {name: np.asarray(value) for name, value in variables if not NOT_OF_THE_NETWORK.search(name)}
    split = {name: re.sub(r":\d+$", "", name).rpartition("/")[::2] for name in variables}
    names = []
    for scope in dict.fromkeys(scope for scope, _ in split.values()):
        outer, _, own = scope.rpartition("/")
        kind = re.sub(r"_\d+$", "", own)
        kind = kind if kind in KINDS else "Conv"
        names.append((scope, outer, kind, own, kind))
    places = positions(names)
    by_place = {}
    for name, (scope, last) in split.items():
        kind, position = places[scope]
        by_place[kind, position, KINDS[kind].weights.get(last, last)] = name, variables[name]
    return by_place


def positions(names):
    """Where layers or variable scopes stand among those of their kind.

    Args:
        names: list of `(key, outer, kind, own, auto_name)`: whatever identifies it, the scope around it, its kind, its
            name, and what such names are before the number if nobody chose them.

    Returns:
        Dict from key to `(kind, position)`: an int counted from 0 in the order of the numbers, which is that of their
        making, or the chosen name.
    """
    outers = list(dict.fromkeys(outer for _, outer, *_ in names))
    found, numbered = {}, {}
    for key, outer, kind, own, auto_name in names:
        number = re.fullmatch(rf"{auto_name}(?:_(\d+))?", own)
        if number is None:
            found[key] = kind, own
        else:
            numbered.setdefault(kind, []).append((outers.index(outer), int(number[1] or 0), key))
    for kind, entries in numbered.items():
        found.update({key: (kind, position) for position, (*_, key) in enumerate(sorted(entries))})
    return {key: found[key] for key, *_ in names}


def is_statistic(name):
    """Whether this is the name of a batch norm's moving mean or variance."""
    return re.search(r"(^|/)moving_(mean|variance)(:\d+)?$", name) is not None


def has_statistics(variables):
    """Whether any moving mean is not 0 or any moving variance not 1 in a list of `(name, array)`."""
    return any((value != float(name.endswith("variance"))).any() for name, value in variables if is_statistic(name))
