"""Networks for other numbers of input channels than three: normalization and pretrained kernels for spectral bands."""

import numpy as np

# Normalization of the networks whose own would be for RGB only: a mode of `frontends.layers.Preprocess`.
_NORMALIZATION = {
    **dict.fromkeys((f"EfficientNetV2B{size}" for size in range(4)), "torch"),
    **dict.fromkeys((f"EfficientNetV2{size}" for size in "SML"), "tf128"),
    **dict.fromkeys((f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")), "torch"),
}


def preprocessing_of(frontend, channels):
    """Returns the mode of `frontends.layers.Preprocess` for a row of the table and a number of channels."""
    return frontend.preprocessing if channels == 3 else _NORMALIZATION.get(frontend.network, frontend.preprocessing)


def network_options(network, channels):
    """Returns the arguments of a function of `keras.applications` that leave out a normalization for RGB."""
    return {} if channels == 3 or network not in _NORMALIZATION else {"include_preprocessing": False}


def extend_values(values, channels):
    """Extends three values of RGB, such as a mean, to another number of channels.

    Args:
        values: array-like `(3,)`.
        channels: int.

    Returns:
        float32 array `(channels,)`: with three channels or more, the values and then their mean; with fewer, the mean.
    """
    values = np.asarray(values, np.float32)
    if channels < 3:
        return np.full(channels, values.mean(), np.float32)
    return np.concatenate([values, np.full(channels - 3, values.mean(), np.float32)])


def spread_kernel(kernel, channels):
    """Spreads the kernel of an RGB network's first convolution over another number of channels.

    The first three channels keep the kernels of R, G and B, further ones get their mean, and all are multiplied by
    3 / channels: if all bands carry the same picture, the response is that of the gray picture. With fewer than three
    channels each gets the mean.

    Args:
        kernel: array `(h, w, 3, filters)`.
        channels: int.

    Returns:
        float32 array `(h, w, channels, filters)`.
    """
    rgb = [kernel[:, :, band] for band in range(3)]
    mean = kernel.mean(axis=2)
    bands = [*rgb, *[mean] * (channels - 3)] if channels >= 3 else [mean] * channels
    return (np.stack(bands, axis=2) * (3 / channels)).astype(np.float32)


def spread_weights(source, target):
    """Copies the weights of an RGB network to the same network for another number of channels.

    Args:
        source: Keras model for three channels.
        target: Keras model for any number of channels, otherwise the same.
    """
    values = []
    for value, variable in zip(source.get_weights(), target.weights, strict=True):
        if value.shape != tuple(variable.shape):
            spread, axis = (spread_kernel, 2) if value.ndim == 4 else (extend_values, 0)
            value = spread(value, variable.shape[axis])
        values.append(value)
    target.set_weights(values)
