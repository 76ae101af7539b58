"""Label files that Pillow writes: arrays, and palette images of given indices."""

import numpy as np
from PIL import Image


def save(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


def save_palette(path, indices, palette, **options):
    image = Image.fromarray(indices).convert("P")
    image.putdata(indices.ravel().tolist())
    image.putpalette(np.asarray(palette, np.uint8).ravel().tolist())
    image.save(path, **options)
    if path.suffix == ".png":
        header = path.read_bytes()[24:26]
        assert header[1] == 3 and header[0] == options.get("bits", header[0])
    return path
