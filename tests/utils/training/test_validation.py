"""Validation within a training, against the evaluation of the network."""

import pytest

from utils.cli.arguments import train_parser
from utils.data.dataset import SegmentationDataset
from utils.data.folder import list_pairs
from utils.evaluation import score
from utils.progress import Console
from utils.run_folder import RunFolder
from utils.training import build_training_model
from utils.training.record import new_state
from utils.training.run_figures import RunFigures
from utils.training.validation import LOGGED_SCORES, RunValidation


def test_columns_of_the_log_and_the_printed_scores(streets, tmp_path, blank_plots, capsys):
    settings = {**vars(train_parser().parse_args(["--model", "tiny"])), "num_classes": 12}
    data, run = SegmentationDataset.from_folder(streets, crop_height=32, crop_width=48), RunFolder(tmp_path, "a", "b")
    run.make()
    model, pairs = build_training_model(settings), list_pairs(streets, "val")
    figures = RunFigures(run, {}, new_state(0), data.class_dict, tensorboard=False, report=False)
    validation = RunValidation(model, pairs, data, figures, Console("plain"))
    columns, expected = validation.run(7), score(model, streets, "val")
    classes = {f"val_iou_{name}": iou for name, iou in expected["class_iou"].items()}
    scores = {f"val_{name}": expected[name] for name in LOGGED_SCORES}
    assert list(columns) == ["val_loss", *scores, *classes] and columns["val_loss"] > 0
    assert {name: value for name, value in columns.items() if name != "val_loss"} == pytest.approx(
        {**scores, **classes}
    )
    assert "Validation of epoch 0007 on 3 images" in validation.report and validation.report in capsys.readouterr().out
    assert len(list(run.epoch(7).iterdir())) == 8
