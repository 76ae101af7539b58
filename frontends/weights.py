"""Loads weights into a frontend: all of them, or an error of one line."""

import os
import warnings
import zipfile

import h5py
import keras
import numpy as np

from frontends.errors import FrontendWeightsError, InvalidFrontendWeightsError
from frontends.layers import IMAGENET_STD
from frontends.table import FRONTENDS

# A file may hold the classifier too, which is not needed: at most three layers (VGG), a kernel and a bias each.
CLASSIFIER_ARRAYS = 6


def check(name, weights):
    """Raises InvalidFrontendWeightsError if it is plain before building anything that `weights` cannot be had.

    Args:
        name: a key of `FRONTENDS`.
        weights: `None`, `"imagenet"` or the path of a weights file.
    """
    if weights is None:
        return
    if weights == "imagenet":
        if not hasattr(keras.applications, FRONTENDS[name].network):
            raise InvalidFrontendWeightsError(
                f"there are no ImageNet weights for the frontend {name}; use"
                " `--frontend_weights none` or the path of a weights file of your own"
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
        weights: what `check` has let pass.

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
    square_normalization(trunk)


def load_imagenet(trunk, name):
    """Downloads the ImageNet weights into Keras's cache, if they are not there yet, and copies them into `trunk`."""
    application = getattr(keras.applications, FRONTENDS[name].network)
    try:
        # The size matters to no weight, but without one Keras builds a NASNet that differs from the published one.
        source = application(include_top=False, weights="imagenet", input_shape=(224, 224, 3))
    except Exception as error:  # Keras raises a plain Exception when the download fails.
        raise FrontendWeightsError(
            f"the ImageNet weights of the frontend {name} could not be downloaded ({cause(error)}); use"
            " `--frontend_weights none`, or download them on a machine with internet access and pass the file by"
            " `--frontend_weights PATH`"
        ) from error
    trunk.set_weights(source.get_weights())


def load_file(trunk, name, path):
    """Loads a weights file into `trunk`, which must be one of the same network.

    Keras can be lenient with a file, so the weights are made NaN first and must all have numbers afterwards.
    """
    for weight in trunk.weights:
        if "float" in weight.dtype:
            weight.assign(keras.ops.full(weight.shape, float("nan"), weight.dtype))
    try:
        with warnings.catch_warnings():
            # About a file that does not fit Keras warns once for every layer, before it raises.
            warnings.simplefilter("ignore")
            trunk.load_weights(path)
        check_complete(trunk)
        if path.endswith((".weights.h5", ".keras")):
            check_nothing_is_left(trunk, path)
    except Exception as error:  # Which one depends on what is wrong with the file: OSError, KeyError, ValueError, ...
        raise InvalidFrontendWeightsError(f"{path} does not fit the frontend {name} ({cause(error)})") from error


def check_complete(trunk):
    """Raises ValueError if a weight of `trunk`, filled with NaN before loading, has not been loaded."""
    missing = [
        weight.path
        for weight in trunk.weights
        if np.isnan(np.asarray(keras.ops.convert_to_numpy(weight), "float32")).any()
    ]
    if missing:
        raise ValueError(f"it has no values for {len(missing)} of the network's weights, {missing[0]} for one")


def check_nothing_is_left(trunk, path):
    """Raises ValueError if a Keras 3 file holds more than the network and a classifier.

    Keras raises if the file lacks something, but not if it has too much: a deeper network would pass. (The older format
    is compared layer by layer by Keras.)
    """
    stored, expected = count_arrays(path), len(trunk.weights)
    if not expected <= stored <= expected + CLASSIFIER_ARRAYS:
        raise ValueError(f"it holds {stored} arrays of weights, the network has {expected}")


def count_arrays(path):
    """Counts the arrays of weights in a Keras 3 file, without the optimizer's and the states of random generators."""
    if path.endswith(".keras"):
        with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as file:
            return count_datasets(file)
    return count_datasets(path)


def count_datasets(file):
    names = []
    with h5py.File(file, "r") as h5:
        h5.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return sum(not name.startswith("optimizer/") and "seed_generator" not in name for name in names)


def square_normalization(trunk):
    """Mends the variance that comes with the ImageNet weights of EfficientNet-B0 ... B7.

    The files hold the standard deviation in its place. Keras makes up for it by one more layer, but only in a model
    built with `weights="imagenet"`; we want the same graph whatever the weights, so that checkpoints fit one another.
    """
    for layer in trunk.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            mean, variance, count = layer.get_weights()
            if np.allclose(variance, IMAGENET_STD, rtol=0.01):
                layer.set_weights([mean, np.square(variance), count])
            layer.finalize_state()


def cause(error):
    """Returns the first line of an error's message, at most 200 characters of it."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".:")[:200]
