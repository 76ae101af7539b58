"""Panels and maps of per-class IoU, judged by their pixels."""

import cv2
import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.evaluation.class_plots import MAX_PANELS, plot_class_iou


def read(path):
    return cv2.imread(str(path))[..., ::-1].astype(int)


def colored(picture, color, tolerance=12):
    """Where a picture has a color: arrays of rows and columns."""
    return np.nonzero((np.abs(picture - color) <= tolerance).all(axis=-1))


def log_of(names, epochs, iou):
    """A log in which every class has `iou(epoch)` at every other epoch."""
    return [
        {"epoch": epoch, **({f"val_iou_{name}": iou(epoch) for name in names} if epoch % 2 == 0 else {})}
        for epoch in range(epochs)
    ]


def test_each_class_has_a_curve_in_its_color(tmp_path):
    colors = [(200, 0, 0), (0, 120, 0), (0, 0, 220)]
    log = log_of(["Bus", "Tree", "Sky"], 9, lambda epoch: 0.1 + epoch / 10)
    for row in log:
        row.pop("val_iou_Sky", None)  # in no image
    plot_class_iou(tmp_path / "a.png", log, ClassDict(["Bus", "Tree", "Sky"], colors))
    picture = read(tmp_path / "a.png")
    for color in colors[:2]:
        rows, columns = colored(picture, color)
        assert len(rows) > 100
        assert rows[columns.argmin()] > rows[columns.argmax()] + 50  # it rises
    assert not len(colored(picture, colors[2])[0])


@pytest.mark.parametrize("count", [2, 11, 32, MAX_PANELS, MAX_PANELS + 1, 150])
def test_plots_of_few_and_many_classes_have_a_sensible_size(tmp_path, count):
    names = [f"a class {index}" for index in range(count)]
    colors = np.stack([np.arange(count), np.arange(count) // 2, np.full(count, 90)], axis=1)
    plot_class_iou(tmp_path / "a.png", log_of(names, 4, lambda epoch: 0.5), ClassDict(names, colors))
    height, width = read(tmp_path / "a.png").shape[:2]
    assert 200 < height < 4500 and 350 < width < 4500


def test_a_map_of_many_classes_shows_a_validation_until_the_next(tmp_path):
    names = [f"class {index}" for index in range(60)]
    colors = np.stack([np.arange(60)] * 3, axis=1)
    plot_class_iou(tmp_path / "a.png", log_of(names, 3, lambda epoch: epoch / 2), ClassDict(names, colors))
    dark, yellow = (len(colored(read(tmp_path / "a.png"), color)[0]) for color in ((68, 1, 84), (253, 231, 37)))
    assert dark == pytest.approx(2 * yellow, rel=0.1)  # epochs 0 and 1 have no IoU, epoch 2 has all


def test_a_single_validation_is_a_point(tmp_path):
    names, colors = ["Bus", "Tree"], [(200, 0, 0), (0, 120, 0)]
    plot_class_iou(tmp_path / "a.png", log_of(names, 1, lambda epoch: 0.5), ClassDict(names, colors))
    for color in colors:
        rows, columns = colored(read(tmp_path / "a.png"), color)
        assert 20 < len(rows) < 200 and np.ptp(rows) < 12 and np.ptp(columns) < 12


def test_without_validations_there_is_no_plot(tmp_path):
    plot_class_iou(tmp_path / "a.png", [{"epoch": 0, "loss": 2.0}], ClassDict(["a", "b"], [(9, 9, 9), (0, 0, 0)]))
    assert not (tmp_path / "a.png").exists()
