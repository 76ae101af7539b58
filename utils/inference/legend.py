"""Legend below an image: colors, names and shares of classes."""

import functools
import io
from collections.abc import Sequence

import cv2
import numpy as np

from utils.text import display_width

FONT = cv2.FONT_HERSHEY_SIMPLEX
LETTER = 0.5  # size for a picture of 640 pixels, in OpenCV's unit
SUPERSAMPLING = 3  # Matplotlib's letters are drawn larger and reduced


def with_legend(image: np.ndarray, entries: Sequence[tuple[str, str, Sequence[int]]]) -> np.ndarray:
    """Adds a legend below an image, in as many lines as its width needs.

    Args:
        image: uint8 array `(H, W, 3)`, RGB.
        entries: `(name, share, color)` of each class: share is a text, perhaps "", and color RGB, 0..255.

    Returns:
        uint8 array `(H + legend, W, 3)`.
    """
    width = image.shape[1]
    scale = float(np.clip(width / 640, 0.8, 3.0))  # smaller letters are not legible
    line, margin = round(26 * scale), round(6 * scale)
    legend = np.full((line, width, 3), 255, np.uint8)
    x, y = margin, 0
    for name, share, color in entries:
        letters = _letters(name, scale, line)  # apart from the share, which changes with every image
        if share:
            gap = np.full((line, margin), 255, np.uint8)
            letters = np.concatenate([letters, gap, _letters(share, scale, line)], axis=1)
        if x > margin and x + line + letters.shape[1] > width:
            legend = np.concatenate([legend, np.full((line, width, 3), 255, np.uint8)])
            x, y = margin, y + line
        square = (x, y + margin), (x + line - 2 * margin, y + line - margin)
        cv2.rectangle(legend, *square, [int(value) for value in color], -1)
        cv2.rectangle(legend, *square, (136, 136, 136), 1)  # else white is not visible
        place = legend[y : y + line, x + line - margin : x + line - margin + letters.shape[1]]
        place[:] = letters[:, : place.shape[1], None]
        x += line + letters.shape[1] + 2 * margin
    return np.concatenate([image, legend])


@functools.lru_cache(4096)
def _letters(text, scale, height):
    """Draws a text in black on white, a uint8 array `(height, W)`. OpenCV draws ASCII only, but 20 times as fast."""
    if not text.isascii():
        return _letters_of_matplotlib(text, scale, height)
    (width, _), _ = cv2.getTextSize(text, FONT, LETTER * scale, 1)
    letters = np.full((height, width, 3), 255, np.uint8)
    cv2.putText(letters, text, (0, height - round(8 * scale)), FONT, LETTER * scale, (0, 0, 0), 1, cv2.LINE_AA)
    return letters[..., 0]


def _letters_of_matplotlib(text, scale, height):
    """Draws a text of any alphabet, as `_letters`."""
    from matplotlib.figure import Figure

    from utils.fonts import save_png

    size = 15 * scale * SUPERSAMPLING  # pixels
    dpi, rows = 72, height * SUPERSAMPLING
    figure = Figure(figsize=((display_width(text) + 2) * size / dpi, rows / dpi), dpi=dpi)
    figure.text(0, round(8 * scale) * SUPERSAMPLING / rows, text, fontsize=size, va="baseline")
    file = io.BytesIO()
    save_png(figure, file)
    drawn = cv2.imdecode(np.frombuffer(file.getbuffer(), np.uint8), cv2.IMREAD_GRAYSCALE)
    last = np.flatnonzero((drawn < 255).any(axis=0)).max(initial=SUPERSAMPLING)
    width = -(-int(last + 1) // SUPERSAMPLING)
    drawn = cv2.copyMakeBorder(drawn, 0, 0, 0, SUPERSAMPLING, cv2.BORDER_CONSTANT, value=255)
    return cv2.resize(drawn[:, : width * SUPERSAMPLING], (width, height), interpolation=cv2.INTER_AREA)
