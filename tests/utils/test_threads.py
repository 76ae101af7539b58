"""Reading ahead and writing behind."""

import threading

import pytest

from utils.threads import background, map_threads, prefetch


def test_calls_on_threads_are_all_made_and_their_errors_arrive():
    made = []
    with background() as submit:
        for number in range(50):
            submit(made.append, number)
    assert sorted(made) == list(range(50))

    def fail():
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"), background() as submit:
        submit(fail)


def test_reading_ahead_keeps_the_order_and_does_not_read_everything_at_once():
    started, gate = [], threading.Event()

    def read(item):
        started.append(item)
        if item == 0:
            gate.wait(10)
        return item * 2

    stream = prefetch(read, range(100), workers=2)
    gate.set()
    assert next(stream) == (0, 0)
    assert len(started) < 20
    assert list(stream) == [(i, 2 * i) for i in range(1, 100)]


def test_an_error_while_reading_arrives():
    def read(item):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(prefetch(read, range(3)))


def test_each_gives_the_results_in_order_and_an_error_ends_it(capsys):
    assert map_threads(lambda item: item * 2, list(range(20)), 3, "Doubling") == list(range(0, 40, 2))
    assert "Doubling: 20/20" in capsys.readouterr().out
    with pytest.raises(ZeroDivisionError):
        map_threads(lambda item: 1 / item, [1, 0, 1], 2, "Dividing")
