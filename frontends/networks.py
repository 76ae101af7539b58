"""From a row of the table to features: builds the network, loads its weights, taps it."""

import keras
import numpy as np

from frontends import weights as frontend_weights
from frontends.errors import UnknownFrontend
from frontends.inception_v4 import build_inception_v4
from frontends.layers import IMAGENET_MEAN, IMAGENET_STD, CropToStride, PadToGrid, Preprocess
from frontends.table import FRONTENDS


def build_end_points(inputs, name, weights=None):
    """Does the work of `frontends.build_frontend`; arguments, returns and errors are described there."""
    if name not in FRONTENDS:
        raise UnknownFrontend(f"unknown frontend {name!r}; choose one of {', '.join(FRONTENDS)}")
    if len(inputs.shape) != 4 or inputs.shape[-1] != 3:
        raise ValueError(f"a frontend needs RGB images (B, H, W, 3); received a tensor of shape {inputs.shape}")
    frontend_weights.check(name, weights)
    frontend = FRONTENDS[name]
    images = Preprocess(frontend.preprocessing)(inputs)
    if frontend.whole_grid:
        images = PadToGrid()(images)
    network = build_network(frontend.network, images)
    # The network alone, without whatever precedes it in the user's graph. It shares the layers, so that loading weights
    # into it loads them into `network`, and its layers are counted as in a model built by Keras itself.
    trunk = keras.Model(images, network.outputs)
    set_imagenet_normalization(trunk)
    frontend_weights.load(trunk, name, weights)
    return tap(trunk, network, frontend, inputs)


def build_network(network, images):
    """Builds a network without classifier and with random weights on top of `images`.

    Args:
        network: name of a function of `keras.applications`, or `"InceptionV4"`.
        images: Keras tensor (B, H, W, 3), preprocessed.

    Returns:
        A Keras model from the inputs of `images` to the last feature.
    """
    if network == "InceptionV4":
        return build_inception_v4(images)
    return getattr(keras.applications, network)(include_top=False, weights=None, input_tensor=images)


def set_imagenet_normalization(trunk):
    """Gives EfficientNet-B0 ... B7 the ImageNet normalization whether or not they are pretrained.

    Keras leaves it at mean 0 and variance 1 until weights are loaded. The other networks that normalize their own input
    have constants there, and no weights.
    """
    for layer in trunk.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            layer.set_weights([np.array(IMAGENET_MEAN), np.square(IMAGENET_STD), np.array(0)])
            layer.finalize_state()


def tap(trunk, network, frontend, inputs):
    """Looks up the features of a network.

    Args:
        trunk: the network alone, a Keras model from preprocessed images.
        network: the same layers as part of the user's graph, a Keras model.
        frontend: the network's row of the table.
        inputs: Keras tensor (B, H, W, 3), the images as the user gave them.

    Returns:
        A dict of Keras tensors `pool1` ... `pool5`, without those that the network does not have.
    """
    end_points = {}
    for level, place in enumerate(frontend.taps, start=1):
        if place is None:
            continue
        feature = find_tensor(trunk, network, place)
        if frontend.whole_grid:
            feature = CropToStride(2**level)([feature, inputs])
        end_points[f"pool{level}"] = feature
    return end_points


def find_tensor(trunk, network, place):
    """Returns the Keras tensor at `place`, which is written as the table's docstring says."""
    if place == "output":
        return network.outputs[0]
    if isinstance(place, int):
        return trunk.layers[place].output
    layer_name, _, attribute = place.partition(".")
    return getattr(network.get_layer(layer_name), attribute or "output")
