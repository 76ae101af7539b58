"""Kendall's tau against values counted by hand."""

import pytest

from labs.check_leaderboard import SUBMISSIONS, kendall_tau


def test_tau_by_hand():
    assert kendall_tau([1, 2, 3], [10, 20, 30]) == 1
    assert kendall_tau([1, 2, 3], [3, 2, 1]) == -1
    assert kendall_tau([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(4 / 6)  # one of six pairs is exchanged
    assert kendall_tau([1, 1], [1, 2]) == 0


def test_ten_different_submissions():
    assert len(set(SUBMISSIONS)) == 10
