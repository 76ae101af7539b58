"""Frontend construction: builds the network of a table row, loads its weights, looks up its features."""

import keras
import numpy as np

from frontends import weights as frontend_weights
from frontends.channels import extend_values, network_options, preprocessing_of, spread_weights
from frontends.dilation import Rebuilder
from frontends.efficientnet_lite import BUILDERS
from frontends.inception_v4 import build_inception_v4
from frontends.layers import IMAGENET_MEAN, IMAGENET_STD, CropToStride, PadToGrid, PadToLeast, Preprocess
from frontends.table import FRONTENDS

OWN_NETWORKS = {"InceptionV4": build_inception_v4, **BUILDERS}  # those that `keras.applications` does not provide
_VARIANCE = np.square(IMAGENET_STD)


def build_end_points(inputs, name, weights=None, output_stride=None):
    """Implements `frontends.build_frontend`, which documents arguments, result and errors."""
    has_many_inputs = isinstance(inputs, (list, tuple))
    all_inputs = inputs if has_many_inputs else [inputs]
    for images in all_inputs:
        if len(images.shape) != 4 or images.shape[-1] is None:
            raise ValueError(f"a frontend needs images (B, H, W, channels); received a tensor of shape {images.shape}")
    if len({images.shape[-1] for images in all_inputs}) > 1:
        raise ValueError(f"a frontend needs one number of channels; received {[x.shape[-1] for x in all_inputs]}")
    frontend_weights.check(name, weights)
    frontend = FRONTENDS[name]
    if output_stride is None and not has_many_inputs:
        end_points, _ = build_published(inputs, name, weights)
        return crop_to_images(end_points, inputs) if frontend.whole_grid else end_points
    # Copied from a network for images of any size: with a static size some paddings depend on it, and those of an odd
    # size would be wrong for another image, or where a stride has become dilation.
    channels = all_inputs[0].shape[-1]
    end_points, trunk = build_published(keras.Input((None, None, channels)), name, weights)
    rebuild = Rebuilder(trunk, output_stride)
    if has_many_inputs:
        return [build_shared(rebuild, end_points, images, frontend) for images in inputs]
    tensors = rebuild(preprocess(inputs, frontend))
    return {level: tensors[id(feature)] for level, feature in end_points.items()}


def build_published(inputs, name, weights):
    """Builds a network as published (no dilation), with its weights.

    Args:
        inputs: Keras tensor (B, H, W, channels), 0..255; RGB if there are three channels.
        name: a key of `FRONTENDS`.
        weights: as in `frontends.build_frontend`.

    Returns:
        A dict of Keras tensors `pool1` ... `pool5`, and the network alone: a Keras model from preprocessed images,
        without the layers that precede them in the user's graph.
    """
    frontend = FRONTENDS[name]
    images = preprocess(inputs, frontend)
    network = build_network(frontend.network, images)
    # It shares the layers of `network`, so that weights loaded into it are loaded into both, and numbers them as in a
    # model built by Keras itself.
    trunk = keras.Model(images, network.outputs)
    load_weights(trunk, name, weights)
    return collect_end_points(trunk, network, frontend), trunk


def build_shared(rebuild, end_points, inputs, frontend):
    """Applies a network with shared weights to one of several images, pads small images and crops the features.

    Args:
        rebuild: Rebuilder of the network.
        end_points: dict of features of the network that it copies.
        inputs: Keras tensor (B, H, W, channels), 0..255; RGB if there are three channels.
        frontend: the network's row of the table.

    Returns:
        A dict of Keras tensors `pool1` ... `pool5`.
    """
    images = preprocess(inputs, frontend)
    smallest = frontend.smallest_size
    may_be_small = not frontend.whole_grid and any(size is None or size < smallest for size in inputs.shape[1:3])
    tensors = rebuild(PadToLeast(smallest)(images) if may_be_small else images)
    end_points = {level: tensors[id(feature)] for level, feature in end_points.items()}
    return crop_to_images(end_points, inputs) if may_be_small or frontend.whole_grid else end_points


def preprocess(inputs, frontend):
    """Converts images (B, H, W, channels) in 0..255 to the values, and the padding, that the network expects."""
    images = Preprocess(preprocessing_of(frontend, inputs.shape[-1]))(inputs)
    return PadToGrid()(images) if frontend.whole_grid else images


def build_network(network, images):
    """Builds a network without classifier and with random weights on top of `images`.

    Args:
        network: name of a function of `keras.applications`, or a key of `OWN_NETWORKS`.
        images: Keras tensor (B, H, W, channels), preprocessed.

    Returns:
        A Keras model from the inputs of `images` to the last feature.
    """
    if network in OWN_NETWORKS:
        return OWN_NETWORKS[network](images)
    options = network_options(network, images.shape[-1])
    return getattr(keras.applications, network)(include_top=False, weights=None, input_tensor=images, **options)


def load_weights(trunk, name, weights):
    """Loads pretrained weights into a network; for other than three channels, those of RGB are spread over them.

    Args:
        trunk: the network alone, a Keras model from preprocessed images.
        name: a key of `FRONTENDS`.
        weights: as in `frontends.build_frontend`.
    """
    set_imagenet_normalization(trunk)
    if weights is None or trunk.input.shape[-1] == 3:
        frontend_weights.load(trunk, name, weights)
        return
    source = build_network(FRONTENDS[name].network, keras.Input(trunk.input.shape[1:3] + (3,)))
    frontend_weights.load(source, name, weights)
    spread_weights(source, trunk)
    for layer in trunk.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def set_imagenet_normalization(trunk):
    """Sets the ImageNet normalization of EfficientNet-B0 ... B7, whether or not they are pretrained.

    Keras leaves it at mean 0 and variance 1 until weights are loaded. The other networks that normalize their own input
    have constants in that place, not weights.
    """
    for layer in trunk.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            mean, variance = (extend_values(values, trunk.input.shape[-1]) for values in (IMAGENET_MEAN, _VARIANCE))
            layer.set_weights([mean, variance, np.array(0)])
            layer.finalize_state()


def collect_end_points(trunk, network, frontend):
    """Looks up the features of a network by the taps of its table row.

    Args:
        trunk: the network alone, a Keras model from preprocessed images.
        network: the same layers as part of the user's graph, a Keras model.
        frontend: the network's row of the table.

    Returns:
        A dict of Keras tensors `pool1` ... `pool5`, without those that the network does not have.
    """
    return {
        f"pool{level}": find_tensor(trunk, network, tap)
        for level, tap in enumerate(frontend.taps, start=1)
        if tap is not None
    }


def find_tensor(trunk, network, tap):
    """Returns the Keras tensor at a tap, whose notation `frontends/table.py` explains."""
    if tap == "output":
        return network.outputs[0]
    if isinstance(tap, int):
        return trunk.layers[tap].output
    layer_name, _, attribute = tap.partition(".")
    return getattr(network.get_layer(layer_name), attribute or "output")


def crop_to_images(end_points, inputs):
    """Crops the features of padded images to the part that covers the images."""
    return {
        level: CropToStride(2 ** int(level.removeprefix("pool")))([feature, inputs])
        for level, feature in end_points.items()
    }
