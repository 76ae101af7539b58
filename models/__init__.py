"""The networks: `MODELS` names them, `build_model` makes them.

Importing this package imports no Keras, so that a command line can list and check names at once.
"""

import importlib
from typing import NamedTuple


class Architecture(NamedTuple):
    """One public name.

    Attributes:
        module: file in `models/`, without `.py`. Its `PRESETS[name]` are the keyword arguments of the variant.
        builder: function of that file: `(features, num_classes, **preset) -> logits`, where `features` are the
            frontend's `end_points` if `frontend` is true, and images scaled to 0..1 otherwise.
        frontend: whether the network stands on a feature extractor.
        paper: title and year of the source.
        special: what sets it apart, in one line.
    """

    module: str
    builder: str
    frontend: bool
    paper: str
    special: str


_TIRAMISU = ("FC_DenseNet_Tiramisu", "build_fc_densenet", False, "The One Hundred Layers Tiramisu (2017)")
_SEGNET = ("Encoder_Decoder", "build_encoder_decoder", False, "SegNet (2015)")
_MOBILE_UNET = ("MobileUNet", "build_mobile_unet", False, "MobileNets (2017) in the shape of SegNet")

MODELS = {
    "FC-DenseNet56": Architecture(*_TIRAMISU, "dense blocks down and up; 12 new features a layer, 4 layers a block"),
    "FC-DenseNet67": Architecture(*_TIRAMISU, "16 new features a layer, 5 layers a block"),
    "FC-DenseNet103": Architecture(*_TIRAMISU, "16 new features a layer, 4 to 15 layers a block"),
    "Encoder-Decoder": Architecture(*_SEGNET, "VGG-16 and its mirror image, transposed convolutions"),
    "Encoder-Decoder-Skip": Architecture(*_SEGNET, "the same with additive skip connections"),
    "DeepLabV3": Architecture(
        "DeepLabV3", "build_deeplab_v3", True, "Rethinking Atrous Convolution (2017)",
        "atrous spatial pyramid pooling with image-level features",
    ),
    "DeepLabV3_plus": Architecture(
        "DeepLabV3_plus", "build_deeplab_v3_plus", True, "Encoder-Decoder with Atrous Separable Convolution (2018)",
        "DeepLabV3 and a decoder that brings back edges from the stride-4 features",
    ),
    "MobileUNet": Architecture(*_MOBILE_UNET, "depthwise separable convolutions"),
    "MobileUNet-Skip": Architecture(*_MOBILE_UNET, "the same with additive skip connections"),
    "custom": Architecture(
        "custom_model", "build_custom", True, "the template for your own network",
        "all levels of the frontend side by side, refined together",
    ),
}


def build_model(name, num_classes, frontend="ResNet101", input_shape=(None, None, 3), frontend_weights=None):
    """Builds a segmentation network.

    Preprocessing is part of the model: it takes raw RGB images and gives logits at their size.

    Args:
        name: str, a key of `MODELS`.
        num_classes: int, at least 1; the number of output channels.
        frontend: str, a key of `frontends.FRONTENDS`; networks without a frontend ignore it.
        input_shape: `(height, width, 3)`; None for height or width means any size.
        frontend_weights: None for random initialization, "imagenet", or the path of a weights file.

    Returns:
        A `keras.Model` from images `(B, H, W, 3)`, RGB in 0..255, uint8 or float, to logits `(B, H, W, num_classes)`,
        float32 under every dtype policy.

    Raises:
        ValueError: for an unknown name, an unknown frontend or a number of classes below 1.
        frontends.FrontendWeightsError: if the weights cannot be had or do not fit.
    """
    if name not in MODELS:
        raise ValueError(f"unknown model '{name}'; choose one of {', '.join(MODELS)}")
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, not {num_classes}")
    import keras

    from frontends import build_frontend
    from frontends.layers import Preprocess
    from models.blocks import BATCH_NORM_MOMENTUM, resize_like, set_batch_norm_momentum

    architecture = MODELS[name]
    module = importlib.import_module(f"models.{architecture.module}")
    images = keras.Input(input_shape, name="images")
    if architecture.frontend:
        features = build_frontend(images, frontend, frontend_weights)
    else:
        features = Preprocess("unit")(images)
    logits = getattr(module, architecture.builder)(features, num_classes, **module.PRESETS[name])
    logits = resize_like(logits, images, dtype="float32", name="full_size_logits")
    model = keras.Model(images, logits, name=name)
    set_batch_norm_momentum(model, BATCH_NORM_MOMENTUM)
    return model
