"""From a row of the table to features: builds the network, loads its weights, taps it."""

import keras
import numpy as np

from frontends import weights as frontend_weights
from frontends.dilation import Rebuilder
from frontends.inception_v4 import build_inception_v4
from frontends.layers import IMAGENET_MEAN, IMAGENET_STD, CropToStride, PadToGrid, PadToLeast, Preprocess
from frontends.table import FRONTENDS


def build_end_points(inputs, name, weights=None, output_stride=None):
    """Does the work of `frontends.build_frontend`; arguments, returns and errors are described there."""
    several = isinstance(inputs, (list, tuple))
    for images in inputs if several else [inputs]:
        if len(images.shape) != 4 or images.shape[-1] != 3:
            raise ValueError(f"a frontend needs RGB images (B, H, W, 3); received a tensor of shape {images.shape}")
    frontend_weights.check(name, weights)
    frontend = FRONTENDS[name]
    if output_stride is None and not several:
        end_points, _ = build_ordinary(inputs, name, weights)
        return crop(end_points, inputs) if frontend.whole_grid else end_points
    # Copied from a network for images of any size: some paddings depend on the size if it is known, and what one has
    # for an odd size would be wrong for another image, or where a stride has become dilation.
    end_points, trunk = build_ordinary(keras.Input((None, None, 3)), name, weights)
    rebuild = Rebuilder(trunk, output_stride)
    if several:
        return [build_again(rebuild, end_points, images, frontend) for images in inputs]
    tensors = rebuild(prepare(inputs, frontend))
    return {level: tensors[id(feature)] for level, feature in end_points.items()}


def build_again(rebuild, end_points, inputs, frontend):
    """Puts one and the same network on one of several images, which may be small: they often are reduced ones.

    Args:
        rebuild: Rebuilder of the network.
        end_points: dict of features of the network that it copies.
        inputs: Keras tensor (B, H, W, 3), the images as the user gave them.
        frontend: the network's row of the table.

    Returns:
        A dict of Keras tensors `pool1` ... `pool5`.
    """
    images = prepare(inputs, frontend)
    least = frontend.smallest_size
    small = not frontend.whole_grid and any(size is None or size < least for size in inputs.shape[1:3])
    tensors = rebuild(PadToLeast(least)(images) if small else images)
    end_points = {level: tensors[id(feature)] for level, feature in end_points.items()}
    return crop(end_points, inputs) if small or frontend.whole_grid else end_points


def build_ordinary(inputs, name, weights):
    """Builds a network as it was published, with its weights, on images as the user gave them.

    Returns:
        A dict of Keras tensors `pool1` ... `pool5`, and the network alone: a Keras model from preprocessed images,
        without whatever precedes them in the user's graph.
    """
    frontend = FRONTENDS[name]
    images = prepare(inputs, frontend)
    network = build_network(frontend.network, images)
    # It shares the layers, so that loading weights into it loads them into `network`, and its layers are counted as in
    # a model built by Keras itself.
    trunk = keras.Model(images, network.outputs)
    set_imagenet_normalization(trunk)
    frontend_weights.load(trunk, name, weights)
    return tap(trunk, network, frontend), trunk


def prepare(inputs, frontend):
    """Turns images as the user gave them into what the network was trained on."""
    images = Preprocess(frontend.preprocessing)(inputs)
    return PadToGrid()(images) if frontend.whole_grid else images


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


def tap(trunk, network, frontend):
    """Looks up the features of a network.

    Args:
        trunk: the network alone, a Keras model from preprocessed images.
        network: the same layers as part of the user's graph, a Keras model.
        frontend: the network's row of the table.

    Returns:
        A dict of Keras tensors `pool1` ... `pool5`, without those that the network does not have.
    """
    return {
        f"pool{level}": find_tensor(trunk, network, place)
        for level, place in enumerate(frontend.taps, start=1)
        if place is not None
    }


def find_tensor(trunk, network, place):
    """Returns the Keras tensor at `place`, which is written as the table's docstring says."""
    if place == "output":
        return network.outputs[0]
    if isinstance(place, int):
        return trunk.layers[place].output
    layer_name, _, attribute = place.partition(".")
    return getattr(network.get_layer(layer_name), attribute or "output")


def crop(end_points, inputs):
    """Cuts off from the features of padded images what belongs to the padding."""
    return {
        level: CropToStride(2 ** int(level.removeprefix("pool")))([feature, inputs])
        for level, feature in end_points.items()
    }
