"""Random flips, rotation, scale and crop as ONE affine warp of the image and one of the label; and colors."""

import cv2
import numpy as np

from utils.class_dict import IGNORED

# From RGB to luma and two chroma axes, and back (NTSC's YIQ): hue is a rotation of the chroma plane.
TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
FROM_YIQ = np.linalg.inv(TO_YIQ)
MIDDLE_GRAY = 127.5
GREATEST_HUE = 60.0  # degrees, at a color jitter of 1


class Augmentation:
    """What happens to a training image.

    Args:
        crop_height, crop_width: int, size of the result in pixels. A crop larger than the image is filled up: the
            image mirrored, the label ignored.
        h_flip, v_flip: bool, flip with probability 1/2.
        brightness: float in 0..1 or None; brightness is multiplied by 1 +- up to this.
        rotation: float or None, greatest angle in degrees, about the image's center.
        zoom: float in 0..1 or None; the image is scaled by 1 +- up to this.
        scale_range: two floats or None; the image is scaled by a factor between them, its logarithm uniform, so that
            halves are as likely as doubles.
        color_jitter: float in 0..1 or None; contrast and saturation are multiplied by 1 +- up to this, and the hue
            turned by up to this times 60 degrees.
    """

    def __init__(
        self,
        crop_height,
        crop_width,
        h_flip=False,
        v_flip=False,
        brightness=None,
        rotation=None,
        zoom=None,
        scale_range=None,
        color_jitter=None,
    ):
        self.crop_height, self.crop_width = crop_height, crop_width
        self.h_flip, self.v_flip = h_flip, v_flip
        self.brightness, self.rotation, self.zoom = brightness or 0.0, rotation or 0.0, zoom or 0.0
        self.scale_range, self.color_jitter = scale_range or (1.0, 1.0), color_jitter or 0.0

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
        matrix, factor, colors = self._draw(image.shape[0], image.shape[1], rng)
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
        if self.color_jitter:
            image = cv2.transform(image, self._color_matrix(*colors))
        return image, label

    def _draw(self, height, width, rng):
        """All that is random: a 2x3 matrix from pixels of the crop to pixels of the image, a brightness, three colors.

        All random numbers are drawn whatever the settings, so that one setting does not change the others' luck.
        """
        flip_x, flip_y = rng.random(2) < 0.5
        angle = np.deg2rad(self.rotation * rng.uniform(-1, 1))
        scale = 1.0 + self.zoom * rng.uniform(-1, 1)
        places = rng.random(2)
        brightness = 1.0 + self.brightness * rng.uniform(-1, 1)
        low, high = self.scale_range
        scale *= low * (high / low) ** rng.random()
        left, top = (
            _offset(place, round(size * scale), crop)
            for place, size, crop in zip(places, (width, height), (self.crop_width, self.crop_height))
        )
        center = np.array([(width - 1) / 2, (height - 1) / 2])
        flips = np.diag([-1.0 if self.h_flip and flip_x else 1.0, -1.0 if self.v_flip and flip_y else 1.0])
        cos, sin = np.cos(angle), np.sin(angle)
        linear = flips @ np.array([[cos, -sin], [sin, cos]]) / scale
        # The crop's origin, seen from the center of the scaled image.
        origin = np.array([left, top]) - (np.array([round(width * scale), round(height * scale)]) - 1) / 2
        return np.column_stack([linear, center + linear @ origin]), brightness, rng.uniform(-1, 1, 3)

    def _color_matrix(self, contrast, saturation, hue):
        """The 3x4 matrix of a change of colors, from three numbers in -1..1."""
        contrast, saturation = 1.0 + self.color_jitter * contrast, 1.0 + self.color_jitter * saturation
        angle = np.deg2rad(GREATEST_HUE * self.color_jitter * hue)
        chroma = saturation * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        yiq = np.eye(3)
        yiq[1:, 1:] = chroma
        linear = contrast * FROM_YIQ @ yiq @ TO_YIQ
        return np.column_stack([linear, np.full(3, (1.0 - contrast) * MIDDLE_GRAY)])


def _offset(place, size, crop):
    """Where a crop begins: anywhere inside, or, if it is larger, anywhere that shows the whole image.

    Args:
        place: float in 0..1, where between the first possibility and the last.
        size, crop: int, pixels of the image and of the crop.
    """
    slack = size - crop
    return min(slack, 0) + int(place * (abs(slack) + 1))
