"""The networks: `MODELS` names them, `build_model` makes them.

Importing this package imports no Keras, so that a command line can list and check names at once.
"""

import importlib

from models.registry import MODELS, Architecture, Head

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
    name,
    num_classes,
    frontend="ResNet101",
    input_shape=(None, None, 3),
    frontend_weights=None,
    training_heads=False,
    output_stride=None,
):
    """Builds a segmentation network.

    Preprocessing is part of the model: it takes raw RGB images and gives logits at their size.

    Args:
        name: str, a key of `MODELS`.
        num_classes: int, at least 1; the number of output channels.
        frontend: str, a key of `frontends.FRONTENDS`; networks without a frontend ignore it.
        input_shape: `(height, width, 3)`; None for height or width means any size.
        frontend_weights: None for random initialization, "imagenet", or the path of a weights file.
        training_heads: bool, whether to give the network's auxiliary outputs too, if it has any. `MODELS[name].heads`
            names them, and `utils.losses.auxiliary.build_losses` makes their losses.
        output_stride: 8, 16 or None; the greatest stride of the frontend, whose later strides become dilation. Only
            for networks whose `MODELS[name].dilates` is true.

    Returns:
        A `keras.Model` from images `(B, H, W, 3)`, RGB in 0..255, uint8 or float, to logits `(B, H, W, num_classes)`,
        float32 under every dtype policy. With training heads: to a dict of these "logits" and the heads' outputs;
        `inference_model` gives the part without them.

    Raises:
        ValueError: for an unknown name, an unknown frontend, a number of classes below 1, or an output stride that
            the network or its frontend cannot have.
        frontends.FrontendWeightsError: if the weights cannot be had or do not fit.
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
    """What a network's builder gets.

    Returns:
        Images scaled to 0..1; or the frontend's end points, and the scaled images as their "images"; or a list of
        such end points, one for each of the architecture's scales.
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
    inputs = [shrink(images, times) for times in architecture.reductions]
    several = build_frontend(inputs, frontend, frontend_weights)
    mark_frontend(images, several)
    return [{**end_points, "images": scaled} for end_points in several]


def mark_frontend(images, end_points):
    """Marks the layers between images and end points, for `frontend_layers`."""
    import keras

    for layer in keras.Model(images, keras.tree.flatten(end_points)).layers:
        layer.is_frontend = True


def frontend_layers(model):
    """The layers of a network's frontend.

    Args:
        model: `keras.Model` from `build_model`. The marks are not saved with a network, whose names would not tell:
            Keras numbers unnamed layers anew in each process.

    Returns:
        List of `keras.Layer`; empty for a network without a frontend.
    """
    return [layer for layer in model.layers if getattr(layer, "is_frontend", False)]


def shrink(images, times):
    """Images `(B, H, W, 3)` reduced to `(B, ceil(H / times), ceil(W / times), 3)` by the mean of each square."""
    import keras

    # float32 under every policy: bfloat16 cannot tell neighboring pixel values apart.
    return keras.layers.AveragePooling2D(times, padding="same", dtype="float32")(images)


def check_output_stride(name, frontend, output_stride):
    """Raises ValueError if this network on this frontend cannot have this output stride (8, 16 or None)."""
    if output_stride is None:
        return
    if not MODELS[name].dilates:
        able = ", ".join(other for other in MODELS if MODELS[other].dilates)
        raise ValueError(f"{name} has no output stride; the networks that have one are {able}")
    from frontends import check_output_stride as check_frontend

    check_frontend(frontend, output_stride)


def inference_model(model):
    """The part of a network from images to logits, sharing its weights; the network itself if it has no heads."""
    if not isinstance(model.output, dict):
        return model
    import keras

    return keras.Model(model.input, model.output["logits"], name=model.name)


def import_module(name):
    """Imports the file of the network `name`, which also registers its layers for loading saved models."""
    return importlib.import_module(f"models.{MODELS[name].module}")
