"""What watches the steps fetches their numbers late and seldom."""

import keras
import numpy as np

from utils.peers import Peers
from utils.progress import Progress
from utils.training.callbacks import EpochProgress, Interruption, StepGuard, StepwiseCallbacks


class Number:
    """A number on an accelerator: to fetch it is to wait, which is noted."""

    def __init__(self, value, fetched):
        self.value, self.fetched = value, fetched

    def __float__(self):
        self.fetched.append(self.value)
        return float(self.value)


def run_steps(callbacks, steps, fetched):
    """Ends steps; after each, the loss of no later step than the one before may have been fetched."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    callbacks = StepwiseCallbacks(callbacks, model=model)
    for step in steps:
        callbacks.on_train_batch_end(step, {"loss": Number(step, fetched), "logits_mean_iou": Number(0.5, [])})
        assert not [value for value in fetched if value >= step]


def test_the_guard_does_not_wait_for_the_step_that_just_began():
    fetched = []
    guard = StepGuard(Interruption())
    run_steps([guard], range(5), fetched)
    assert fetched == [0, 1, 2, 3] and guard.step == 5


def test_several_processes_look_at_gradients_after_the_same_steps(monkeypatch):
    """Those that do not stop together would wait for each other."""
    looks = []
    monkeypatch.setattr(StepGuard, "GRADIENT_SECONDS", 0.0)
    monkeypatch.setattr(StepGuard, "_read_gradients", lambda guard: looks.append(guard.step))
    for count, expected in ((1, list(range(6, 256))), (2, [100, 200])):
        looks.clear()
        run_steps([StepGuard(Interruption(Peers(0, count)), first_step=5)], range(250), [])
        assert looks == expected


def test_progress_fetches_only_what_it_shows(capsys, monkeypatch):
    now, fetched = [0.0], []
    monkeypatch.setattr("utils.progress.time.perf_counter", lambda: now[0])
    callback = EpochProgress(Progress("Epoch", 100, "plain"))
    run_steps([callback], range(50), fetched)
    assert fetched == [] and capsys.readouterr().out == ""
    now[0] = 60.0
    run_steps([callback], range(50, 55), fetched)
    assert fetched == [49]  # the step before the one that ended when the line was due
    assert capsys.readouterr().out.startswith("Epoch: 51/100, loss 49, mean IoU 50.0 %")


def test_the_line_has_loss_and_mean_iou_whatever_the_heads(capsys):
    for prefix in ("", "logits_"):
        with Progress("Epoch", 10, "plain") as progress:
            EpochProgress(progress).on_epoch_end(0, {"loss": np.float32(0.51234), f"{prefix}mean_iou": 0.25})
        assert "loss 0.5123, mean IoU 25.0 %" in capsys.readouterr().out
