"""Pillow, which comes with matplotlib, set up for the user's own files: without messages, of any size."""

import io
import logging
import warnings

logging.getLogger("PIL").addHandler(logging.NullHandler())
warnings.filterwarnings("ignore", module="PIL")


def open_with_pillow(data: bytes):
    """Opens an image file from memory; returns a `PIL.Image.Image`, to be closed. Raises whatever Pillow does."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # `image_size` has the suite's, from --max_pixels
    return Image.open(io.BytesIO(data))
