"""Frontends: pretrained classification networks as feature extractors, with features at strides 2 to 32.

`FRONTENDS` is a table without Keras; `build_frontend` imports Keras when it is called.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from frontends.errors import FrontendWeightsError, InvalidFrontendWeightsError, UnknownFrontendError
from frontends.table import FRONTENDS, Frontend

if TYPE_CHECKING:
    from keras import KerasTensor

__all__ = [
    "FRONTENDS",
    "InvalidFrontendWeightsError",
    "Frontend",
    "FrontendWeightsError",
    "UnknownFrontendError",
    "build_frontend",
    "check_output_stride",
]


def build_frontend(
    inputs: "KerasTensor | Sequence[KerasTensor]",
    name: str,
    weights: str | os.PathLike | None = None,
    output_stride: int | None = None,
) -> "dict[str, KerasTensor] | list[dict[str, KerasTensor]]":
    """Builds a frontend on a Keras tensor of images.

    The layers are added flat to the graph of `inputs`, so a model of some of the features contains only the layers that
    they need. The first layer is the preprocessing (ImageNet mean, scaling to -1..1, ...).

    Args:
        inputs: Keras tensor (B, H, W, 3), RGB, 0..255, uint8 or float. H and W may be `None`, meaning any size. With
            another number of channels (spectral bands) the normalization and the first kernels of the pretrained
            network are extended, see `frontends/channels.py`.
            Or a list of such tensors of any sizes, to which the network is applied one by one with shared weights;
            those below the network's `smallest_size` are padded to it and their features cropped.
        name: a key of `FRONTENDS`.
        weights: `None` for random initialization, `"imagenet"` to download the weights that Keras offers, or the path
            of a weights file of the network without classifier: `.weights.h5`, the older `.h5`, or a `.keras` model.
        output_stride: 8 or 16 to limit the stride of the features: further strides become dilation (Chen 2017,
            1706.05587). Layers, names and weights stay the same. `None` for the network as published, stride 32.

    Returns:
        A dict of Keras tensors `pool1` ... `pool5`, where `pool{n}` is the deepest feature of stride 2**n, about
        (B, H/2**n, W/2**n, `FRONTENDS[name].channels[n - 1]`). The Inception networks and Xception have unpadded
        convolutions, so their features are slightly smaller: join features by resizing one to the other. ConvNeXt has
        no `pool1`. With an `output_stride`, `pool5`, and for 8 also `pool4`, is the same feature at that stride. For a
        list of inputs a list of such dicts.

    Raises:
        UnknownFrontendError: if there is no such frontend.
        ValueError: if it does not support that output stride, or if the number of channels is unknown or differs
            between inputs.
        FrontendWeightsError: if the ImageNet weights cannot be downloaded.
        InvalidFrontendWeightsError: if the file is missing or does not fit the network.
    """
    check_output_stride(name, output_stride)
    from frontends.build import build_end_points

    return build_end_points(inputs, name, weights, output_stride)


def check_output_stride(name: str, output_stride: int | None) -> None:
    """Checks that a frontend exists and supports an output stride; imports no Keras.

    Args:
        name: a key of `FRONTENDS`.
        output_stride: 8, 16, or `None`, which every frontend supports.

    Raises:
        UnknownFrontendError: if there is no such frontend.
        ValueError: if it does not support that output stride.
    """
    if name not in FRONTENDS:
        raise UnknownFrontendError(f"unknown frontend {name!r}; choose one of {', '.join(FRONTENDS)}")
    if output_stride is None:
        return
    if output_stride not in (8, 16):
        raise ValueError(f"an output stride is 8 or 16, not {output_stride!r}")
    if not FRONTENDS[name].dilates:
        dilating = ", ".join(other for other, row in FRONTENDS.items() if row.dilates)
        raise ValueError(f"the frontend {name} cannot have an output stride; those that can are {dilating}")
