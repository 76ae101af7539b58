"""Segmentation networks: the registry `MODELS` and the factory `build_model`.

Importing this package imports no Keras, so that the command line can list and check names at once.
"""

import importlib
import os
from types import ModuleType
from typing import TYPE_CHECKING

from models.registry import MODELS, Architecture, Head

if TYPE_CHECKING:
    import keras

__all__ = [
    "MODELS",
    "Architecture",
    "Head",
    "build_model",
    "check_output_stride",
    "frontend_layers",
    "import_module",
    "inference_model",
]


def build_model(
    name: str,
    num_classes: int,
    frontend: str = "ResNet101",
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    frontend_weights: str | os.PathLike | None = None,
    training_heads: bool = False,
    output_stride: int | None = None,
) -> "keras.Model":
    """Builds a segmentation network.

    Preprocessing is part of the model: it takes raw RGB images and returns logits at their size.

    Args:
        name: a key of `MODELS`.
        num_classes: number of output channels, at least 1.
        frontend: a key of `frontends.FRONTENDS`; networks without a frontend ignore it.
        input_shape: `(height, width, channels)`; None for height or width means any size. The first kernels of
            pretrained weights are spread over other numbers of channels than 3, see `frontends/channels.py`.
        frontend_weights: None for random initialization, "imagenet", or the path of a weights file.
        training_heads: whether to add the network's auxiliary outputs, if it has any. `MODELS[name].heads` lists them,
            and `utils.losses.build_losses` builds their losses.
        output_stride: 8, 16 or None; the greatest stride of the frontend, whose later strides become dilation (Chen
            2017, 1706.05587). Only for networks whose `MODELS[name].dilates` is true.

    Returns:
        A `keras.Model` from images `(B, H, W, channels)`, 0..255, uint8 or float, to logits `(B, H, W, num_classes)`,
        float32 under every dtype policy. With training heads the output is a dict of these "logits" and of the heads'
        outputs; `inference_model` returns the part without them.

    Raises:
        ValueError: for an unknown name, an unknown frontend, a number of classes below 1, or an output stride that
            the network or its frontend does not support.
        frontends.FrontendWeightsError: if the weights cannot be downloaded, read or matched with the frontend.
    """
    if name not in MODELS:
        raise ValueError(f"unknown model '{name}'; choose one of {', '.join(MODELS)}")
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, not {num_classes}")
    check_output_stride(name, frontend, output_stride)
    import keras

    from frontends.batch_norm import BATCH_NORM_MOMENTUM, fuse_batch_norm, set_batch_norm_momentum
    from models.blocks import resize_like

    architecture, module = MODELS[name], import_module(name)
    images = keras.Input(input_shape, name="images")
    features = build_features(architecture, images, frontend, frontend_weights, output_stride)
    options = {**module.PRESETS[name], **({"output_stride": output_stride} if architecture.dilates else {})}
    result = getattr(module, architecture.builder)(features, num_classes, **options)
    logits, heads = result if architecture.heads else (result, {})
    logits = resize_like(logits, images, dtype="float32", name="full_size_logits")
    outputs = {"logits": logits, **heads} if heads and training_heads else logits
    model = keras.Model(images, outputs, name=name)
    fuse_batch_norm(model)
    set_batch_norm_momentum(model, BATCH_NORM_MOMENTUM)
    return model


def build_features(architecture, images, frontend, frontend_weights, output_stride):
    """Builds the first argument of an architecture's builder: scaled images or end points.

    Args:
        architecture: `Architecture`.
        images: Keras tensor `(B, H, W, channels)` in 0..255.
        frontend, frontend_weights, output_stride: as in `build_model`.

    Returns:
        Without a frontend: the images scaled to 0..1, of the same shape. With one: a dict of its end points `pool1` ...
        `pool5` and of the scaled `images`. With `reductions`: a list of such dicts, one per factor.
    """
    from frontends import build_frontend
    from frontends.layers import Preprocess

    scaled = Preprocess("unit")(images)
    if not architecture.frontend:
        return scaled
    if not architecture.reductions:
        end_points = build_frontend(images, frontend, frontend_weights, output_stride)
        mark_frontend(images, end_points)
        return {**end_points, "images": scaled}
    cascade = [downsample(images, factor) for factor in architecture.reductions]
    end_points_list = build_frontend(cascade, frontend, frontend_weights)
    mark_frontend(images, end_points_list)
    return [{**end_points, "images": scaled} for end_points in end_points_list]


def mark_frontend(images, end_points):
    """Marks the layers between images and end points, for `frontend_layers`."""
    import keras

    for layer in keras.Model(images, keras.tree.flatten(end_points)).layers:
        layer.is_frontend = True


def frontend_layers(model: "keras.Model") -> "list[keras.Layer]":
    """Returns the layers of a network's frontend.

    Args:
        model: `keras.Model` from `build_model`. A loaded model has lost the marks: they are not saved, and names could
            not replace them, because Keras numbers unnamed layers per process.

    Returns:
        List of `keras.Layer`; empty for a network without a frontend.
    """
    return [layer for layer in model.layers if getattr(layer, "is_frontend", False)]


def downsample(images, factor):
    """Averages squares of `factor` pixels: images `(B, H, W, C)` to `(B, ceil(H / factor), ceil(W / factor), C)`."""
    import keras

    # float32 under every policy: bfloat16 cannot represent neighboring pixel values.
    return keras.layers.AveragePooling2D(factor, padding="same", dtype="float32")(images)


def check_output_stride(name: str, frontend: str, output_stride: int | None) -> None:
    """Checks that a network on a frontend supports an output stride; imports no Keras.

    Args:
        name: a key of `MODELS`.
        frontend: name of a frontend.
        output_stride: 8, 16, or None, which every network supports.

    Raises:
        ValueError: if the network or the frontend does not support it, or if there is no such frontend.
    """
    if output_stride is None:
        return
    if not MODELS[name].dilates:
        dilating = ", ".join(other for other in MODELS if MODELS[other].dilates)
        raise ValueError(f"{name} has no output stride; the networks that have one are {dilating}")
    from frontends import check_output_stride as check_frontend

    check_frontend(frontend, output_stride)


def inference_model(model: "keras.Model") -> "keras.Model":
    """Returns the part of a network from images to logits, sharing its weights; the network itself without heads."""
    if not isinstance(model.output, dict):
        return model
    import keras

    return keras.Model(model.input, model.output["logits"], name=model.name)


def import_module(name: str) -> ModuleType:
    """Imports the file of the network `name`, which also registers its layers for loading saved models."""
    return importlib.import_module(f"models.{MODELS[name].module}")
