"""Rooms of the suite (cli, data, losses, inference, evaluation, export, training, benchmark) over shared modules."""

import os

# OpenCV reads its limit of 2**30 pixels when it is imported. The suite's is in `utils.data.image_size`.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**40))
