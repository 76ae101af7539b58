"""The plan of a training of given length: it ends in time, whatever the machine does, and so does its schedule."""

import itertools

import numpy as np
import pytest

from utils.training.time_plan import (
    Costs,
    TimePlan,
    choose_length,
    closest_epochs,
    count_validations,
    is_complete,
    spent_seconds,
)


class Machine:
    """A simulated training: a clock, and costs that change with time."""

    def __init__(self, costs, speed=lambda share: 1.0, loading=0.0):
        self.now, self.costs, self.speed, self.loading = 1000.0, costs, speed, loading

    def clock(self):
        return self.now

    def train(self, minutes, steps, estimate, every=1, spent=0.0, progress=0.0, stop_at=None):
        """Trains as `Trainer` does. Returns the plan and the numbers of steps of the epochs."""
        start = self.now
        self.now += self.loading
        plan = TimePlan(minutes, steps, every, start, spent, progress, self.clock)
        plan.costs, plan.warm_up = estimate, 0
        plan.num_epochs, epochs = 1, []
        while len(epochs) < plan.num_epochs:
            most = plan.begin_epoch(len(epochs))
            for done in range(1, most + 1):
                self.now += self.costs.step * self.speed((self.now - start) / (60 * minutes))
                goes_on = plan.step(done)
                if stop_at and self.now - start >= stop_at:
                    return plan, [*epochs, done]
                if not goes_on:
                    break
            epochs.append(done)
            plan.end_steps()
            is_validated = (len(epochs) - 1) % every == 0 or len(epochs) == plan.num_epochs
            slower = self.speed((self.now - start) / (60 * minutes))
            self.now += (self.costs.epoch + is_validated * self.costs.validation) * slower
            plan.end_epoch(self.costs.validation * slower if is_validated else None)
        return plan, epochs


SPEEDS = {
    "steady": lambda share: 1.0,
    "three times slower from the middle on": lambda share: 1.0 if share < 0.5 else 3.0,
    "three times slower until the middle": lambda share: 3.0 if share < 0.5 else 1.0,
    "always half as fast as measured": lambda share: 2.0,
    "always three times as fast as measured": lambda share: 1 / 3,
    "slower and slower": lambda share: 1 + 2 * share,
}


@pytest.mark.parametrize("speed", SPEEDS.values(), ids=SPEEDS)
def test_any_training_ends_within_ten_percent_of_its_time(speed):
    """Random minutes, step times, dataset sizes, validation costs and intervals, and wrong estimates."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        minutes = 10 ** rng.uniform(-0.3, 2)
        budget = 60 * minutes
        steps, every = int(10 ** rng.uniform(0.5, 3)), int(rng.choice([1, 2, 5, 1000]))
        step = budget * 10 ** rng.uniform(-4, -2)
        costs = Costs(step, budget * rng.uniform(0, 0.012), budget * rng.uniform(0, 0.012))
        estimate = Costs(*(value * rng.uniform(0.6, 1.5) for value in (step, costs.epoch, costs.validation)))
        machine = Machine(costs, speed, loading=budget * rng.uniform(0, 0.2))
        plan, epochs = machine.train(minutes, steps, estimate, every)
        assert 0.9 * budget <= machine.now - 1000 <= 1.1 * budget, (minutes, steps, every, costs, epochs)
        assert plan.progress > 0.88  # the schedule is at its end, too
        assert plan.num_epochs == len(epochs)
        uneven = [count for count in epochs[:-1] if count != steps]
        assert len(uneven) <= 1, (minutes, steps, epochs)  # all but the last, and one that was thought to be the last


def test_progress_is_the_share_of_the_time_that_has_passed():
    """On a steady machine, the learning rate follows the schedule as with a known number of steps."""
    machine = Machine(Costs(1.0, 0.0, 0.0))
    plan = TimePlan(10, 100, 1, machine.now, clock=machine.clock)
    plan.costs = Costs(1.0, 0.0, 0.0)
    progress = []
    for epoch in range(6):
        plan.begin_epoch(epoch)
        for done in range(1, 101):
            machine.now += 1
            plan.step(done)
            progress.append(plan.progress)
    np.testing.assert_allclose(progress, np.arange(1, 601) / 600, atol=1e-9)


def test_progress_never_goes_back_and_slow_steps_count_more():
    machine = Machine(Costs(1.0, 2.0, 3.0), SPEEDS["three times slower from the middle on"])
    steps = []
    step_of = TimePlan.step

    def noted(plan, done):
        result = step_of(plan, done)
        steps.append(plan.progress)
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TimePlan, "step", noted)
        machine.train(10, 50, Costs(1.0, 2.0, 3.0))
    differences = np.diff(steps)
    assert (differences >= 0).all() and differences[-20:-3].mean() > 2 * differences[:20].mean()


def test_the_schedule_is_not_at_its_end_while_epochs_are_left(monkeypatch):
    """Of epochs whose steps take almost no time, whose ends take as long as the rounding of their number."""
    machine, seen, begin = Machine(Costs(0.02, 2.0, 2.0)), [], TimePlan.begin_epoch
    monkeypatch.setattr(TimePlan, "begin_epoch", lambda plan, *place: seen.append(plan.progress) or begin(plan, *place))
    plan, epochs = machine.train(2, 5, Costs(0.02, 9.0, 9.0))
    assert len(epochs) > 20 and seen[1] < 0.5 and seen[-2] < 0.99 and plan.progress > 0.88


def test_a_resumed_training_has_the_time_that_is_left():
    costs = Costs(1.0, 3.0, 4.0)
    machine = Machine(costs)
    plan, _ = machine.train(20, 100, costs, stop_at=500)
    state = {"time_plan": plan.to_state(), "log": []}
    assert spent_seconds(state) == pytest.approx(500, abs=2) and plan.progress == pytest.approx(500 / 1200, abs=0.1)
    machine = Machine(costs, loading=20)
    again, _ = machine.train(20, 100, costs, spent=spent_seconds(state), progress=plan.progress)
    assert machine.now - 1000 == pytest.approx(700, rel=0.1) and again.progress > 0.95


def test_a_time_shorter_than_an_epoch_has_fewer_steps():
    machine = Machine(Costs(1.0, 3.0, 4.0), loading=10)
    plan, epochs = machine.train(1, 1000, Costs(1.0, 3.0, 4.0))
    assert epochs == [43]
    machine.now = 1010
    plan.begin_epoch(0)
    assert plan.describe().startswith("--minutes 1: 1 epoch of 43 steps, of 1000 for all images; 0.2 of 1 minutes")


def test_closest_number_of_epochs_by_trying_all():
    rng = np.random.default_rng(1)
    for epoch, every, first in itertools.product((0, 3, 7), (1, 3, 1000), (0, 5)):
        costs, seconds = Costs(*rng.uniform(0.1, 3, 3)), rng.uniform(10, 500)

        def total(epochs, costs=costs, epoch=epoch, every=every, first=first):
            numbers = range(epoch, epoch + epochs)
            validations = sum(number % every == 0 or number == numbers[-1] for number in numbers)
            assert validations == count_validations(epoch, epochs, every)
            return (10 * epochs - first) * costs.step + epochs * costs.epoch + validations * costs.validation

        best = min(range(1, 200), key=lambda epochs: abs(total(epochs) - seconds))
        found = closest_epochs(seconds, costs, 10, epoch, first, every)
        assert abs(total(found) - seconds) <= abs(total(best) - seconds) + 1e-9


def test_a_run_is_complete_when_its_epochs_or_its_minutes_are_over():
    state = {"epoch": 3, "step": 0, "log": [{"seconds": 20.0}, {"seconds": 25.0}]}
    assert is_complete({"num_epochs": 3}, state) and not is_complete({"num_epochs": 4, "minutes": None}, state)
    assert spent_seconds(state) == 45 and spent_seconds(None) == 0
    assert not is_complete({"num_epochs": 3, "minutes": 1}, state)  # trained without --minutes: 15 seconds are left
    planned = {**state, "time_plan": {"minutes": 1, "spent": 57.0}}
    assert is_complete({"num_epochs": 3, "minutes": 1}, planned)
    assert not is_complete({"num_epochs": 3, "minutes": 2}, planned)
    assert not is_complete({"num_epochs": 4, "minutes": 1}, {**planned, "time_plan": {"minutes": 1, "spent": 30.0}})


def test_minutes_against_number_of_epochs():
    settings = {"minutes": None, "num_epochs": 9}
    assert choose_length(settings, {"num_epochs"}) is None
    settings["minutes"] = 2.5
    assert choose_length(settings, {"minutes"}) is None
    line = choose_length(settings, {"minutes", "num_epochs"})
    assert line == "--minutes 2.5 decides the number of epochs; --num_epochs 9 has no effect"
    assert choose_length(settings, {"num_epochs"}) == "--num_epochs 9 replaces the --minutes 2.5 of the run"
    assert settings["minutes"] is None
