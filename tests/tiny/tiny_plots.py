"""Trainings without plots, which take three times as long as the rest of a tiny epoch."""

import contextlib
from unittest import mock

from PIL import Image

PLOTS = ("plot_batch", "plot_class_iou", "plot_confusion", "plot_log", "plot_samples")


@contextlib.contextmanager
def blank_plots():
    """Within the context a training writes empty images in place of its plots."""

    def write_blank(path, *_):
        if not path.is_dir():
            Image.new("RGB", (2, 2)).save(path)

    with mock.patch.multiple("utils.training.record", **dict.fromkeys(PLOTS, write_blank)):
        yield
