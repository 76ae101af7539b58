"""Training resumes with the settings, weights, optimizer and dropout seeds of the checkpoint."""

import numpy as np
import pytest
from tiny_checkpoint import SETTINGS, STATE, batch, compiled

from utils.checkpoints import save_checkpoint
from utils.errors import UsageError
from utils.settings import read_checkpoint
from utils.training.resume import adapt_position, completion_line, lengths, restore_training, resume_settings


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
    save_checkpoint(path, compiled(), {**SETTINGS, "ema": 0.5, "batch_size": 4, "schedule": "constant"}, STATE)
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


@pytest.mark.parametrize("more", [{"schedule": "poly"}, {"warm_up": 2.0}])
def test_a_schedule_cannot_be_added(latest, more):
    flags = {"schedule": "constant", "warm_up": 0.0}
    assert resume_settings(latest, flags, set(flags))[1]
    with pytest.raises(UsageError, match="was trained without a schedule or warm-up"):
        resume_settings(latest, {**flags, **more}, set(flags))


def test_without_a_checkpoint_a_new_run_starts(tmp_path, capsys):
    flags = {"model": "tiny"}
    assert resume_settings(tmp_path / "latest.keras", flags, set()) == (flags, None)
    assert "training from the beginning" in capsys.readouterr().out


BEFORE = {"batch_size": 4, "seed": 0, "num_epochs": 10, "minutes": None, "schedule": "poly", "steps_per_epoch": None}
PLACE = {"epoch": 2, "step": 3, "sums": {"seconds": 1.0}}


def adapted(steps, images, **settings):
    """The state and the lines after a change from 5 steps of 4 of 20 images."""
    state = {**PLACE, "trained_with": lengths(BEFORE, 5, 20)}
    return state, adapt_position({**BEFORE, **settings}, state, steps, images)


def test_an_unchanged_run_keeps_its_position():
    state, lines = adapted(5, 20)
    assert not lines and state == {**PLACE, "trained_with": lengths(BEFORE, 5, 20)}


@pytest.mark.parametrize(
    "steps, images, settings, step, is_shifted, words",
    [
        (10, 20, {"batch_size": 2}, 6, True, ["now spans 10 epochs of 10 steps"]),
        (3, 20, {"batch_size": 8}, 1, True, ["The last 4 of the 12 images trained in epoch 2 are trained again"]),
        (10, 20, {"batch_size": 2, "schedule": "constant"}, 6, True, []),
        (6, 24, {}, 0, True, ["Epoch 2 begins again with the weights as they are: images are 24, were 20"]),
        (5, 20, {"seed": 7}, 0, False, ["seed are 7, were 0"]),
        (2, 20, {"steps_per_epoch": 2}, 0, True, ["begins again", "its 2 steps have fewer images than the 12"]),
        (5, 20, {"num_epochs": 20}, 3, False, ["now spans 20 epochs of 5 steps"]),
        (4, 20, {"minutes": 3.0}, 3, False, []),
    ],
)
def test_positions_are_those_of_epochs_and_images(steps, images, settings, step, is_shifted, words):
    state, lines = adapted(steps, images, **settings)
    assert (state["epoch"], state["step"], "sums" in state) == (2, step, step > 0)
    assert ("schedule_shift" in state) == is_shifted and all(word in " ".join(lines) for word in words), lines
    assert all(len(line) < 300 for line in lines) and len(lines) <= 2
    again = dict(state)
    again.pop("schedule_shift", None)
    assert not adapt_position({**BEFORE, **settings}, again, steps, images) and "schedule_shift" not in again


def test_a_run_of_given_length_continues_with_epochs():
    state = {"epoch": 2, "step": 7, "trained_with": lengths({**BEFORE, "minutes": 3.0}, 5, 20)}
    first, second = adapt_position(BEFORE, state, 5, 20)
    assert state["step"] == 0 and state["schedule_shift"] is None and "begins again" in first and "spans" in second


def test_checkpoints_of_earlier_versions_know_no_lengths(latest):
    settings, state = resume_settings(latest, BEFORE, {"num_epochs"})
    unknown = dict.fromkeys(("steps", "images", "minutes", "seed", "num_epochs"))
    assert state["trained_with"] == {**unknown, "batch_size": 4}
    state["step"] = 3
    lines = adapt_position({**settings, "batch_size": 2}, state, 10, 20)
    assert state["step"] == 6 and state["schedule_shift"] is None and not lines


@pytest.mark.parametrize(
    "settings, state, words",
    [
        ({}, {}, None),
        ({}, {"epoch": 9}, ["already has its 9 epochs", "raise --num_epochs"]),
        ({"minutes": 5.0}, {"log": [{"seconds": 300.0}]}, ["raise --minutes 5"]),
        ({"patience": 3}, {"validations_without_gain": 2}, None),
        ({"patience": 3}, {"validations_without_gain": 4}, ["--patience is 3", "--patience 7", "above 4"]),
        ({"patience": 3}, {"validations_without_gain": 4, "pending": {"seconds": 1.0}}, None),
        ({}, {"epoch": 9, "pending": {"seconds": 1.0}}, None),
    ],
)
def test_a_complete_run_says_how_to_train_on(settings, state, words):
    settings = {"num_epochs": 9, "minutes": None, "patience": None, **settings}
    line = completion_line("latest.keras", settings, {**STATE, "validations_without_gain": 0, "log": [], **state})
    assert line is None if words is None else all(word in line for word in words) and len(line) < 300
