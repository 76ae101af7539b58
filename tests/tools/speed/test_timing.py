"""Interleaved timing."""

from tools.speed import timing


def test_result_is_the_median_of_seconds_per_unit(monkeypatch):
    """With a clock that advances by the duration of each call; the first call of each candidate is the warm-up."""
    now, calls = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def candidate(name, units, durations):
        durations = iter(durations)

        def work():
            calls.append(name)
            now[0] += next(durations)
            return units

        return work

    seconds = timing.interleaved_medians(
        {"a": candidate("a", 1, [99, 3, 1, 50]), "b": candidate("b", 4, [99, 8, 8, 4])}, rounds=3
    )
    assert seconds == {"a": 3.0, "b": 2.0}
    assert calls == ["a", "b"] * 4


def test_short_work_is_repeated(monkeypatch):
    monkeypatch.setattr(timing, "LEAST_SECONDS", 0.02)
    calls = []
    assert 0 < timing.seconds_per_unit(timing.as_unit(calls.append, 1)) <= 0.02
    assert len(calls) > 1
