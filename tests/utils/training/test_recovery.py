"""A training that diverges goes back to its checkpoint with half the learning rate."""

import keras
import numpy as np
import pytest

from utils.cli.arguments import train_parser
from utils.data.dataset import SegmentationDataset
from utils.data.folder import list_pairs
from utils.errors import DivergedError
from utils.run_folder import RunFolder
from utils.settings import read_checkpoint
from utils.training import RunRecord, Trainer, TrainingOptions, build_training_model
from utils.training.build import prepare_model
from utils.training.callbacks import Interruption
from utils.training.optimizers import current_learning_rate
from utils.training.record import new_state
from utils.training.recovery import train_with_recovery
from utils.training.resume import resume_settings

pytestmark = pytest.mark.usefixtures("blank_plots")


@pytest.fixture
def trainer(streets, tmp_path):
    """A function that makes a trainer of one epoch of two steps."""

    before = keras.config.dtype_policy()

    def build(*more):
        flags = ["--model", "tiny", "--dataset", str(streets), "--optimizer", "sgd", "--learning_rate", "0.08", *more]
        settings = {**vars(train_parser().parse_args(flags)), "num_classes": 12}
        data = SegmentationDataset.from_folder(streets, crop_height=16, crop_width=16, batch_size=5)
        run = RunFolder(tmp_path, "tiny", "Streets")
        record = RunRecord(run, settings, new_state(0), data.class_dict, 1, checkpoint_step=5)
        model = build_training_model(settings, None, data.steps)
        options = TrainingOptions(num_epochs=1, progress="quiet")
        return Trainer(model, data, list_pairs(streets, "val"), record, options, Interruption())

    yield build
    keras.config.set_dtype_policy(before)


def spoil(trainer, times):
    """Lets the training diverge so many times: the weights are spoiled, as a step with too high a rate does."""
    train, weights = trainer.train, []

    def diverge():
        weights.append(trainer.model.get_weights())
        if len(weights) > times:
            return train()
        trainer.model.set_weights([np.full_like(weight, np.nan) for weight in weights[-1]])
        raise DivergedError("the loss is no longer finite in epoch 0, step 1")

    trainer.train = diverge
    return weights


@pytest.mark.parametrize(
    "more", [[], ["--schedule", "poly", "--ema", "0.9"], ["--warm_up", "0.5", "--mixed_precision", "bfloat16"]]
)
def test_weights_come_back_and_the_rate_is_halved(trainer, more, capsys):
    trained = trainer(*more)
    rate = current_learning_rate(trained.model.optimizer)
    weights = spoil(trained, times=2)
    assert train_with_recovery(trained, recover=True)
    assert len(weights) == 3
    for before, after in zip(weights[0], weights[2], strict=True):
        np.testing.assert_array_equal(before, after)
    latest, log = trained.record.run.latest, trained.record.state["log"]
    assert log[0]["learning_rate"] == pytest.approx(rate / 4) and np.isfinite(log[0]["loss"])
    assert read_checkpoint(latest)[1]["recoveries"] == trained.record.state["recoveries"] == 2
    line = f"epoch 0, step 1. Back to {latest}, epoch 0, step 0, with half the learning rate, 0.02 (recovery 2 of 3)"
    assert line in capsys.readouterr().out


def test_after_three_recoveries_it_fails(trainer):
    trained = trainer()
    weights = spoil(trained, times=9)
    with pytest.raises(
        DivergedError, match=r"step 1; the last good checkpoint is .*\.keras\. Go on: .* 0.005"
    ) as error:
        train_with_recovery(trained, recover=True)
    assert len(weights) == 4 and "--continue_training" in str(error.value)


def test_without_recovery_it_fails_at_once(trainer):
    trained = trainer()
    weights = spoil(trained, times=9)
    with pytest.raises(
        DivergedError, match="there is no checkpoint yet: train with --learning_rate 0.04, or with --rec"
    ):
        train_with_recovery(trained)
    assert len(weights) == 1 and not trained.record.run.latest.exists()


def test_a_resumed_run_keeps_the_rate_unless_another_is_given(trainer):
    trained = trainer()
    spoil(trained, times=1)
    assert train_with_recovery(trained, recover=True)
    run, flags = trained.record.run, trained.record.settings
    for given, expected in ((set(), 0.04), ({"learning_rate"}, 0.08)):
        settings, state = resume_settings(run.latest, flags, given)
        model = prepare_model(settings, None, 2, run, state)
        assert current_learning_rate(model.optimizer) == pytest.approx(expected)
