import pytest

from utils.training.optimizers import build_optimizer, current_learning_rate
from utils.training.optimizers.schedules import ShiftedSchedule, TimedSchedule, build_schedule


@pytest.mark.parametrize(
    "name, step, expected",
    [
        ("exponential", 0, 0.1),
        ("exponential", 9, 0.1),
        ("exponential", 10, 0.0995),
        ("exponential", 25, 0.0995 * 0.995),
        ("poly", 0, 0.1),
        ("poly", 50, 0.1 * 0.5**0.9),
        ("poly", 100, 0.0),
        ("cosine", 0, 0.1),
        ("cosine", 50, 0.05),
        ("cosine", 100, 0.0),
    ],
)
def test_schedules(name, step, expected):
    schedule = build_schedule(name, 0.1, steps_per_epoch=10, num_epochs=10)
    assert float(schedule(step)) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("name", ["constant", "poly", "cosine"])
def test_warm_up_rises_linearly_and_then_leaves_the_schedule_alone(name):
    schedule = build_schedule(name, 0.1, 10, 10)
    warm = build_schedule(name, 0.1, 10, 10, warm_up=0.5)
    again = type(warm).from_config(warm.get_config())
    for step in range(100):
        rate = float(schedule(step)) if callable(schedule) else schedule
        assert float(warm(step)) == pytest.approx(rate * min((step + 1) / 5, 1), abs=1e-7)
        assert float(again(step)) == pytest.approx(float(warm(step)))


@pytest.mark.parametrize("name, warm_up", [("poly", 0), ("cosine", 1), ("exponential", 0), ("constant", 2)])
def test_a_shifted_schedule_is_the_schedule_at_another_step(name, warm_up):
    schedule = build_schedule(name, 0.1, 10, 10, warm_up)
    shifted = ShiftedSchedule(schedule, -3)
    again = ShiftedSchedule.from_config(shifted.get_config())
    for step in (3, 8, 40, 103):
        assert float(shifted(step)) == float(schedule(step - 3)) == float(again(step))


@pytest.mark.parametrize("name", ["poly", "cosine", "exponential", "constant"])
def test_a_timed_schedule_follows_the_progress(name):
    """At any share of the progress it has the rate of the schedule at that share of its steps."""
    schedule, timed = build_schedule(name, 0.1, 10, 10), TimedSchedule(name, 0.1, 10)
    for step in (0, 30, 75, 100):
        timed.progress.assign(step / 100)
        rate = float(schedule(step)) if callable(schedule) else schedule
        assert float(timed(step)) == pytest.approx(rate, abs=1e-6)
    timed.warm_up.assign(8)
    timed.progress.assign(0.25)
    again = TimedSchedule.from_config(timed.get_config())
    without = TimedSchedule(name, 0.1, 10, progress=0.25)
    assert float(timed(1)) == float(again(1)) == pytest.approx(float(without(1)) * 2 / 8)


def test_a_traced_step_sees_new_progress():
    import tensorflow as tf

    timed = TimedSchedule("cosine", 0.1, 10)
    traced = tf.function(timed)
    assert float(traced(tf.constant(0))) == pytest.approx(0.1)
    timed.progress.assign(1.0)
    assert float(traced(tf.constant(0))) == pytest.approx(0.0, abs=1e-6)


def test_constant_schedule_and_current_rate():
    assert build_schedule("constant", 0.1, 10, 10) == 0.1
    assert current_learning_rate(build_optimizer("adam", 0.1)) == pytest.approx(0.1)
