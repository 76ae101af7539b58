"""Network registry: the public name, file, paper and properties of every network. Importing it imports no Keras.

To add a network, write a file beside this one and add a row to `MODELS`; CONTRIBUTING.md lists the steps.
"""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple


class Head(NamedTuple):
    """An auxiliary output for deep supervision: it exists in training only.

    Attributes:
        kind: what the output is compared with. "pixels": logits `(B, h, w, num_classes)`, with the labels at that
            size; "presence": logits `(B, num_classes)`, with the set of classes in the image; "border": logits
            `(B, h, w, K)`, K predictions of the pixels where two classes meet. "soft": logits `(B, H, W,
            num_classes)`, with soft labels; not for `MODELS`, train.py adds it for distillation.
        weight: factor of the head's loss, greater than 0; the loss of the network's own logits has 1.
    """

    kind: str
    weight: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Architecture:
    """A row of the registry.

    Attributes:
        module: name of a file in `models/`, without `.py`. Its `PRESETS[name]` are the variant's keyword arguments.
        builder: name of a function in that file, `(features, num_classes, **preset) -> logits`. `features` are images
            scaled to 0..1, or the frontend's `end_points` if `frontend` is true. With `heads` the function returns
            `(logits, outputs)`, where `outputs` is a dict from each head's name to its tensor.
        paper: short title and year of the paper.
        special: the distinguishing idea in one line, for `--list_models` and the generated table.
        frontend: whether the network is built on the feature extractor that `--frontend` names.
        heads: the auxiliary outputs, dict from name to `Head`.
        dilates: whether the network supports `--output_stride`. The frontend is then dilated, so that its `pool5` has
            stride 8 or 16, and the builder gets the keyword argument `output_stride`, which is None by default.
        reductions: downsampling factors of an image cascade. The frontend runs once per factor, with shared weights, on
            the image downsampled by that factor, and the builder gets a list of `end_points`. Empty: the frontend runs
            once, on the image itself.
    """

    module: str
    builder: str
    paper: str
    special: str
    frontend: bool = False
    heads: Mapping[str, Head] = dataclasses.field(default_factory=dict)
    dilates: bool = False
    reductions: tuple[int, ...] = ()


_TIRAMISU = {
    "module": "FC_DenseNet_Tiramisu",
    "builder": "build_fc_densenet",
    "paper": "The One Hundred Layers Tiramisu (2017)",
}
_SEGNET = {"module": "Encoder_Decoder", "builder": "build_encoder_decoder", "paper": "SegNet (2015)"}
_FRRN = {"module": "FRRN", "builder": "build_frrn", "paper": "Full-Resolution Residual Networks (2017)"}
_MOBILE_UNET = {
    "module": "MobileUNet",
    "builder": "build_mobile_unet",
    "paper": "MobileNets (2017) in the shape of SegNet",
}

# The original suite's networks, in its order; then those of its companion guide.
MODELS = {
    "FC-DenseNet56": Architecture(
        **_TIRAMISU, special="encoder and decoder of dense blocks; growth rate 12, 4 layers per block"
    ),
    "FC-DenseNet67": Architecture(**_TIRAMISU, special="growth rate 16, 5 layers per block"),
    "FC-DenseNet103": Architecture(**_TIRAMISU, special="growth rate 16, 4 to 15 layers per block"),
    "Encoder-Decoder": Architecture(**_SEGNET, special="VGG-16 encoder, mirrored decoder with transposed convolutions"),
    "Encoder-Decoder-Skip": Architecture(**_SEGNET, special="the same with additive skip connections"),
    "RefineNet": Architecture(
        module="RefineNet",
        builder="build_refinenet",
        paper="RefineNet: Multi-Path Refinement Networks (2017)",
        special="residual units and chained residual pooling at every level, from coarse to fine",
        frontend=True,
    ),
    "FRRN-A": Architecture(
        **_FRRN, special="a residual stream at full resolution and a pooling stream down to stride 16"
    ),
    "FRRN-B": Architecture(**_FRRN, special="the same, down to stride 32"),
    "MobileUNet": Architecture(**_MOBILE_UNET, special="depthwise separable convolutions"),
    "MobileUNet-Skip": Architecture(**_MOBILE_UNET, special="the same with additive skip connections"),
    "PSPNet": Architecture(
        module="PSPNet",
        builder="build_pspnet",
        paper="Pyramid Scene Parsing Network (2017)",
        special="pyramid pooling over 1, 4, 9 and 36 regions of the image",
        frontend=True,
        heads={"auxiliary": Head("pixels", weight=0.4)},
        dilates=True,
    ),
    "GCN": Architecture(
        module="GCN",
        builder="build_gcn",
        paper="Large Kernel Matters: Global Convolutional Network (2017)",
        special="15x15 global convolutions, separated into rows and columns; boundary refinement",
        frontend=True,
    ),
    "DeepLabV3": Architecture(
        module="DeepLabV3",
        builder="build_deeplab_v3",
        paper="Rethinking Atrous Convolution (2017)",
        special="atrous spatial pyramid pooling with image-level features",
        frontend=True,
        dilates=True,
    ),
    "DeepLabV3_plus": Architecture(
        module="DeepLabV3_plus",
        builder="build_deeplab_v3_plus",
        paper="Encoder-Decoder with Atrous Separable Convolution (2018)",
        special="DeepLabV3 with a decoder that takes sharp edges from the stride-4 features",
        frontend=True,
        dilates=True,
    ),
    "AdapNet": Architecture(
        module="AdapNet",
        builder="build_adapnet",
        paper="AdapNet: Adaptive Semantic Segmentation (2017)",
        special="its own pre-activation ResNet-50; units with two dilation rates in parallel",
    ),
    "DenseASPP": Architecture(
        module="DenseASPP",
        builder="build_dense_aspp",
        paper="DenseASPP (2018)",
        special="five densely connected atrous convolutions",
        frontend=True,
        dilates=True,
    ),
    "DDSC": Architecture(
        module="DDSC",
        builder="build_ddsc",
        paper="Dense Decoder Shortcut Connections (2018)",
        special="every decoder level feeds all finer levels; grouped convolutions",
        frontend=True,
    ),
    "BiSeNet": Architecture(
        module="BiSeNet",
        builder="build_bisenet",
        paper="BiSeNet: Bilateral Segmentation Network (2018)",
        special="a shallow path for detail and a deep path for context; fast",
        frontend=True,
        heads={"context_8": Head("pixels", weight=1.0), "context_16": Head("pixels", weight=1.0)},
    ),
    "ICNet": Architecture(
        module="ICNet",
        builder="build_icnet",
        paper="ICNet for Real-Time Semantic Segmentation (2018)",
        special="image cascade: deep features at quarter size, refined at half and full size; fast",
        frontend=True,
        heads={"cascade_8": Head("pixels", weight=0.4), "cascade_16": Head("pixels", weight=0.16)},
        reductions=(2, 4),
    ),
    "custom": Architecture(
        module="custom_model",
        builder="build_custom",
        paper="the template for your own network",
        special="all levels of the frontend concatenated at stride 4 and refined",
        frontend=True,
    ),
    "DFN": Architecture(
        module="DFN",
        builder="build_dfn",
        paper="Learning a Discriminative Feature Network (2018)",
        special="channel attention from coarse to fine; an auxiliary branch learns class borders",
        frontend=True,
        heads={
            "smooth_32": Head("pixels", weight=1.0),
            "smooth_16": Head("pixels", weight=1.0),
            "smooth_8": Head("pixels", weight=1.0),
            "border": Head("border", weight=0.1),
        },
    ),
    "EncNet": Architecture(
        module="EncNet",
        builder="build_encnet",
        paper="Context Encoding for Semantic Segmentation (2018)",
        special="a learned dictionary encodes the scene and scales the channels",
        frontend=True,
        heads={"presence": Head("presence", weight=0.2), "auxiliary": Head("pixels", weight=0.4)},
        dilates=True,
    ),
    "ExFuse": Architecture(
        module="ExFuse",
        builder="build_exfuse",
        paper="ExFuse: Enhancing Feature Fusion (2018)",
        special="GCN with semantics in the low levels and resolution in the high levels",
        frontend=True,
        heads={
            "encoder_8": Head("pixels", weight=0.2),
            "encoder_16": Head("pixels", weight=0.2),
            "encoder_32": Head("pixels", weight=0.2),
        },
    ),
    "UNet": Architecture(
        module="UNet",
        builder="build_unet",
        paper="U-Net (2015)",
        special="encoder and decoder of five levels with concatenated skips",
    ),
    "UNet-Frontend": Architecture(
        module="UNet",
        builder="build_unet_on_frontend",
        paper="U-Net (2015)",
        special="the same decoder on any frontend",
        frontend=True,
    ),
    "LinkNet": Architecture(
        module="LinkNet",
        builder="build_linknet",
        paper="LinkNet (2017)",
        special="bottleneck decoder blocks with added skips; fast",
        frontend=True,
    ),
}
