"""Several views of an image, whose predictions are averaged: other scales, and the mirror image."""

import cv2
import numpy as np

MOST_CHANNELS = 64  # that OpenCV is given at once; it refuses more than some hundred


def averaged_probabilities(logits, images, scales=(1.0,), flip=False):
    """The mean of the class probabilities over views of the images.

    Args:
        logits: function from a uint8 array `(B, h, w, 3)`, RGB, to float32 logits `(B, h, w, C)`, for any h and w.
        images: uint8 array `(B, H, W, 3)`, RGB.
        scales: sequence of float, factors on height and width; 1 is the image itself.
        flip: whether each scale is also seen in the mirror.

    Returns:
        float32 array `(B, H, W, C)`, 0..1, which sums to 1 over the classes.
    """
    height, width = images.shape[1:3]
    total = 0.0
    for scale in scales:
        size = max(1, round(height * scale)), max(1, round(width * scale))
        view = _resize(images, size)
        total = total + _resize(softmax(logits(view)), (height, width))
        if flip:
            mirrored = softmax(logits(np.ascontiguousarray(view[:, :, ::-1])))
            total += _resize(np.ascontiguousarray(mirrored[:, :, ::-1]), (height, width))
    return total / (len(scales) * (2 if flip else 1))


def softmax(logits):
    """Probabilities over the last axis of a float array."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials


def _resize(batch, size):
    """Resizes an array `(B, H, W, C)` to `size`, a height and a width, linearly."""
    if batch.shape[1:3] == size:
        return batch
    channels = range(0, batch.shape[-1], MOST_CHANNELS)
    parts = [batch[..., first : first + MOST_CHANNELS] for first in channels]
    resized = [np.stack([_resize_one(image, size) for image in part]) for part in parts]
    return resized[0] if len(resized) == 1 else np.concatenate(resized, axis=-1)


def _resize_one(image, size):
    resized = cv2.resize(np.ascontiguousarray(image), size[::-1], interpolation=cv2.INTER_LINEAR)
    return resized.reshape(*size, image.shape[-1])  # OpenCV drops a single channel
