"""Variables of the original suite's networks (TF-slim), matched with the weights of Keras models."""

import re
from typing import NamedTuple

# Names of optimizer slots and counters.
NOT_OF_THE_NETWORK = re.compile(
    r"(^|/)((RMSProp|Momentum|Adam|Adagrad|Adadelta|Ftrl|ExponentialMovingAverage)(_\d+)?"
    r"|global_step|beta[12]_power)(:\d+)?$"
)


class Kind(NamedTuple):
    """A kind of layer in TF-slim and Keras.

    Attributes:
        layer: name of its class in `keras.layers`.
        auto_name: Keras's default name of such a layer, before the number.
        weights: from the last part of a variable's name in TF-slim to the attribute of the Keras layer of equal shape.
    """

    layer: str
    auto_name: str
    weights: dict


_CONVOLUTION = {"weights": "kernel", "biases": "bias"}
_DEPTHWISE = {"depthwise_weights": "kernel", "biases": "bias"}
_BATCH_NORM = {name: name for name in ("beta", "moving_mean", "moving_variance")}
# By TF-slim's default name of such a layer, before the number. Layers with other names (logits) are convolutions.
KINDS = {
    "Conv": Kind("Conv2D", "conv2d", _CONVOLUTION),
    "Conv2d_transpose": Kind("Conv2DTranspose", "conv2d_transpose", _CONVOLUTION),
    "SeparableConv2d": Kind("DepthwiseConv2D", "depthwise_conv2d", _DEPTHWISE),
    "BatchNorm": Kind("BatchNormalization", "batch_normalization", _BATCH_NORM),
}
# The shift of a batch norm whose input is normalized once for all layers that use it.
SHIFT = Kind("Shift", "shift", {"beta": "beta"})


def import_variables(model, variables):
    """Assigns variables of the original suite to a model.

    Layers of each kind are matched in the order of their creation, layers with names of their own by these.

    Args:
        model: `keras.Model` of a network without a frontend, from `build_model`.
        variables: list of `(name, array)` with the names of TF-slim, such as "Conv_3/weights" or "Conv_3/weights:0".
            Those of optimizers are ignored. Without any moving statistics, those of the model are kept.

    Raises:
        ValueError: if a variable and a layer do not match; nothing is assigned then.
    """
    weights, values = weights_by_place(model), variables_by_place(variables)
    for place, (name, value) in values.items():
        if place not in weights:
            raise ValueError(f"the variable {name} {value.shape} has no layer in {model.name}")
        layer, weight = weights[place]
        if value.shape != tuple(weight.shape):
            raise ValueError(
                f"the variable {name} has shape {value.shape}, layer {layer.name} needs {tuple(weight.shape)}"
            )
    with_statistics = any(is_statistic(name) for name, _ in values.values())
    for place, (layer, weight) in weights.items():
        if place not in values and (with_statistics or not is_statistic(place[-1])):
            raise ValueError(f"there is no variable for the {place[-1]} {tuple(weight.shape)} of layer {layer.name}")
    check_shared_statistics(weights, values)
    for place, (_, value) in values.items():
        weights[place][1].assign(value)


def check_shared_statistics(weights, values):
    """Raises ValueError if features that are normalized once here have different statistics in the original.

    Args:
        weights: as returned by `weights_by_place`.
        values: as returned by `variables_by_place`.
    """
    import numpy as np

    first = {}  # from the path of a weight to the name and value of the first variable for it
    for place, (name, value) in values.items():
        weight = weights[place][1]
        for part, part_value in weight.split(value) if isinstance(weight, ConcatenatedVector) else ():
            first_name, first_value = first.setdefault(part.path, (name, part_value))
            if not np.allclose(part_value, first_value, rtol=1e-3, atol=1e-6):
                raise ValueError(
                    f"the variables {first_name} and {name} have different statistics of the same features"
                )


def weights_by_place(model):
    """Lists the weights of a model.

    Returns:
        Dict from `(kind, position, attribute)` to `(layer, weight)`, with the position as in `positions`.
    """
    kinds = {kind.layer: (name, kind) for name, kind in (*KINDS.items(), ("BatchNorm", SHIFT))}
    from utils.model_graph import layer_inputs

    weights, names = {}, []
    layers, inputs = {layer.name: layer for layer in model.layers}, layer_inputs(model)
    for layer in model.layers:
        if not layer.weights or is_normalization_alone(layer):  # reached by way of the shifts
            continue
        name, kind = kinds.get(type(layer).__name__, (None, None))
        if kind is None or len(layer.weights) != len(kind.weights):
            raise ValueError(f"layer {layer.name} of {model.name} is of a kind that the original suite does not have")
        norms = normalizations(layer.name, layers, inputs) if kind is SHIFT else []
        weights[layer.name] = weights_of(layer, kind, norms)
        names.append((layer.name, "", name, layer.name, kind.auto_name))
    return {
        (*position, attribute): (layers[name], weight)
        for name, position in positions(names).items()
        for attribute, weight in weights[name].items()
    }


def weights_of(layer, kind, norms):
    """Returns a dict from attributes to weights of a layer; that of a shift includes the statistics of `norms`."""
    weights = {attribute: getattr(layer, attribute) for attribute in kind.weights.values()}
    for name in ("moving_mean", "moving_variance") if norms else ():
        weights[name] = ConcatenatedVector([getattr(norm, name) for norm in norms])
    return weights


def is_normalization_alone(layer):
    """Returns whether a layer is a batch norm without factor (gamma) and shift (beta)."""
    return type(layer).__name__ == "BatchNormalization" and not (layer.scale or layer.center)


def normalizations(name, layers, inputs):
    """Lists the batch norms whose concatenated outputs a layer takes, in the order of the channels.

    Args:
        name: of the layer.
        layers: dict from names to layers.
        inputs: as returned by `layer_inputs`.
    """
    norms = []
    for producer in inputs[name][0]:
        is_concatenation = type(layers[producer]).__name__ == "Concatenate"
        norms += normalizations(producer, layers, inputs) if is_concatenation else [layers[producer]]
    return norms


class ConcatenatedVector:
    """Several vectors that are assigned as one.

    Args:
        parts: list of `keras.Variable`, each `(n,)`.
    """

    def __init__(self, parts):
        self.parts = parts
        self.shape = (sum(part.shape[0] for part in parts),)

    def split(self, value):
        """Splits an array of the whole shape: list of `(part, array of its shape)`."""
        import numpy as np

        return list(zip(self.parts, np.split(value, np.cumsum([part.shape[0] for part in self.parts])[:-1])))

    def assign(self, value):
        """Assigns an array of the whole shape."""
        for part, part_value in self.split(value):
            part.assign(part_value)


def variables_by_place(variables):
    """Groups the variables of the original suite, without those of optimizers.

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
    """Determines the positions of layers or variable scopes among those of their kind.

    Args:
        names: list of `(key, outer, kind, own, auto_name)`: an identifier, the outer scope, the kind, the name in it,
            and the default name of the kind before the number.

    Returns:
        Dict from keys to `(kind, position)`: an int counted from 0 in the order of creation, or a name that is not a
        default one.
    """
    outers = list(dict.fromkeys(outer for _, outer, *_ in names))
    places, numbered = {}, {}
    for key, outer, kind, own, auto_name in names:
        number = re.fullmatch(rf"{auto_name}(?:_(\d+))?", own)
        if number is None:
            places[key] = kind, own
        else:
            numbered.setdefault(kind, []).append((outers.index(outer), int(number[1] or 0), key))
    for kind, entries in numbered.items():
        places.update({key: (kind, position) for position, (*_, key) in enumerate(sorted(entries))})
    return {key: places[key] for key, *_ in names}


def is_statistic(name):
    """Returns whether this is the name of a moving mean or variance."""
    return re.search(r"(^|/)moving_(mean|variance)(:\d+)?$", name) is not None


def has_statistics(variables):
    """Returns whether a list of `(name, array)` has a moving mean other than 0 or a moving variance other than 1."""
    return any((value != float(name.endswith("variance"))).any() for name, value in variables if is_statistic(name))
