"""Processes, as threads, that stop together."""

import types

import pytest
from tiny_peers import run_as_peers

from utils.training.agreement import AgreedStop
from utils.training.callbacks import Interruption


def train(peers, signaled_at=None, seconds=0.0, steps=400, step_seconds=0.2):
    """Ends steps of `step_seconds`, longer on other processes than the first, until a stop is agreed on.

    Returns:
        `(steps, requested, questions)`.
    """
    now, model = [0.0], types.SimpleNamespace(stop_training=False)
    interruption, questions = Interruption(peers), []
    agree = interruption.agree
    interruption.agree = lambda *vote: questions.append(step) or agree(*vote)
    stop = AgreedStop(interruption, seconds, 0.0, clock=lambda: now[0])
    stop.set_model(model)
    for step in range(steps):
        now[0] += step_seconds * (1 + peers.rank)
        if (peers.rank, step) == signaled_at:
            interruption.signal()
        stop.on_train_batch_end(step)
        if model.stop_training:
            break
    return step, interruption.requested, questions


@pytest.mark.parametrize("signaled_at", [(0, 7), (1, 8)])
def test_all_stop_after_the_same_step_when_one_is_asked_to(signaled_at):
    first, second = run_as_peers(2, lambda peers: train(peers, signaled_at))
    assert first == second and first[1]
    assert signaled_at[1] <= first[0] <= signaled_at[1] + 5  # a second's worth


def test_a_checkpoint_is_written_by_all_when_it_is_due_for_one():
    """The second process's clock says 10 seconds after 25 steps."""
    first, second = run_as_peers(2, lambda peers: train(peers, seconds=10.0))
    assert first == second and not first[1] and 24 <= first[0] <= 29


def test_questions_come_about_once_a_second():
    (steps, requested, questions), _ = run_as_peers(2, train)
    assert (steps, requested) == (399, False) and 400 / 5 <= len(questions) <= 400 / 5 + 5


def test_a_process_alone_needs_no_agreement():
    interruption = Interruption()
    interruption.signal()
    assert interruption.requested
    assert interruption.agree(True, 3.0) == (True, 3.0) and interruption.requested


def test_a_signal_counts_when_all_agree():
    def signal(peers):
        interruption = Interruption(peers)
        if peers.rank == 1:
            interruption.signal()
        before = interruption.requested
        interruption.agree()
        return before, interruption.requested

    assert run_as_peers(2, signal) == [(False, True)] * 2
