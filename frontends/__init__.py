"""Frontends: classification networks that turn images into features at strides 2 to 32, for decoders to read.

`FRONTENDS` is data and imports at once; Keras is imported when `build_frontend` is called.
"""

from frontends.errors import BadFrontendWeights, FrontendWeightsError, UnknownFrontend
from frontends.table import FRONTENDS, Frontend

__all__ = ["FRONTENDS", "BadFrontendWeights", "Frontend", "FrontendWeightsError", "UnknownFrontend", "build_frontend"]


def build_frontend(inputs, name, weights=None):
    """Puts a frontend on top of a Keras tensor of images.

    The layers are added flat to the graph of `inputs`, so a model made of some of the features contains only the layers
    that those features need. Preprocessing (ImageNet mean, scaling to -1..1, ...) is the first of them.

    Args:
        inputs: Keras tensor (B, H, W, 3), RGB, 0..255, uint8 or float. H and W may be `None`, meaning any size.
        name: a key of `FRONTENDS`.
        weights: `None` for random initialization, `"imagenet"` to download what Keras offers, or the path of a weights
            file of the network without classifier: `.weights.h5`, the older `.h5`, or a `.keras` model.

    Returns:
        A dict of Keras tensors `pool1` ... `pool5`, where `pool{n}` is the deepest feature at stride 2**n, about
        (B, H/2**n, W/2**n, `FRONTENDS[name].channels[n - 1]`). The Inception networks and Xception have unpadded
        convolutions and give slightly less, so join features by resizing one to the other. ConvNeXt has no `pool1`.

    Raises:
        UnknownFrontend: if there is no such frontend.
        FrontendWeightsError: if the ImageNet weights cannot be had.
        BadFrontendWeights: if the file is missing or does not fit the network.
    """
    from frontends.networks import build_end_points

    return build_end_points(inputs, name, weights)
