"""The trainer, against `fit` with callbacks."""

import keras
import numpy as np
import pytest

from utils.cli.arguments import train_parser
from utils.data.dataset import SegmentationDataset
from utils.data.folder import list_pairs
from utils.evaluation import score
from utils.run_folder import RunFolder
from utils.settings import read_checkpoint
from utils.training import PreciseBatchNorm, RunRecord, Trainer, TrainingOptions, Validation, build_training_model
from utils.training.build import output_names
from utils.training.callbacks import Interruption
from utils.training.record import new_state
from utils.training.resume import restore_training

EPOCHS = 3

pytestmark = pytest.mark.usefixtures("blank_plots")


def settings(model, *more):
    flags = ["--model", model, "--optimizer", "adam", "--learning_rate", "0.01", *more]
    return {**vars(train_parser().parse_args(flags)), "num_classes": 12}


def dataset(streets, run_settings, workers=2):
    data = SegmentationDataset.from_folder(
        streets, crop_height=32, crop_width=48, batch_size=2, h_flip=True, workers=workers
    )
    data.outputs = output_names(run_settings)
    return data


@pytest.fixture
def trainer(streets, tmp_path):
    """A function that makes the trainer of a new run."""

    def build(run_settings, interruption=None, state=None, **options):
        data, run = dataset(streets, run_settings), RunFolder(tmp_path, run_settings["model"], "Streets")
        record = RunRecord(run, run_settings, state or new_state(0), data.class_dict, EPOCHS, checkpoint_step=5)
        model = build_training_model(run_settings, None, data.steps)
        epochs = TrainingOptions(num_epochs=EPOCHS, progress="quiet", **options)
        return Trainer(model, data, list_pairs(streets, "val"), record, epochs, interruption or Interruption())

    return build


@pytest.mark.parametrize("model, workers", [("tiny", 1), ("tiny", 3), ("tiny-heads", 2)])
def test_fit_with_callbacks_trains_the_same(trainer, streets, model, workers):
    """The weights and the statistics of batch norm, the scores and the order of the images.

    Nearly: operations that run side by side add up in an order of their own.
    """
    run_settings = settings(model)
    trained = trainer(run_settings)
    assert trained.train()
    network, data = build_training_model(run_settings, None, 5), dataset(streets, run_settings, workers)
    callbacks = [PreciseBatchNorm(data), Validation(streets, batch_size=2)]
    history = network.fit(data, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=callbacks).history
    for weight, expected in zip(network.get_weights(), trained.model.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-5, atol=2e-6)
    log = trained.record.state["log"]
    for name in ("loss", "val_loss", "val_mean_iou", "val_global_accuracy"):
        assert history[name] == pytest.approx([row[name] for row in log], rel=1e-4)


@pytest.mark.parametrize("model", ["tiny", "tiny-heads"])
def test_the_logged_loss_is_that_of_batches_with_labels(trainer, model):
    """Not five times as small, as the mean over five batches of which one has labels."""
    trained = trainer(settings(model))
    read, data = trained.data.sample, trained.data
    first = data._order[:2].tolist()
    data.sample = lambda index, repeat=0: (
        read(index)[0],
        read(index)[1] if index in first else unlabeled(read(index)[1]),
    )
    row = trained.train_epoch(0)
    assert data.unlabeled == {1, 2, 3, 4} and 1.0 < row.get("logits_loss", row["loss"]) < 4.0
    data.sample = lambda index, repeat=0: (read(index)[0], unlabeled(read(index)[1]))
    assert trained.train_epoch(1)["loss"] is None


def unlabeled(label):
    return np.full_like(label, 255)


def test_statistics_are_estimated_before_validation_data_is_scored(streets):
    """The loss that `fit` reports for `validation_data` is that of the weights after the epoch."""
    data = dataset(streets, settings("tiny"))
    network = build_training_model(settings("tiny"), None, 5)
    batch = data[0]
    history = network.fit(data, validation_data=batch, verbose=0, callbacks=[PreciseBatchNorm(data)]).history
    scores = network.evaluate(*batch, verbose=0, return_dict=True)
    assert history["val_loss"] == [pytest.approx(scores["loss"], rel=1e-5)]
    without = build_training_model(settings("tiny"), None, 5)
    plain = without.fit(data, validation_data=batch, verbose=0).history
    assert plain["val_loss"][0] != pytest.approx(history["val_loss"][0], rel=1e-2)


def test_validation_of_every_other_epoch(streets):
    data = dataset(streets, settings("tiny"))
    network = build_training_model(settings("tiny"), None, 5)
    callbacks = [PreciseBatchNorm(data), Validation(streets, "test", every=2)]
    history = network.fit(data, epochs=4, verbose=0, callbacks=callbacks).history
    assert len(history["loss"]) == 4 and len(history["val_mean_iou"]) == 2


def test_callbacks_monitor_the_validation(streets, tmp_path):
    data, best = dataset(streets, settings("tiny")), tmp_path / "best.keras"
    network = build_training_model(settings("tiny"), None, 5)
    keep_best = keras.callbacks.ModelCheckpoint(best, "val_mean_iou", mode="max", save_best_only=True)
    callbacks = [PreciseBatchNorm(data), Validation(streets, "val"), keep_best]
    history = network.fit(data, epochs=2, verbose=0, callbacks=callbacks).history
    loaded = keras.models.load_model(best, compile=False)
    assert score(loaded, streets, "val")["mean_iou"] == pytest.approx(max(history["val_mean_iou"]), abs=1e-6)


def test_validation_step_and_the_last_epoch(trainer):
    trained = trainer(settings("tiny"), validation_step=5)
    assert trained.train()
    assert ["val_mean_iou" in row for row in trained.record.state["log"]] == [True, False, True]


def test_patience(trainer, capsys):
    trained = trainer(settings("tiny"), patience=1)
    trained.record.state["best_mean_iou"] = 2.0  # cannot be reached
    assert trained.train() and len(trained.record.state["log"]) == 1
    assert "No better mean IoU in 1 validations" in capsys.readouterr().out


def test_an_interrupted_epoch_resumes_at_its_step(trainer):
    interruption = Interruption()
    interruption.requested = True
    trained = trainer(settings("tiny"), interruption)
    assert not trained.train()
    assert (trained.record.state["epoch"], trained.record.state["step"]) == (0, 1)
    interruption.requested = False
    assert trained.train()
    uninterrupted = trainer(settings("tiny"))
    assert uninterrupted.train()
    for weight, expected in zip(trained.model.get_weights(), uninterrupted.model.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-5, atol=1e-6)


def without_seconds(rows):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.mark.parametrize("model", ["tiny", "tiny-heads"])
def test_checkpoints_within_epochs_change_nothing(trainer, model):
    """Neither weights nor log, whether the training continues after them or is resumed from one."""
    run_settings = settings(model, "--schedule", "poly", "--ema", "0.5")
    plain = trainer(run_settings)
    assert plain.train()
    often, states = trainer(run_settings, checkpoint_minutes=1e-9), []
    add = often.record.add_interruption

    def kill_later(network, step, sums):
        add(network, step, sums)
        states.append(read_checkpoint(often.record.run.latest)[1])
        if (states[-1]["epoch"], step) == (1, 3):
            raise KeyboardInterrupt

    often.record.add_interruption = kill_later
    with pytest.raises(KeyboardInterrupt):
        often.train()
    places = [(state["epoch"], state["step"]) for state in states]
    assert places == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 1), (1, 2), (1, 3)]
    again = trainer(run_settings, state=states[-1])
    restore_training(often.record.run.latest, again.model, states[-1])
    assert again.train()
    for weight, expected in zip(again.model.get_weights(), plain.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert without_seconds(again.record.state["log"]) == without_seconds(plain.record.state["log"])
    assert all(row["seconds"] > 0 for row in again.record.state["log"])


@pytest.mark.parametrize("place", ["validate", "record.figures.add_epoch", "record.complete_epoch"])
def test_a_kill_after_the_checkpoint_of_an_epoch_costs_only_its_validation(trainer, monkeypatch, place):
    run_settings = settings("tiny", "--ema", "0.5")
    plain = trainer(run_settings)
    assert plain.train()
    log, best = plain.record.run.log.read_text(), plain.record.state["best_mean_iou"]
    killed = trainer(run_settings)

    def kill(*_):
        raise KeyboardInterrupt

    *path, name = place.split(".")
    owner = killed
    for part in path:
        owner = getattr(owner, part)
    monkeypatch.setattr(owner, name, kill)
    with pytest.raises(KeyboardInterrupt):
        killed.train()
    state = read_checkpoint(killed.record.run.latest)[1]
    assert state["epoch"] == 1 and state["pending"]["seconds"] > 0 and state["best_mean_iou"] is None
    again = trainer(run_settings, state=state)
    restore_training(killed.record.run.latest, again.model, state)
    assert again.train()
    for weight, expected in zip(again.model.get_weights(), plain.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)
    lines = [
        [line.rpartition(",")[0] for line in text.splitlines()] for text in (log, again.record.run.log.read_text())
    ]
    assert lines[0] == lines[1] and again.record.state["best_mean_iou"] == best
    assert read_checkpoint(again.record.run.best)[1]["best_mean_iou"] == best


def test_a_run_whose_patience_has_ended_trains_no_further(trainer, capsys):
    trained = trainer(settings("tiny"), patience=2, state={**new_state(0), "validations_without_gain": 2})
    assert trained.train() and not trained.record.state["log"]
    assert "No better mean IoU in 2 validations" in capsys.readouterr().out
