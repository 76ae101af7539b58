import io
import warnings

import numpy as np
from PIL import Image

from utils.data.pillow import open_with_pillow


def test_files_of_any_size_are_opened_without_a_word(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    file = io.BytesIO()
    Image.fromarray(np.zeros((40, 50), np.uint8)).save(file, "PNG")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with open_with_pillow(file.getvalue()) as image:
            assert image.size == (50, 40)
