"""Trainings without plots, which take three times as long as the rest of a tiny epoch."""

import contextlib
from unittest import mock

from PIL import Image

from utils.files import atomic_write

PLOTS = {"run_figures": ("plot_batch", "plot_confusion", "plot_samples"), "run_log": ("plot_class_iou", "plot_log")}


@contextlib.contextmanager
def blank_plots():
    """Within the context a training writes empty images in place of its plots."""

    def write_blank(path, *_):
        if not path.is_dir():
            with atomic_write(path) as temporary:  # as plots are written
                Image.new("RGB", (2, 2)).save(temporary)

    with contextlib.ExitStack() as stack:
        for module, names in PLOTS.items():
            blank = dict.fromkeys(names, write_blank)
            stack.enter_context(mock.patch.multiple(f"utils.training.{module}", **blank))
        yield
