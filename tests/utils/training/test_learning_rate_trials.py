"""Learning rate trials: compressed schedules, the rates that are tried, and the choice among them."""

import numpy as np
import pytest

from utils.errors import RunError
from utils.training.learning_rate_trials import LAST, MOST, UPDATES, choose_rate, final_loss, schedule_rates, try_rates


def losses_of(end, noise=0.0, seed=0):
    """Losses of a trial that falls from 3 to `end`; without noise the batches at the end differ by the same amounts."""
    batches = np.random.default_rng(1).normal(0, 0.1, LAST)
    last = end + batches + np.random.default_rng(seed).normal(0, noise, LAST)
    return np.concatenate([np.linspace(3, end, UPDATES - LAST), last])


def parabola(best, noise=0.0):
    """A training whose final loss is lowest at a rate; returns the function, and the list of its rates."""
    asked = []

    def train(rate):
        asked.append(rate)
        return losses_of(1 + 0.1 * np.log10(rate / best) ** 2, noise, len(asked))

    return train, asked


@pytest.mark.parametrize(("schedule", "last"), [("constant", 1e-2), ("poly", 3.6e-4), ("cosine", 1.5e-5)])
def test_a_schedule_is_compressed_to_a_trial(schedule, last):
    rates = schedule_rates(schedule, 1e-2, num_epochs=300)
    assert len(rates) == UPDATES and rates[0] == pytest.approx(1e-2)
    assert rates[-1] == pytest.approx(last, rel=0.05)


def test_warm_up_and_exponential_decay_are_compressed_too():
    rates = schedule_rates("poly", 1e-2, num_epochs=10, warm_up=2.5)
    assert np.argmax(rates) == pytest.approx(UPDATES / 4, abs=1) and rates[0] < 2e-3
    assert schedule_rates("exponential", 1.0, num_epochs=300)[-1] == pytest.approx(0.995**292, rel=0.01)


@pytest.mark.parametrize("best", [3e-5, 1e-3, 1e-2, 8e-2])
def test_trials_surround_the_best_rate(best):
    train, asked = parabola(best)
    tried = try_rates(train, lowest=1e-2)
    assert list(tried) == sorted(asked) and len(asked) <= MOST
    assert best / 3.2 < choose_rate(tried) < best * 3.2


def test_a_rate_above_1_is_not_tried():
    assert max(try_rates(parabola(1e3)[0], lowest=0.4)) == pytest.approx(0.4)


def test_rates_that_diverge_are_not_chosen():
    train, _ = parabola(1.0)
    tried = try_rates(lambda rate: train(rate) if rate < 5e-4 else train(rate)[:7], lowest=1e-2)
    assert choose_rate(tried) == pytest.approx(1e-2 / 10**1.5)
    assert final_loss(losses_of(1)[:7]) == np.inf
    with pytest.raises(RunError, match="all trainings from .* diverge"):
        try_rates(lambda rate: np.ones(3), lowest=1e-2)


def test_differences_of_batches_are_no_noise_and_ties_go_to_the_middle():
    assert choose_rate({1e-3: losses_of(1.02), 1e-2: losses_of(1.0), 1e-1: losses_of(1.5)}) == 1e-2
    tied = {1e-3: losses_of(1.0, 0.2, 1), 1e-2: losses_of(1.0, 0.2, 2), 1e-1: losses_of(2.5, 0.2, 3)}
    assert choose_rate(tied) == pytest.approx(np.sqrt(1e-3 * 1e-2))
