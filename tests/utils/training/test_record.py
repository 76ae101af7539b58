"""Files and state of a run."""

import csv
import json

import numpy as np
import pytest

from models import build_model
from utils.class_dict import ClassDict
from utils.data.dataset import SegmentationDataset
from utils.run_folder import RunFolder
from utils.settings import read_checkpoint
from utils.training.record import RunRecord, new_state

CLASSES = ClassDict(["a", "b"], [[0, 0, 0], [255, 0, 0]])


@pytest.fixture(scope="module")
def model():
    network = build_model("tiny", 2)
    network.compile("sgd", "mse")
    return network


@pytest.fixture
def record(tmp_path):
    run = RunFolder(tmp_path, "tiny", "Streets")
    return RunRecord(run, {"model": "tiny"}, new_state(3), CLASSES, num_epochs=9, checkpoint_step=2)


def row(epoch, **scores):
    return {"epoch": epoch, "loss": 1.5, "mean_iou": 0.25, "learning_rate": 0.1, **scores, "seconds": 2.0}


def test_the_best_validation(record):
    gains = [record.is_best(mean_iou) for mean_iou in (0.2, 0.3, 0.3, 0.1, 0.4, 0.35)]
    assert gains == [True, True, False, False, True, False]
    assert record.state["best_mean_iou"] == 0.4 and record.state["validations_without_gain"] == 1


def test_checkpoints_of_epochs(record, model):
    scores = {"val_mean_iou": 0.5, "val_global_accuracy": 0.5, "val_precision": 0.5, "val_recall": 0.5, "val_f1": 0.5}
    record.add_epoch(model, row(3), is_best=False)
    assert not record.run.best.exists() and not (record.run.folder / "0003").exists()
    record.add_epoch(model, row(4, **scores, val_iou_a=0.6, val_iou_b=0.4), is_best=True)
    latest = record.run.latest.read_bytes()
    assert record.run.best.read_bytes() == latest == (record.run.folder / "0004" / "model.keras").read_bytes()
    settings, state = read_checkpoint(record.run.latest)
    assert settings == {"model": "tiny"} == json.loads(record.run.settings.read_text())
    assert (state["epoch"], state["step"]) == (5, 0) and [entry["epoch"] for entry in state["log"]] == [3, 4]
    with open(record.run.log, newline="") as file:
        assert [entry["val_iou_b"] for entry in csv.DictReader(file)] == ["", "0.4"]
    assert (record.run.folder / "class_iou_vs_epochs.png").exists()
    record.add_epoch(model, row(5), is_best=False)
    assert record.run.previous.read_bytes() == latest
    assert record.run.best.read_bytes() == latest != record.run.latest.read_bytes()
    assert f"Best mean IoU: 50.00 % in epoch 0004, {record.run.best}\n" in record.summary()


def test_the_first_batch_is_drawn_once_and_changes_nothing(record, streets):
    def dataset(**options):
        return SegmentationDataset.from_folder(
            streets, crop_height=32, crop_width=48, batch_size=2, h_flip=True, **options
        )

    record.state["step"] = 1
    for cache in (False, True):
        record.run.batch.unlink(missing_ok=True)
        data, untouched = dataset(cache=cache), dataset()
        record.class_dict, data.outputs = data.class_dict, ("logits", "auxiliary") if cache else ()
        assert record.add_batch(data) == record.run.batch and record.run.batch.stat().st_size > 10_000
        assert record.add_batch(data) is None
        untouched.set_epoch(3, 1)
        assert (data.epoch, data.first_step) == (3, 1)
        for step in range(2):
            (images, labels), (expected, expected_labels) = data[step], untouched[step]
            np.testing.assert_array_equal(images, expected)
            np.testing.assert_array_equal(labels["auxiliary"] if cache else labels, expected_labels)


def test_an_interrupted_epoch(record, model):
    record.add_interruption(model, step=7)
    state = read_checkpoint(record.run.latest)[1]
    assert (state["epoch"], state["step"], state["log"]) == (3, 7, [])
    assert record.summary() == f"Latest checkpoint: {record.run.latest}"


def test_page_of_a_run(tmp_path, model, streets, blank_plots):
    from tiny_report import Brightest

    from utils.data.folder import list_pairs, read_classes
    from utils.evaluation import evaluate
    from utils.inference import Predictor

    class_dict, pairs = read_classes(streets, ["Unlabelled"]), list_pairs(streets, "val")
    settings = {"model": "tiny", "dataset_path": "Streets", "num_epochs": 9, "versions": {"keras": "3"}}
    for is_wanted in (True, False):
        run = RunFolder(tmp_path / str(is_wanted), "tiny", "Streets")
        record = RunRecord(run, settings, new_state(3), class_dict, num_epochs=9, checkpoint_step=2, report=is_wanted)
        observe = record.open_collector(len(pairs))
        evaluation = evaluate(Predictor(Brightest()), pairs, class_dict, observe=observe)
        record.add_validation(3, pairs, evaluation)
        record.add_epoch(model, row(3, val_mean_iou=0.5, val_iou_Sky=0.25), is_best=True)
        assert (run.folder / "report.html").exists() == is_wanted
    page = (tmp_path / "True" / "tiny_Streets" / "report.html").read_text(encoding="utf-8")
    assert "tiny_Streets, validation of epoch 3" in page and '"val_iou_Sky":0.25' in page
    assert page.count("data:image/jpeg") == len(pairs) and '"calibration"' not in page
