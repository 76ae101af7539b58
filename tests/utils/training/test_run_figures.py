"""Figures, score files and report of a run."""

import numpy as np
import pytest
from tiny_report import Brightest

from models import build_model
from utils.data.dataset import SegmentationDataset
from utils.data.folder import list_pairs, read_classes
from utils.evaluation import evaluate
from utils.inference import Predictor
from utils.run_folder import RunFolder
from utils.training import run_figures
from utils.training.record import new_state
from utils.training.run_figures import RunFigures

ROW = {"epoch": 3, "loss": 1.5, "mean_iou": 0.25, "learning_rate": 0.1, "val_mean_iou": 0.5, "val_iou_Sky": 0.25}


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path, "tiny", "Streets")
    folder.make()
    return folder


def test_the_first_batch_is_drawn_once_and_changes_nothing(run, streets):
    def dataset(**options):
        return SegmentationDataset.from_folder(
            streets, crop_height=32, crop_width=48, batch_size=2, h_flip=True, **options
        )

    for cache in (False, True):
        run.batch.unlink(missing_ok=True)
        data, untouched = dataset(cache=cache), dataset()
        data.set_epoch(3, 1)
        data.outputs = ("logits", "auxiliary") if cache else ()
        figures = RunFigures(run, {}, new_state(3), data.class_dict, tensorboard=False, report=False)
        assert figures.add_batch(data) == run.batch and run.batch.stat().st_size > 10_000
        assert figures.add_batch(data) is None
        untouched.set_epoch(3, 1)
        assert (data.epoch, data.first_step) == (3, 1)
        for step in range(2):
            (images, labels), (expected, expected_labels) = data[step], untouched[step]
            np.testing.assert_array_equal(images, expected)
            np.testing.assert_array_equal(labels["auxiliary"] if cache else labels, expected_labels)


def validated(run, streets, report):
    """The figures of a run after the validation of epoch 3."""
    class_dict, pairs = read_classes(streets, ["Unlabelled"]), list_pairs(streets, "val")
    settings = {"model": "tiny", "dataset_path": "Streets", "num_epochs": 9, "versions": {"keras": "3"}}
    figures = RunFigures(run, settings, new_state(3), class_dict, tensorboard=False, report=report)
    observe = figures.observe(3, len(pairs))
    figures.add_validation(3, pairs, evaluate(Predictor(Brightest()), pairs, class_dict, observe=observe))
    figures.add_epoch(build_model("tiny", 2), [ROW], 9)
    return figures, pairs


@pytest.mark.parametrize("is_wanted", [True, False])
def test_files_of_a_validation(run, streets, blank_plots, is_wanted):
    _, pairs = validated(run, streets, is_wanted)
    assert (run.folder / "report.html").exists() == is_wanted
    pictures = {f"{pair.name}_{kind}.png" for pair in pairs for kind in ("pred", "gt")} | {"samples.png"}
    assert {path.name for path in run.epoch(3).iterdir()} == pictures | {"val_scores.csv"}
    if is_wanted:
        page = (run.folder / "report.html").read_text(encoding="utf-8")
        assert "tiny_Streets, validation of epoch 3" in page and '"val_iou_Sky":0.25' in page
        assert page.count("data:image/jpeg") == len(pairs) and '"calibration"' not in page


def test_a_folder_that_cannot_be_written_ends_nothing(run, streets, blank_plots, monkeypatch, capsys):
    run.epoch_folder(3).write_text("a file where the folder should be")
    validated(run, streets, report=False)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert len(lines) == 3 and all("0003" in line for line in lines), lines
    assert run.log.exists()


def test_tensorboard_that_cannot_be_written_ends_with_a_warning(run, streets, blank_plots, monkeypatch, capsys):
    class Full:
        is_new = True

        def __init__(self, *args):
            pass

        def graph(self, model):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_figures, "Writer", Full)
    figures = RunFigures(run, {}, new_state(3), read_classes(streets), tensorboard=True, report=False)
    figures.add_graph(None)
    figures.add_graph(None)
    figures.close()
    (line,) = capsys.readouterr().err.splitlines()
    assert f"cannot write {run.folder / 'tensorboard'}: No space left on device" in line


def test_a_resumed_tensorboard_log_begins_at_the_epoch_that_is_not_validated(run, streets, monkeypatch):
    calls = []
    monkeypatch.setattr(run_figures, "Writer", lambda *args: calls.append(args[1:]))
    state = {**new_state(0), "epoch": 2, "log": [{"epoch": 0}, {"epoch": 1}]}
    for pending in ({}, {"pending": {"seconds": 1.0}}):
        RunFigures(run, {}, {**state, **pending}, read_classes(streets), tensorboard=True, report=False)
    assert calls == [(2, state["log"]), (1, state["log"][:1])]
