"""The trainer, against `fit` with callbacks."""

import keras
import numpy as np
import pytest

from utils.cli.arguments import train_parser
from utils.data.dataset import SegmentationDataset
from utils.data.folder import list_pairs
from utils.evaluation import score
from utils.run_folder import RunFolder
from utils.training import PreciseBatchNorm, RunRecord, Trainer, TrainingOptions, Validation, build_training_model
from utils.training.build import output_names
from utils.training.callbacks import Interruption
from utils.training.record import new_state

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

    def build(run_settings, interruption=None, **options):
        data, run = dataset(streets, run_settings), RunFolder(tmp_path, run_settings["model"], "Streets")
        record = RunRecord(run, run_settings, new_state(0), data.class_dict, EPOCHS, checkpoint_step=5)
        model = build_training_model(run_settings, None, data.steps)
        epochs = TrainingOptions(num_epochs=EPOCHS, progress="quiet", **options)
        return Trainer(model, data, list_pairs(streets, "val"), record, epochs, interruption or Interruption())

    return build


@pytest.mark.parametrize("model, workers", [("tiny", 1), ("tiny", 3), ("tiny-heads", 2)])
def test_fit_with_callbacks_trains_the_same(trainer, streets, model, workers):
    """The weights and the statistics of batch norm, the scores and the order of the images."""
    run_settings = settings(model)
    trained = trainer(run_settings)
    assert trained.train()
    network, data = build_training_model(run_settings, None, 5), dataset(streets, run_settings, workers)
    callbacks = [PreciseBatchNorm(data), Validation(streets, batch_size=2)]
    history = network.fit(data, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=callbacks).history
    for weight, expected in zip(network.get_weights(), trained.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)
    log = trained.record.state["log"]
    assert history["loss"] == [row["loss"] for row in log]
    for name in ("val_loss", "val_mean_iou", "val_global_accuracy"):
        assert history[name] == [row[name] for row in log]


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
