"""Learning rate range test: rates, smoothing, the lowest loss, divergence."""

import numpy as np
import pytest

from utils.cli.arguments import train_parser
from utils.data.dataset import SegmentationDataset
from utils.errors import RunError
from utils.training.build import build_training_model
from utils.training.learning_rate_range import (
    PLAIN,
    SteppedRates,
    measure_losses,
    range_rates,
    rate_of_lowest_loss,
    smooth,
)

FLAGS = ["--model", "tiny", "--crop_height", "32", "--crop_width", "48", "--batch_size", "2", "--optimizer", "adamw"]


def valley(lowest=1e-2):
    """Rates, and losses that fall from 1e-5 on and rise above `lowest`."""
    rates = range_rates()
    fall = 1 / (1 + (rates / (lowest / 30)) ** 1.0)
    return rates, 1 + 2 * fall + (rates / lowest / 4) ** 1.5


def test_smoothing_keeps_constants_and_removes_noise():
    np.testing.assert_allclose(smooth(np.full(20, 3.0)), 3.0)
    noise = np.random.default_rng(0).normal(size=400)
    assert smooth(noise).std() < 0.4 * noise.std()
    np.testing.assert_allclose(smooth(np.arange(40.0))[15:25], np.arange(15, 25), atol=1e-6)


@pytest.mark.parametrize("lowest", [1e-3, 1e-2, 1e-1])
def test_the_lowest_loss_is_found_in_noise(lowest):
    rates, losses = valley(lowest)
    best = rates[np.argmin(losses)]
    losses = losses + np.random.default_rng(0).normal(0, 0.05, len(losses))
    assert best / 2.5 < rate_of_lowest_loss(rates, losses) < best * 2.5


@pytest.mark.parametrize("losses", [np.full(100, 2.0), np.linspace(2, 3, 100), np.array([2.0, 1.9])])
def test_a_loss_that_does_not_fall_gives_no_suggestion(losses):
    with pytest.raises(RunError, match="--loss"):
        rate_of_lowest_loss(range_rates(), losses)


class Model:
    """What the callback needs of a network."""

    stop_training = False
    optimizer = type("Optimizer", (), {"learning_rate": None})()


def run(losses, rates, accumulate=1):
    """Shows per-step losses to the callback as Keras does, as a running mean: the rates that it set, and itself."""
    stepped, used = SteppedRates(rates, accumulate), []
    stepped.set_model(Model())
    for batch in range(len(losses)):
        stepped.on_train_batch_begin(batch)
        used.append(stepped.model.optimizer.learning_rate)
        stepped.on_train_batch_end(batch, {"loss": np.mean(losses[: batch + 1])})
        if stepped.model.stop_training:
            break
    return used, stepped


def test_each_update_has_its_rate_and_its_loss():
    used, stepped = run([4.0, 2.0, 3.0, 1.0], [0.1, 0.2], accumulate=2)
    assert used == [0.1, 0.1, 0.2, 0.2]
    assert stepped.losses == pytest.approx([3.0, 2.0])


def test_divergence_ends_the_test_and_one_difficult_batch_does_not():
    assert len(run([2, 2, 2, 1, 9, 1, 1, 1], range(8))[0]) == 8
    assert len(run([2, 2, 2, 1, 9, 9, 9, 9], range(8))[0]) == 6
    assert len(run([2, 2, np.nan, 1], range(4))[0]) == 3


def test_losses_of_a_network_are_those_until_it_diverges(streets):
    settings = {**vars(train_parser().parse_args([*FLAGS, "--optimizer", "sgd"])), **PLAIN, "num_classes": 12}
    data = SegmentationDataset.from_folder(streets, crop_height=32, crop_width=48, batch_size=2)
    rates = np.geomspace(1e-3, 1e6, 30)
    losses = measure_losses(build_training_model(settings), data, rates)
    assert 3 < len(losses) < 30 and np.isfinite(losses).all()
