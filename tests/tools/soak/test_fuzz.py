"""Judgement of readers of mutated files: a good one, and one for each fault."""

import json
import os
import signal
import sys
import time

import cv2
import numpy as np
import pytest

from tools.soak import fuzz
from tools.soak.mutators import mutate_json
from tools.soak.pool import run_calls
from tools.soak.target import Target
from utils.errors import UsageError


def make(folder):
    path = folder / "numbers.json"
    path.write_text(json.dumps({"numbers": [1, 2, 3]}))
    return path


def read(path):
    """Sums the numbers, carefully."""
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))["numbers"]
        return sum(number for number in numbers if isinstance(number, int | float))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"{path.name} has no numbers") from error


def leave(path, rng):
    """Leaves the file as it is."""


def refuse(message):
    def reader(path):
        raise UsageError(message)

    return reader


def compute(path):
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass


def write_beside(path):
    (path.parent.parent / "escaped.txt").write_text("")


def write_beside_in_c(path):
    cv2.imwrite(str(path.parent.parent / "escaped.png"), np.zeros((2, 2), np.uint8))


def answer(tmp_path, reader, mutate=leave):
    return fuzz.read_case(tmp_path, "numbers", Target(make, mutate, reader), 1, 2)


def test_results_and_refusals(tmp_path):
    result = answer(tmp_path, read)
    assert result["outcome"] == "result" and not result["problems"] and result["name"] == "numbers:1:2"
    result = answer(tmp_path, refuse("numbers.json has no numbers"))
    assert result["outcome"] == "refused" and result["message"] == "numbers.json has no numbers"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "reader, reason",
    [
        (lambda path: {}["a"], "KeyError in test_fuzz.py"),
        (refuse("a\nb"), "2 lines"),
        (refuse("x" * 300), "300 characters"),
        (refuse(""), "0 lines"),
        (lambda path: bytearray(2 << 30), "MemoryError"),
        (write_beside, "wrote outside its folder"),
        (write_beside_in_c, "wrote outside its folder"),
        (lambda path: os.kill(os.getpid(), signal.SIGKILL), "ended with code -9"),
    ],
)
def test_failures(tmp_path, reader, reason):
    result = answer(tmp_path, reader)
    assert result["outcome"] == "failure" and reason in result["message"]
    assert result["problems"] == [result["message"]]


def test_slow_readers(tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "SECONDS", 0.1)
    assert "took 0." in answer(tmp_path, compute)["message"]
    monkeypatch.setattr(fuzz, "WAIT", 0.2)
    assert "no answer within 0.2 s" in answer(tmp_path, lambda path: time.sleep(60))["message"]


def test_cases_of_one_process(tmp_path):
    def reader(path):
        number = json.loads(path.read_text())["numbers"][0]
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 4:
            write_beside(path)
        return bytearray((number % 2) << 26)

    target = Target(make, lambda path, rng: path.write_text(json.dumps({"numbers": [order[path.parts[-5]]]})), reader)
    order = {f"case_{os.getpid()}_{case}": case for case in range(1, 6)}
    results = fuzz.read_cases(tmp_path, "numbers", target, 1, range(1, 6))
    assert [result["outcome"] for result in results] == ["result", "failure", "result", "failure", "result"]
    assert "ended with code -9" in results[1]["message"] and "outside its folder" in results[3]["message"]
    assert not list(tmp_path.iterdir())

    results = fuzz.read_cases(tmp_path, "numbers", target, 1, range(3, 6))
    assert [result["outcome"] for result in results] == ["result", "failure", "result"]
    results = fuzz.read_cases(tmp_path, "numbers", Target(make, leave, lambda path: bytearray(64 << 20)), 1, range(3))
    assert all(result["megabytes"] > 60 for result in results)  # of each case, not of those before it


def test_cases_differ_and_repeat(tmp_path):
    target, texts = Target(make, mutate_json, read), []
    for case in (1, 2, 3, 1):
        folder = tmp_path / str(len(texts))
        folder.mkdir()
        texts.append(fuzz.make_case(folder, "numbers", target, 5, case).read_bytes())
    assert texts[0] == texts[3] and len(set(texts)) == 3


def test_figures_of_a_run(tmp_path):
    targets = {"careful": Target(make, leave, read), "careless": Target(make, leave, lambda path: 1 / 0)}
    calls = run_calls(fuzz.plan(tmp_path, targets, 1, 20), 2, lambda: False, tmp_path)
    results = sum((results for _, results in calls), [])
    figures = fuzz.figures(results)
    assert figures["files"] == 20 and figures["failure"] == 10 == sum(map(bool, (one["problems"] for one in results)))
    assert figures["by target"]["careless"] == {"failure": 10} and "failure" not in figures["by target"]["careful"]
    assert len({one["name"] for one in results}) == 20


def test_a_target_with_large_imports_is_one_call(tmp_path):
    targets = {"a": Target(make, leave, read, modules=("json",)), "b": Target(make, leave, read)}
    calls = [(name, len(cases)) for _, (_, name, _, _, cases) in fuzz.plan(tmp_path, targets, 1, 120)]
    assert calls == [("a", 60), ("b", 25), ("b", 25), ("b", 10)]


def test_readers_are_imported_once_and_not_run(tmp_path, monkeypatch):
    (tmp_path / "imported_by_a_reader.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    ran = []

    def reader(path):
        import imported_by_a_reader  # noqa: F401

        ran.append(path)
        raise KeyError(path)

    fuzz.import_readers(tmp_path, {"a:b": Target(make, leave, reader)})
    assert "imported_by_a_reader" in sys.modules and not ran
