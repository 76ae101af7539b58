"""Random flips, rotation, zoom and crop as ONE affine warp of the image and one of the label, and brightness."""

import cv2
import numpy as np

from utils.class_dict import IGNORED


class Augmentation:
    """What happens to a training image.

    Args:
        crop_height, crop_width: int, size of the result in pixels. A crop larger than the image is filled up: the
            image mirrored, the label ignored.
        h_flip, v_flip: bool, flip with probability 1/2.
        brightness: float in 0..1 or None; brightness is multiplied by 1 +- up to this.
        rotation: float or None, greatest angle in degrees, about the image's center.
        zoom: float in 0..1 or None; the image is scaled by 1 +- up to this.
    """

    def __init__(
        self, crop_height, crop_width, h_flip=False, v_flip=False, brightness=None, rotation=None, zoom=None
    ):
        self.crop_height, self.crop_width = crop_height, crop_width
        self.h_flip, self.v_flip = h_flip, v_flip
        self.brightness, self.rotation, self.zoom = brightness or 0.0, rotation or 0.0, zoom or 0.0

    def __call__(self, image, label, rng):
        """Augments a pair.

        Args:
            image: uint8 array `(H, W, 3)`.
            label: uint8 array `(H, W)` of class indices.
            rng: `numpy.random.Generator`; the same state gives the same result.

        Returns:
            uint8 arrays `(crop_height, crop_width, 3)` and `(crop_height, crop_width)`; 255 in the label wherever
            there is no image.
        """
        matrix = self._matrix(image.shape[0], image.shape[1], rng)
        factor = 1.0 + self.brightness * rng.uniform(-1, 1)
        size = (self.crop_width, self.crop_height)
        inverse = cv2.WARP_INVERSE_MAP  # the matrix leads from the result to the source
        image = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)  # OpenCV warps four channels twice as fast as three
        image = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR | inverse, borderMode=cv2.BORDER_REFLECT_101)
        image = cv2.cvtColor(image, cv2.COLOR_RGBA2RGB)
        label = cv2.warpAffine(
            label, matrix, size, flags=cv2.INTER_NEAREST | inverse, borderMode=cv2.BORDER_CONSTANT, borderValue=IGNORED
        )
        if factor != 1.0:
            image = cv2.convertScaleAbs(image, alpha=factor)  # saturates where the original suite wrapped around
        return image, label

    def _matrix(self, height, width, rng):
        """The random 2x3 matrix from pixel coordinates of the crop to those of the image.

        All random numbers are drawn whatever the settings, so that one setting does not change the others' luck.
        """
        flip_x, flip_y = rng.random(2) < 0.5
        angle = np.deg2rad(self.rotation * rng.uniform(-1, 1))
        scale = 1.0 + self.zoom * rng.uniform(-1, 1)
        left, top = (
            _random_offset(rng, round(size * scale), crop)
            for size, crop in ((width, self.crop_width), (height, self.crop_height))
        )
        center = np.array([(width - 1) / 2, (height - 1) / 2])
        flips = np.diag([-1.0 if self.h_flip and flip_x else 1.0, -1.0 if self.v_flip and flip_y else 1.0])
        cos, sin = np.cos(angle), np.sin(angle)
        linear = flips @ np.array([[cos, -sin], [sin, cos]]) / scale
        # The crop's origin, seen from the center of the scaled image.
        origin = np.array([left, top]) - (np.array([round(width * scale), round(height * scale)]) - 1) / 2
        return np.column_stack([linear, center + linear @ origin])


def _random_offset(rng, size, crop):
    """Where a crop begins: anywhere inside, or, if it is larger, anywhere that shows the whole image."""
    slack = size - crop
    # Not rng.integers, which draws nothing where there is but one choice.
    return min(slack, 0) + int(rng.random() * (abs(slack) + 1))
