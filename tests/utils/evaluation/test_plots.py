"""Curves and confusion matrices, judged by their pixels."""

import cv2
import numpy as np
import pytest

from utils.evaluation import plots
from utils.evaluation.plots import plot_confusion, plot_log, points


def read(path):
    return cv2.imread(str(path))[..., ::-1].astype(int)


def test_curves_of_a_run(tmp_path):
    log = [{"epoch": epoch, "loss": 2.0 / (epoch + 1), "mean_iou": epoch / 10} for epoch in range(5)]
    log[4].update(val_mean_iou=0.4, val_global_accuracy=0.5)
    plot_log(tmp_path, log)
    assert {path.name for path in tmp_path.iterdir()} == {
        "loss_vs_epochs.png",
        "accuracy_vs_epochs.png",
        "iou_vs_epochs.png",
    }
    for path in tmp_path.iterdir():
        assert read(path).std() > 5


def test_a_log_without_validations_is_drawn(tmp_path):
    plot_log(tmp_path, [{"epoch": 0, "loss": 2.0, "mean_iou": 0.1}])
    assert read(tmp_path / "accuracy_vs_epochs.png").min() < 50


def legends(monkeypatch, folder, log):
    """The labels of the curves of each plot."""
    drawn = {}
    monkeypatch.setattr(
        plots,
        "save",
        lambda figure, path: drawn.update({path.stem: [line.get_label() for line in figure.axes[0].lines]}),
    )
    plot_log(folder, log)
    return drawn


def test_losses_of_training_and_validation(tmp_path, monkeypatch):
    """Also of a run that older versions began, whose first epochs have no validation loss."""
    log = [{"epoch": 0, "loss": 2.0, "val_mean_iou": 0.25}]
    assert legends(monkeypatch, tmp_path, log)["loss_vs_epochs"] == ["training"]
    log += [{"epoch": epoch, "loss": 1.0, "val_loss": loss} for epoch, loss in ((1, 1.5), (2, 0.75), (3, 0.875))]
    drawn = legends(monkeypatch, tmp_path, log)
    assert drawn["loss_vs_epochs"] == ["training", "validation", "best: 0.75, epoch 2"]
    assert drawn["iou_vs_epochs"] == ["validation", "best: 25.0, epoch 0"]
    log = [{**row, "logits_loss": row["loss"] / 2} for row in log]
    names = ["training, with auxiliary heads", "training", "validation", "best: 0.75, epoch 2"]
    assert legends(monkeypatch, tmp_path, log)["loss_vs_epochs"] == names


def test_points_leave_out_what_is_absent():
    log = [{"epoch": 4, "loss": 1.0}, {"epoch": 5, "loss": 0.5, "val_f1": None}, {"epoch": 6, "val_f1": 0.25}]
    epochs, values = points(log, "val_f1")
    assert epochs.tolist() == [6] and values.tolist() == [0.25]
    assert points(log, "loss")[0].tolist() == [4, 5]


def test_the_confusion_matrix_is_in_shares_of_the_truth(tmp_path):
    plot_confusion(tmp_path / "a.png", np.array([[30, 10], [0, 1000]]), ["Bus", "Tree"])
    plot_confusion(tmp_path / "b.png", np.array([[3, 1], [0, 7]]), ["Bus", "Tree"])
    plot_confusion(tmp_path / "c.png", np.array([[1, 3], [0, 7]]), ["Bus", "Tree"])
    a, b, c = (read(tmp_path / f"{name}.png") for name in "abc")
    assert (a == b).all() and (a != c).any()


@pytest.mark.parametrize("count", [2, 11, 32, 33, 150])
def test_matrices_of_few_and_many_classes_have_a_sensible_size(tmp_path, count):
    plot_confusion(tmp_path / "a.png", np.eye(count, dtype=np.int64), [f"a class {index}" for index in range(count)])
    height, width = read(tmp_path / "a.png").shape[:2]
    assert 200 < height < 4500 and 400 < width < 4500
