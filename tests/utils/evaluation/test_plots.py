"""Curves and confusion matrices, judged by their pixels."""

import cv2
import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.evaluation.class_plots import MAX_PANELS, plot_class_iou
from utils.evaluation.plots import plot_confusion, plot_log, points


def read(path):
    return cv2.imread(str(path))[..., ::-1].astype(int)


def colored(picture, color, tolerance=12):
    """Where a picture has a color: arrays of rows and columns."""
    return np.nonzero((np.abs(picture - color) <= tolerance).all(axis=-1))


def log_of(names, epochs, iou):
    """A log in which every class has `iou(epoch)` at every other epoch."""
    rows = []
    for epoch in range(epochs):
        row = {"epoch": epoch, "loss": 2.0 / (epoch + 1), "mean_iou": iou(epoch)}
        if epoch % 2 == 0:
            row.update({"val_mean_iou": iou(epoch), "val_global_accuracy": iou(epoch)})
            row.update({f"val_iou_{name}": iou(epoch) for name in names})
        rows.append(row)
    return rows


def test_curves_of_a_run(tmp_path):
    plot_log(tmp_path, log_of([], 5, lambda epoch: epoch / 10))
    assert {path.name for path in tmp_path.iterdir()} == {
        "loss_vs_epochs.png",
        "accuracy_vs_epochs.png",
        "iou_vs_epochs.png",
    }
    for path in tmp_path.iterdir():
        assert read(path).std() > 5


def test_a_log_without_validations_is_drawn(tmp_path):
    plot_log(tmp_path, [{"epoch": 0, "loss": 2.0, "mean_iou": 0.1}])
    plot_class_iou(tmp_path / "classes.png", [{"epoch": 0, "loss": 2.0}], ClassDict(["a", "b"], [(9, 9, 9), (0, 0, 0)]))
    assert not (tmp_path / "classes.png").exists() and read(tmp_path / "accuracy_vs_epochs.png").min() < 50


def test_points_leave_out_what_is_absent():
    log = [{"epoch": 4, "loss": 1.0}, {"epoch": 5, "loss": 0.5, "val_f1": None}, {"epoch": 6, "val_f1": 0.25}]
    epochs, values = points(log, "val_f1")
    assert epochs.tolist() == [6] and values.tolist() == [0.25]
    assert points(log, "loss")[0].tolist() == [4, 5]


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
def test_pictures_of_few_and_many_classes_have_a_sensible_size(tmp_path, count):
    names = [f"a class {index}" for index in range(count)]
    colors = np.stack([np.arange(count), np.arange(count) // 2, np.full(count, 90)], axis=1)
    plot_class_iou(tmp_path / "a.png", log_of(names, 4, lambda epoch: 0.5), ClassDict(names, colors))
    plot_confusion(tmp_path / "b.png", np.eye(count, dtype=np.int64), names)
    for name in ("a.png", "b.png"):
        height, width = read(tmp_path / name).shape[:2]
        assert 200 < height < 4500 and 400 < width < 4500


def test_a_map_of_many_classes_shows_a_validation_until_the_next(tmp_path):
    names = [f"class {index}" for index in range(60)]
    colors = np.stack([np.arange(60)] * 3, axis=1)
    plot_class_iou(tmp_path / "a.png", log_of(names, 3, lambda epoch: epoch / 2), ClassDict(names, colors))
    dark, yellow = (len(colored(read(tmp_path / "a.png"), color)[0]) for color in ((68, 1, 84), (253, 231, 37)))
    assert dark == pytest.approx(2 * yellow, rel=0.1)  # epochs 0 and 1 have no IoU, epoch 2 has all


def test_the_confusion_matrix_is_in_shares_of_the_truth(tmp_path):
    plot_confusion(tmp_path / "a.png", np.array([[30, 10], [0, 1000]]), ["Bus", "Tree"])
    plot_confusion(tmp_path / "b.png", np.array([[3, 1], [0, 7]]), ["Bus", "Tree"])
    plot_confusion(tmp_path / "c.png", np.array([[1, 3], [0, 7]]), ["Bus", "Tree"])
    a, b, c = (read(tmp_path / f"{name}.png") for name in "abc")
    assert (a == b).all() and (a != c).any()
