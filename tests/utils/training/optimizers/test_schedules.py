import pytest

from utils.training.optimizers import build_optimizer, current_learning_rate
from utils.training.optimizers.schedules import build_schedule


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


def test_constant_schedule_and_current_rate():
    assert build_schedule("constant", 0.1, 10, 10) == 0.1
    assert current_learning_rate(build_optimizer("adam", 0.1)) == pytest.approx(0.1)
