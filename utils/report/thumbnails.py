"""Images of the gallery as data URIs: photos as JPEG, class indices as grayscale PNG."""

import base64

import cv2
import numpy as np

SIDES = ((250, 480), (450, 360), (1000, 240))  # for at most so many images: the longer side in pixels
MOST_IMAGES = SIDES[-1][0]  # in a gallery
QUALITY = 70  # of JPEG, 0..100


def gallery_side(images: int) -> int:
    """Returns the longer side of images in a gallery, in pixels, so that a page stays below about 15 MB."""
    return next((side for most, side in SIDES if images <= most), SIDES[-1][1])


def fitted_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Returns the `(height, width)` of an image whose longer side is at most `side`; images are not enlarged."""
    scale = min(1.0, side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def encode_photo(image: np.ndarray, size: tuple[int, int]) -> str:
    """Encodes an image.

    Args:
        image: uint8 array `(H, W, 3)`, RGB.
        size: `(height, width)` in the page.

    Returns:
        A data URI.
    """
    if image.shape[:2] != tuple(size):
        image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2BGR)
    return _data_uri("image/jpeg", ".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def encode_maps(label: np.ndarray, prediction: np.ndarray, size: tuple[int, int]) -> str:
    """Encodes class indices: the label above the prediction in one grayscale image.

    Args:
        label, prediction: uint8 arrays `(H, W)`; 255 = ignored.
        size: `(height, width)` of each in the page.

    Returns:
        A data URI.
    """
    maps = [cv2.resize(indices, size[::-1], interpolation=cv2.INTER_NEAREST) for indices in (label, prediction)]
    return _data_uri("image/png", ".png", np.concatenate(maps), [cv2.IMWRITE_PNG_COMPRESSION, 6])


def _data_uri(kind, extension, pixels, options):
    _, data = cv2.imencode(extension, pixels, options)
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
