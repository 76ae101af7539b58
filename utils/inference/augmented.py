"""Test-time augmentation: class probabilities averaged over scales and horizontal flips."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

MAX_CHANNELS = 64  # of an image for cv2.resize, which refuses more than some hundred


def averaged_probabilities(
    logits: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
) -> np.ndarray:
    """Averages the class probabilities over augmented views of the images.

    Args:
        logits: function from a uint8 array `(B, h, w, channels)` to float32 logits `(B, h, w, C)`, for any h and w.
        images: uint8 array `(B, H, W, channels)`.
        scales: factors on height and width; 1 is the image itself.
        flip: whether to also predict the horizontally flipped image at each scale.

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
            flipped = softmax(logits(np.ascontiguousarray(view[:, :, ::-1])))
            total += _resize(np.ascontiguousarray(flipped[:, :, ::-1]), (height, width))
    return total / (len(scales) * (2 if flip else 1))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Computes probabilities over the last axis of a float array."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials


def _resize(batch, size):
    """Resizes an array `(B, H, W, C)` to `size`, a height and a width, linearly."""
    if batch.shape[1:3] == size:
        return batch
    starts = range(0, batch.shape[-1], MAX_CHANNELS)
    groups = [batch[..., start : start + MAX_CHANNELS] for start in starts]
    resized = [np.stack([_resize_image(image, size) for image in group]) for group in groups]
    return resized[0] if len(resized) == 1 else np.concatenate(resized, axis=-1)


def _resize_image(image, size):
    resized = cv2.resize(np.ascontiguousarray(image), size[::-1], interpolation=cv2.INTER_LINEAR)
    return resized.reshape(*size, image.shape[-1])  # OpenCV drops a single channel
