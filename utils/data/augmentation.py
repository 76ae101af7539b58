"""Data augmentation: random flips, rotation, scaling and cropping as a single affine warp, color jitter and CutMix."""

from collections.abc import Sequence

import cv2
import numpy as np

from utils.class_dict import IGNORED
from utils.data.soft_labels import STRIDE

# From RGB to luma and two chroma axes, and back (NTSC's YIQ): hue is a rotation of the chroma plane.
TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
FROM_YIQ = np.linalg.inv(TO_YIQ)
MIDDLE_GRAY = 127.5
MAX_HUE = 60.0  # degrees, at a color jitter of 1


class Augmentation:
    """Random augmentation of a training image and its label.

    Args:
        crop_height, crop_width: int, size of the result in pixels. A crop larger than the image is padded: the image
            by reflection, the label with 255 (ignored).
        h_flip, v_flip: bool, flip with probability 1/2.
        brightness: float in 0..1 or None; brightness is multiplied by a factor in 1 +- this value.
        rotation: float or None, maximum angle in degrees, about the image's center.
        zoom: float in 0..1 or None; the image is scaled by a factor in 1 +- this value.
        scale_range: two floats or None; the image is scaled by a factor between them. Its logarithm is uniform, so
            that 0.5 is as likely as 2.
        color_jitter: float in 0..1 or None; contrast and saturation are multiplied by a factor in 1 +- this value,
            and the hue is rotated by up to this value times 60 degrees. With another number of channels than three
            only the contrast changes: bands have no hue.
        cutmix: float in 0..1 or None, probability with which `SegmentationDataset` pastes a box of another augmented
            image, see `paste_box`.
    """

    def __init__(
        self,
        crop_height: int,
        crop_width: int,
        h_flip: bool = False,
        v_flip: bool = False,
        brightness: float | None = None,
        rotation: float | None = None,
        zoom: float | None = None,
        scale_range: tuple[float, float] | None = None,
        color_jitter: float | None = None,
        cutmix: float | None = None,
    ):
        self.crop_height, self.crop_width = crop_height, crop_width
        self.h_flip, self.v_flip = h_flip, v_flip
        self.brightness, self.rotation, self.zoom = brightness or 0.0, rotation or 0.0, zoom or 0.0
        self.scale_range, self.color_jitter = scale_range or (1.0, 1.0), color_jitter or 0.0
        self.cutmix = cutmix or 0.0

    def __call__(
        self, image: np.ndarray, label: np.ndarray, rng: np.random.Generator, soft_label: np.ndarray | None = None
    ) -> tuple[np.ndarray, ...]:
        """Augments an image and its label.

        Args:
            image: uint8 array `(H, W, C)`; RGB if C is 3.
            label: uint8 array `(H, W)` of class indices.
            rng: `numpy.random.Generator`; the same state gives the same result.
            soft_label: uint8 array of `soft_labels`, or None.

        Returns:
            uint8 arrays `(crop_height, crop_width, C)` and `(crop_height, crop_width)`; the label is 255 outside of
            the image. With a soft label a third, `(crop_height, crop_width, classes)`, 0 outside of the image.
        """
        matrix, factor, colors = self._draw(image.shape[0], image.shape[1], rng)
        size = (self.crop_width, self.crop_height)
        more = () if soft_label is None else (warp_soft_label(soft_label, label.shape, matrix, size),)
        inverse = cv2.WARP_INVERSE_MAP  # the matrix maps the result to the source
        channels = image.shape[2]
        if channels == 3:
            image = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)  # OpenCV warps four channels twice as fast as three
        image = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR | inverse, borderMode=cv2.BORDER_REFLECT_101)
        if channels == 3:
            image = cv2.cvtColor(image, cv2.COLOR_RGBA2RGB)
        label = cv2.warpAffine(
            label, matrix, size, flags=cv2.INTER_NEAREST | inverse, borderMode=cv2.BORDER_CONSTANT, borderValue=IGNORED
        )
        if factor != 1.0:
            image = cv2.convertScaleAbs(image, alpha=factor)  # saturates where the original suite overflowed
        if self.color_jitter and channels == 3:
            image = cv2.transform(image, self._color_matrix(*colors))
        elif self.color_jitter:
            contrast = 1.0 + self.color_jitter * colors[0]
            image = cv2.addWeighted(image, contrast, image, 0.0, (1.0 - contrast) * MIDDLE_GRAY)
        # OpenCV drops a single channel
        return image.reshape(self.crop_height, self.crop_width, channels), label, *more

    def _draw(self, height, width, rng):
        """Draws all random numbers: a 2x3 matrix from crop to image pixels, a brightness factor, three color numbers.

        Their number does not depend on the settings, so that one setting does not change the others' random numbers.
        """
        flip_x, flip_y = rng.random(2) < 0.5
        angle = np.deg2rad(self.rotation * rng.uniform(-1, 1))
        scale = 1.0 + self.zoom * rng.uniform(-1, 1)
        positions = rng.random(2)
        brightness = 1.0 + self.brightness * rng.uniform(-1, 1)
        low, high = self.scale_range
        scale *= low * (high / low) ** rng.random()
        left, top = (
            _offset(position, round(size * scale), crop)
            for position, size, crop in zip(positions, (width, height), (self.crop_width, self.crop_height))
        )
        center = np.array([(width - 1) / 2, (height - 1) / 2])
        flips = np.diag([-1.0 if self.h_flip and flip_x else 1.0, -1.0 if self.v_flip and flip_y else 1.0])
        cos, sin = np.cos(angle), np.sin(angle)
        linear = flips @ np.array([[cos, -sin], [sin, cos]]) / scale
        # The crop's origin relative to the center of the scaled image.
        origin = np.array([left, top]) - (np.array([round(width * scale), round(height * scale)]) - 1) / 2
        return np.column_stack([linear, center + linear @ origin]), brightness, rng.uniform(-1, 1, 3)

    def _color_matrix(self, contrast, saturation, hue):
        """Returns the 3x4 matrix of a color transform, from three numbers in -1..1."""
        contrast, saturation = 1.0 + self.color_jitter * contrast, 1.0 + self.color_jitter * saturation
        angle = np.deg2rad(MAX_HUE * self.color_jitter * hue)
        chroma = saturation * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        yiq = np.eye(3)
        yiq[1:, 1:] = chroma
        linear = contrast * FROM_YIQ @ yiq @ TO_YIQ
        return np.column_stack([linear, np.full(3, (1.0 - contrast) * MIDDLE_GRAY)])


def paste_box(
    sample: Sequence[np.ndarray], other: Sequence[np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Replaces a random box of a sample by that of another one (CutMix; Yun 2019, 1905.04899).

    The box has the shape of the crop, an area that is uniform in 0..1 of the crop's, and a uniform center; what lies
    outside of the crop is cut off. Labels are pasted with their pixels, so none are mixed.

    Args:
        sample, other: image, label and possibly soft label, arrays `(H, W)` or `(H, W, C)` of one size.
        rng: `numpy.random.Generator`.

    Returns:
        The arrays of the sample with the box, new ones.
    """
    area, *center = rng.random(3)
    box = []
    for size, position in zip(sample[1].shape, center):
        half = size * np.sqrt(area) / 2
        box.append(slice(max(round(position * size - half), 0), min(round(position * size + half), size)))
    arrays = tuple(array.copy() for array in sample)
    for array, pasted in zip(arrays, other):
        array[tuple(box)] = pasted[tuple(box)]
    return arrays


def _offset(position, size, crop):
    """Returns the first pixel of a crop: one inside the image, or, of a larger crop, one that contains the whole image.

    Args:
        position: float in 0..1, from the first possible offset to the last.
        size, crop: int, pixels of the image and of the crop.
    """
    slack = size - crop
    return min(slack, 0) + int(position * (abs(slack) + 1))


def warp_soft_label(soft_label, shape, matrix, size):
    """Warps a soft label as its image, bilinearly.

    Args:
        soft_label: uint8 `(h, w, classes)`, of squares of 4x4 pixels.
        shape: `(height, width)` of the image.
        matrix: 2x3, from pixels of the crop to pixels of the image.
        size: `(width, height)` of the crop.

    Returns:
        uint8 `(height, width, classes)`, 0 outside of the image.
    """
    matrix = matrix.astype(np.float64)
    inverse = cv2.WARP_INVERSE_MAP
    inside = cv2.warpAffine(np.ones(shape, np.uint8), matrix, size, flags=cv2.INTER_NEAREST | inverse)
    scaled = matrix / STRIDE
    scaled[:, 2] = (matrix[:, 2] - (STRIDE - 1) / 2) / STRIDE  # square i has its center at pixel 4 i + 1.5
    flags, classes = cv2.INTER_LINEAR | inverse, soft_label.shape[2]
    groups = [  # OpenCV warps up to four channels
        cv2.warpAffine(
            np.ascontiguousarray(soft_label[:, :, start : start + 4]),
            scaled,
            size,
            flags=flags,
            borderMode=cv2.BORDER_REPLICATE,
        ).reshape(*size[::-1], -1)
        for start in range(0, classes, 4)
    ]
    return np.concatenate(groups, axis=2) * inside[:, :, None]
