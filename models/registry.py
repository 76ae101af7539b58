"""The list of networks. A new one is a file beside this and an entry here."""

from typing import NamedTuple


class Head(NamedTuple):
    """An auxiliary output that exists in training only, and its part in the loss.

    Attributes:
        kind: "pixels": logits `(B, h, w, num_classes)`, compared with the labels at its own size;
            "presence": logits `(B, num_classes)` of which classes the image contains;
            "border": logits `(B, h, w, any)` of where one class meets another, as many guesses as channels.
        weight: factor of its loss; that of the network's own logits has 1.
    """

    kind: str
    weight: float


class Architecture(NamedTuple):
    """One public name.

    Attributes:
        module: file in `models/`, without `.py`. Its `PRESETS[name]` are the keyword arguments of the variant.
        builder: function of that file: `(features, num_classes, **preset) -> logits`, where `features` are the
            frontend's `end_points` if `frontend` is true, and images scaled to 0..1 otherwise. If there are `heads`:
            `-> (logits, outputs)`, with a dict of the heads' outputs.
        frontend: whether the network stands on a feature extractor.
        paper: title and year of the source.
        special: what sets it apart, in one line.
        heads: dict from name to `Head`.
        dilates: whether it takes an `output_stride`; the builder then gets it as a keyword argument, None by default.
        reductions: the network's frontend sees the image reduced by these factors, with the same weights, and the
            builder gets a list of `end_points`; empty for the usual way, the whole image once.
    """

    module: str
    builder: str
    frontend: bool
    paper: str
    special: str
    heads: dict = {}
    dilates: bool = False
    reductions: tuple = ()


_TIRAMISU = ("FC_DenseNet_Tiramisu", "build_fc_densenet", False, "The One Hundred Layers Tiramisu (2017)")
_SEGNET = ("Encoder_Decoder", "build_encoder_decoder", False, "SegNet (2015)")
_FRRN = ("FRRN", "build_frrn", False, "Full-Resolution Residual Networks (2017)")
_MOBILE_UNET = ("MobileUNet", "build_mobile_unet", False, "MobileNets (2017) in the shape of SegNet")

# The original suite's, in its order; then those of its companion guide.
MODELS = {
    "FC-DenseNet56": Architecture(*_TIRAMISU, "dense blocks down and up; 12 new features a layer, 4 layers a block"),
    "FC-DenseNet67": Architecture(*_TIRAMISU, "16 new features a layer, 5 layers a block"),
    "FC-DenseNet103": Architecture(*_TIRAMISU, "16 new features a layer, 4 to 15 layers a block"),
    "Encoder-Decoder": Architecture(*_SEGNET, "VGG-16 and its mirror image, transposed convolutions"),
    "Encoder-Decoder-Skip": Architecture(*_SEGNET, "the same with additive skip connections"),
    "RefineNet": Architecture(
        "RefineNet",
        "build_refinenet",
        True,
        "RefineNet: Multi-Path Refinement Networks (2017)",
        "refines from coarse to fine with residual units and chained pooling at every level",
    ),
    "FRRN-A": Architecture(*_FRRN, "a residual lane at full resolution beside a pooling stream down to stride 16"),
    "FRRN-B": Architecture(*_FRRN, "the same down to stride 32"),
    "MobileUNet": Architecture(*_MOBILE_UNET, "depthwise separable convolutions"),
    "MobileUNet-Skip": Architecture(*_MOBILE_UNET, "the same with additive skip connections"),
    "PSPNet": Architecture(
        "PSPNet",
        "build_pspnet",
        True,
        "Pyramid Scene Parsing Network (2017)",
        "pools the features over 1, 4, 9 and 36 regions of the image",
        {"auxiliary": Head("pixels", 0.4)},
        True,
    ),
    "GCN": Architecture(
        "GCN",
        "build_gcn",
        True,
        "Large Kernel Matters: Global Convolutional Network (2017)",
        "separable 15x15 kernels classify, residual boundary refinement sharpens",
    ),
    "DeepLabV3": Architecture(
        "DeepLabV3",
        "build_deeplab_v3",
        True,
        "Rethinking Atrous Convolution (2017)",
        "atrous spatial pyramid pooling with image-level features",
        {},
        True,
    ),
    "DeepLabV3_plus": Architecture(
        "DeepLabV3_plus",
        "build_deeplab_v3_plus",
        True,
        "Encoder-Decoder with Atrous Separable Convolution (2018)",
        "DeepLabV3 and a decoder that brings back edges from the stride-4 features",
        {},
        True,
    ),
    "AdapNet": Architecture(
        "AdapNet",
        "build_adapnet",
        False,
        "AdapNet: Adaptive Semantic Segmentation (2017)",
        "a pre-activation ResNet-50 of its own with two dilations side by side in each late unit",
    ),
    "DenseASPP": Architecture(
        "DenseASPP",
        "build_dense_aspp",
        True,
        "DenseASPP (2018)",
        "five atrous convolutions, each of which sees all the earlier ones",
        {},
        True,
    ),
    "DDSC": Architecture(
        "DDSC",
        "build_ddsc",
        True,
        "Dense Decoder Shortcut Connections (2018)",
        "every decoder level feeds all the finer ones; grouped convolutions",
    ),
    "BiSeNet": Architecture(
        "BiSeNet",
        "build_bisenet",
        True,
        "BiSeNet: Bilateral Segmentation Network (2018)",
        "a shallow path for detail beside a deep one for context; fast",
        {"context_8": Head("pixels", 1.0), "context_16": Head("pixels", 1.0)},
    ),
    "ICNet": Architecture(
        "ICNet",
        "build_icnet",
        True,
        "ICNet for Real-Time Semantic Segmentation (2018)",
        "deep features of a quarter-size image, refined by those of the half and the whole; fast",
        {"cascade_8": Head("pixels", 0.4), "cascade_16": Head("pixels", 0.16)},
        False,
        (2, 4),
    ),
    "custom": Architecture(
        "custom_model",
        "build_custom",
        True,
        "the template for your own network",
        "all levels of the frontend side by side, refined together",
    ),
    "DFN": Architecture(
        "DFN",
        "build_dfn",
        True,
        "Learning a Discriminative Feature Network (2018)",
        "channel attention from coarse to fine; a second branch learns the borders between classes",
        {f"smooth_{stride}": Head("pixels", 1.0) for stride in (32, 16, 8)} | {"border": Head("border", 0.1)},
    ),
    "EncNet": Architecture(
        "EncNet",
        "build_encnet",
        True,
        "Context Encoding for Semantic Segmentation (2018)",
        "a learned dictionary describes the scene and gates the channels",
        {"presence": Head("presence", 0.2), "auxiliary": Head("pixels", 0.4)},
        True,
    ),
    "ExFuse": Architecture(
        "ExFuse",
        "build_exfuse",
        True,
        "ExFuse: Enhancing Feature Fusion (2018)",
        "GCN whose low levels see semantics and whose high levels see resolution",
        {f"encoder_{stride}": Head("pixels", 0.2) for stride in (8, 16, 32)},
    ),
    "UNet": Architecture(
        "UNet",
        "build_unet",
        False,
        "U-Net (2015)",
        "the classic: down and up in five levels with concatenated skips",
    ),
    "UNet-Frontend": Architecture(
        "UNet",
        "build_unet_on_frontend",
        True,
        "U-Net (2015)",
        "the same decoder on any frontend",
    ),
}
