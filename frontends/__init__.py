"""Frontends: classification networks that turn images into features at strides 2 to 32, for decoders to read.

`FRONTENDS` is data and imports at once; Keras is imported when `build_frontend` is called.
"""

from frontends.errors import FrontendWeightsError, InvalidFrontendWeightsError, UnknownFrontendError
from frontends.table import FRONTENDS, Frontend

__all__ = [
    "FRONTENDS",
    "InvalidFrontendWeightsError",
    "Frontend",
    "FrontendWeightsError",
    "UnknownFrontendError",
    "build_frontend",
    "check_output_stride",
]


def build_frontend(inputs, name, weights=None, output_stride=None):
    """Puts a frontend on top of a Keras tensor of images.

    The layers are added flat to the graph of `inputs`, so a model made of some of the features contains only the layers
    that those features need. Preprocessing (ImageNet mean, scaling to -1..1, ...) is the first of them.

    Args:
        inputs: Keras tensor (B, H, W, 3), RGB, 0..255, uint8 or float. H and W may be `None`, meaning any size.
            Or a list of such tensors, of any sizes, which one and the same network then sees one after the other; those
            of less than the network's `smallest_size` are padded to that and the features cropped.
        name: a key of `FRONTENDS`.
        weights: `None` for random initialization, `"imagenet"` to download what Keras offers, or the path of a weights
            file of the network without classifier: `.weights.h5`, the older `.h5`, or a `.keras` model.
        output_stride: 8 or 16 to keep the features from getting coarser than that: further strides become dilation. The
            layers, their names and their weights stay the same. `None` for the network as published, stride 32.

    Returns:
        A dict of Keras tensors `pool1` ... `pool5`, where `pool{n}` is the deepest feature at stride 2**n, about
        (B, H/2**n, W/2**n, `FRONTENDS[name].channels[n - 1]`). The Inception networks and Xception have unpadded
        convolutions and give slightly less, so join features by resizing one to the other. ConvNeXt has no `pool1`.
        With an `output_stride` `pool5`, and for 8 `pool4` too, is the same place of the network at that stride.
        For a list of inputs a list of such dicts.

    Raises:
        UnknownFrontendError: if there is no such frontend.
        ValueError: if it cannot have that output stride.
        FrontendWeightsError: if the ImageNet weights cannot be had.
        InvalidFrontendWeightsError: if the file is missing or does not fit the network.
    """
    check_output_stride(name, output_stride)
    from frontends.build import build_end_points

    return build_end_points(inputs, name, weights, output_stride)


def check_output_stride(name, output_stride):
    """Raises if there is no such frontend, or if it cannot have that output stride; imports nothing.

    Args:
        name: a key of `FRONTENDS`.
        output_stride: 8, 16 or `None`, which all of them can have.

    Raises:
        UnknownFrontendError: if there is no such frontend.
        ValueError: if it cannot have that output stride.
    """
    if name not in FRONTENDS:
        raise UnknownFrontendError(f"unknown frontend {name!r}; choose one of {', '.join(FRONTENDS)}")
    if output_stride is None:
        return
    if output_stride not in (8, 16):
        raise ValueError(f"an output stride is 8 or 16, not {output_stride!r}")
    if not FRONTENDS[name].dilates:
        able = ", ".join(other for other, row in FRONTENDS.items() if row.dilates)
        raise ValueError(f"the frontend {name} cannot have an output stride; those that can are {able}")
