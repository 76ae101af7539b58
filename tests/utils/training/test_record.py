"""Checkpoints and state of a run."""

import csv
import json

import pytest

from models import build_model
from utils import files
from utils.class_dict import ClassDict
from utils.errors import RunError
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
    return {"epoch": epoch, "loss": 1.5, "mean_iou": 0.25, "learning_rate": 0.1, **scores}


def test_the_best_validation(record):
    gains = [record.is_best(mean_iou) for mean_iou in (0.2, 0.3, 0.3, 0.1, 0.4, 0.35)]
    assert gains == [True, True, False, False, True, False]
    assert record.state["best_mean_iou"] == 0.4 and record.state["validations_without_gain"] == 1


SCORES = {"val_mean_iou": 0.5, "val_global_accuracy": 0.5, "val_precision": 0.5, "val_recall": 0.5, "val_f1": 0.5}


def validate(record, model, epoch, is_best, **scores):
    """Does what the trainer does after the training of an epoch that is validated."""
    record.add_epoch(model, row(epoch), 1.5, is_validated=True)
    record.state["log"][-1].update(scores)
    record.complete_epoch(model, 0.5, is_best)


def test_checkpoints_of_epochs(record, model):
    record.add_epoch(model, row(3), 2.0, is_validated=False)
    assert not record.run.best.exists() and not (record.run.folder / "0003").exists()
    validate(record, model, 4, True, **SCORES, val_iou_a=0.6, val_iou_b=0.4)
    latest = record.run.latest.read_bytes()
    assert record.run.best.read_bytes() == latest == (record.run.folder / "0004" / "model.keras").read_bytes()
    settings, state = read_checkpoint(record.run.latest)
    assert settings == {"model": "tiny"} == json.loads(record.run.settings.read_text())
    assert (state["epoch"], state["step"]) == (5, 0) and [entry["epoch"] for entry in state["log"]] == [3, 4]
    assert [entry["seconds"] for entry in state["log"]] == [2.0, 2.0] and "pending" not in state
    assert read_checkpoint(record.run.previous)[1]["epoch"] == 4
    with open(record.run.log, newline="") as file:
        assert [entry["val_iou_b"] for entry in csv.DictReader(file)] == ["", "0.4"]
    assert (record.run.folder / "class_iou_vs_epochs.png").exists()
    record.add_epoch(model, row(5), 2.0, is_validated=False)
    assert record.run.previous.read_bytes() == latest
    assert record.run.best.read_bytes() == latest != record.run.latest.read_bytes()
    record.add_epoch(model, row(6), 2.0, is_validated=False)
    assert (record.run.folder / "0006" / "model.keras").read_bytes() == record.run.latest.read_bytes()
    assert read_checkpoint(record.run.previous)[1]["epoch"] == 6
    assert f"Best mean IoU: 50.00 % in epoch 0004, {record.run.best}\n" in record.summary()


def test_a_trained_epoch_is_in_the_latest_checkpoint_before_its_validation(record, model):
    record.add_epoch(model, row(4), 1.5, is_validated=True)
    state = read_checkpoint(record.run.latest)[1]
    assert (state["epoch"], state["pending"], record.is_pending) == (5, {"seconds": 1.5}, True)
    assert not record.run.log.exists() and not (record.run.folder / "0004").exists()
    again = RunRecord(record.run, {"model": "tiny"}, state, CLASSES, num_epochs=9, checkpoint_step=2)
    assert again.is_pending and not record.run.log.exists()
    again.state["log"][-1].update(SCORES)
    again.complete_epoch(model, 0.5, is_best=True)
    assert not again.is_pending and read_checkpoint(record.run.best)[1]["log"] == [row(4, **SCORES) | {"seconds": 2.0}]


def test_figures_without_room_cost_no_epoch(record, model, monkeypatch, capsys):
    """But a checkpoint does, and leaves the earlier ones as they were."""
    real = files.os.replace

    def full(source, path):
        if path.suffix in endings:
            raise OSError(28, "No space left on device")
        real(source, path)

    endings = (".png", ".csv")
    monkeypatch.setattr(files.os, "replace", full)
    validate(record, model, 4, True, **SCORES, val_iou_a=0.5)
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 3 and all(len(line) < 300 and "No space left" in line for line in warnings), warnings
    assert "log.csv" in warnings[0] and "make room" in warnings[0]
    before, endings = record.run.latest.read_bytes(), (".keras",)
    with pytest.raises(RunError, match="cannot write .*latest_model_tiny_Streets.keras: No space left"):
        record.add_epoch(model, row(5), 1.0, is_validated=True)
    assert record.run.latest.read_bytes() == record.run.best.read_bytes() == before
    endings = ()
    RunRecord(record.run, {}, read_checkpoint(record.run.latest)[1], CLASSES, num_epochs=9, checkpoint_step=2)
    assert record.run.log.read_text().splitlines()[1].startswith("4,1.5"), "the log is repaired"


def test_an_interrupted_epoch(record, model):
    sums = {"seconds": 0.5, "learning_rate": 0.1, "metrics": [1.0, [2.0, 3.0]]}
    record.add_interruption(model, 7, sums)
    state = read_checkpoint(record.run.latest)[1]
    assert (state["epoch"], state["step"], state["log"], state["sums"]) == (3, 7, [], sums)
    assert record.summary() == f"Latest checkpoint: {record.run.latest}"
    record.add_epoch(model, row(3), 2.0, is_validated=False)
    assert "sums" not in read_checkpoint(record.run.latest)[1]


def test_processes_beside_the_first_keep_the_state_and_write_no_files(tmp_path, model):
    states = []
    for is_chief in (True, False):
        run = RunFolder(tmp_path / str(is_chief), "tiny", "Streets")
        record = RunRecord(
            run, {"model": "tiny"}, new_state(3), CLASSES, num_epochs=9, checkpoint_step=2, is_chief=is_chief
        )
        record.add_epoch(model, row(3), 2.0, is_validated=False)
        validate(record, model, 4, True, **SCORES, val_iou_a=0.6, val_iou_b=0.4)
        record.add_interruption(model, 2)
        states.append(record.state)
        assert run.latest.exists() == is_chief
    assert states[0] == states[1] and not (tmp_path / "False").exists()
