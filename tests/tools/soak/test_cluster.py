"""Kills of processes that train together: moments, repeated steps, a real kill."""

import importlib.util
import itertools
import os
import random
import subprocess
import sys

import pytest

from tools.soak import cluster
from tools.soak.settings import make_dataset
from utils.errors import UsageError


def lines(*positions):
    return "".join(f"{number // cluster.STEPS} {number % cluster.STEPS}\n" for number in positions)


@pytest.mark.parametrize(
    "done, repeated",
    [
        ([1, 2, 3], []),
        ([1, 2, 3, 1, 2, 3, 4], [3]),
        ([1, 2, 3, 4], []),  # after a checkpoint at the third step, or before the first kill
        ([1, 40, 41, 42, 41, 41], [2, 1]),
    ],
)
def test_repeated_steps(done, repeated):
    assert cluster.repeated_steps(lines(*done)) == repeated


def test_figures_are_those_of_all_trainings():
    kills = [{"rank": rank, "seconds": seconds} for rank, seconds in ((0, 1.5), (1, 22.0), (0, 0.5))]
    results = [
        {"kills": kills[:1], "repeated": 7, "problems": []},
        {"kills": kills[1:], "repeated": 3, "problems": ["x"]},
    ]
    found = cluster.figures(results)
    assert (found["kills"], found["of process 0"], found["trainings"]) == (3, 2, 2)
    assert found["most steps repeated"] == 7 and found["most seconds until all had ended"] == 22.0
    assert found["different from the undisturbed training"] == 1 and cluster.figures([])["kills"] == 0


def test_children_are_those_of_the_process():
    child = subprocess.Popen(["sleep", "60"])
    assert child.pid in cluster.children(os.getpid())
    child.kill()
    child.wait()
    assert child.pid not in cluster.children(os.getpid()) and cluster.children(child.pid) == []


def test_a_process_is_killed_at_a_moment_of_the_training(tmp_path, monkeypatch):
    """Not before steps were done since the start, and not beyond the end."""
    monkeypatch.setattr(cluster, "EARLY", 0.0)
    (tmp_path / "steps.txt").write_text(lines(5))
    code = f"open({str(tmp_path / 'steps.txt')!r}, 'a').write({lines(6, cluster.STEPS * cluster.EPOCHS)!r})"
    sleep = "; import time; time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-S", "-c", code + sleep])
    try:
        assert cluster.wait_for_moment(process, tmp_path, random.Random(0), 1) in range(cluster.PROCESSES)
    finally:
        process.kill()
        process.wait()
    assert cluster.wait_for_moment(process, tmp_path, random.Random(0), 1) is None


def test_it_needs_jax(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install jax"):
        next(cluster.plan(tmp_path, tmp_path, 0))


@pytest.mark.sweep
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_killed_processes_train_as_undisturbed_ones(tmp_path):
    make_dataset(tmp_path)
    for function, arguments in itertools.islice(cluster.plan(tmp_path, tmp_path / "Streets", 0), 2):
        (result,) = function(*arguments)
        assert result["problems"] == [] and result["kills"]
