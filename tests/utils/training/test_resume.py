"""Training resumes with the settings, weights, optimizer and dropout seeds of the checkpoint."""

import numpy as np
import pytest
from tiny_checkpoint import SETTINGS, STATE, batch, compiled

from utils.checkpoints import save_checkpoint
from utils.errors import UsageError
from utils.settings import read_checkpoint
from utils.training.resume import restore_training, resume_settings


def test_weights_optimizer_and_dropout_come_back(tmp_path):
    """Training goes on as if nothing had happened: the next step gives the same loss and the same weights."""
    path = tmp_path / "model.keras"
    model = compiled()
    model.train_on_batch(*batch())
    save_checkpoint(path, model, SETTINGS, STATE)
    again = compiled()
    settings, state = read_checkpoint(path)
    restore_training(path, again, state)
    assert settings == SETTINGS and {name: state[name] for name in STATE} == STATE
    assert int(again.optimizer.iterations) == 1
    assert again.train_on_batch(*batch(1)) == pytest.approx(model.train_on_batch(*batch(1)))
    for ours, theirs in zip(again.get_weights(), model.get_weights()):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_another_optimizer_does_not_fit(tmp_path):
    path = tmp_path / "model.keras"
    model = compiled()
    model.train_on_batch(*batch())
    save_checkpoint(path, model, SETTINGS, STATE)
    with pytest.raises(UsageError, match="does not fit"):
        restore_training(path, compiled("sgd"), read_checkpoint(path)[1])


@pytest.fixture
def latest(tmp_path):
    """A checkpoint whose settings lack "init_from", as early ones do."""
    path = tmp_path / "latest.keras"
    save_checkpoint(path, compiled(), {**SETTINGS, "ema": 0.5, "batch_size": 4}, STATE)
    return path


def test_flags_of_the_command_line_replace_those_of_the_run(latest):
    flags = {"model": "tiny", "ema": 0.0, "batch_size": 1, "num_epochs": 9, "seed": 5}
    settings, state = resume_settings(latest, flags, {"num_epochs", "seed"})
    assert state["epoch"] == 3 and state["step"] == 7
    assert settings["ema"] == 0.5 and settings["batch_size"] == 4 and settings["init_from"] is None
    assert settings["num_epochs"] == 9 and settings["seed"] == 5


def test_flags_that_contradict_the_run_are_refused(latest):
    with pytest.raises(UsageError, match="--ema 0.9 does not fit .*trained with 0.5"):
        resume_settings(latest, {"model": "tiny", "ema": 0.9}, {"ema"})
    assert resume_settings(latest, {"model": "tiny", "ema": 0.5}, {"ema"})[1]["epoch"] == 3


def test_without_a_checkpoint_a_new_run_starts(tmp_path, capsys):
    flags = {"model": "tiny"}
    assert resume_settings(tmp_path / "latest.keras", flags, set()) == (flags, None)
    assert "training from the beginning" in capsys.readouterr().out
