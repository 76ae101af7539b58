"""The graders: reference solutions are right, wrong answers get the hint that names their mistake."""

import importlib
import pathlib

import pytest

from labs import checks
from labs.checks import TASKS, AnswerError, check, grade_file, grade_function

LABS = pathlib.Path(checks.__file__).parent
MODULES = sorted(set(TASKS.values()))


def solution(task):
    return getattr(importlib.import_module(f"labs.solutions.{TASKS[task]}"), task)


def wrong_answers():
    for module in MODULES:
        path = pathlib.Path(__file__).parent / "wrong_answers" / f"{module}.py"
        spec = importlib.util.spec_from_file_location(f"wrong_{module}", path)
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        yield from loaded.WRONG


@pytest.mark.parametrize("task", TASKS)
def test_solutions_are_right(task):
    grade_function(task, solution(task))


@pytest.mark.parametrize(
    ("task", "function", "hint"), [pytest.param(*row, id=f"{row[0]}-{row[1].__name__}") for row in wrong_answers()]
)
def test_wrong_answers_get_their_hint(task, function, hint):
    with pytest.raises(AnswerError, match=hint):
        grade_function(task, function)


@pytest.mark.parametrize("task", TASKS)
def test_missing_answers_and_exceptions_are_hints(task):
    def unwritten(*args, **kwargs):
        raise NotImplementedError

    def broken(*args, **kwargs):
        return {}["key"]

    with pytest.raises(AnswerError, match="not written yet"):
        grade_function(task, unwritten)
    with pytest.raises(AnswerError, match="raises KeyError"):
        grade_function(task, broken)
    with pytest.raises(AnswerError, match="returns nothing"):
        grade_function(task, lambda *args, **kwargs: None)


@pytest.mark.parametrize("module", MODULES)
def test_each_lab_has_four_wrong_answers(module):
    assert sum(TASKS[task] == module for task, _, _ in wrong_answers()) >= 4


def test_check_continues_with_the_solution(capsys):
    def mean_iou(matrix):
        return 0.5

    assert check(mean_iou) is solution("mean_iou")
    assert "The reference solution is used below" in capsys.readouterr().out
    assert check(solution("mean_iou")) is solution("mean_iou")


def test_check_without_solutions_stops_at_the_hint(monkeypatch):
    real = importlib.import_module

    def without_solutions(name, *args):
        if name.startswith("labs.solutions"):
            raise ModuleNotFoundError(name)
        return real(name, *args)

    def mean_iou(matrix):
        raise NotImplementedError

    monkeypatch.setattr(checks.importlib, "import_module", without_solutions)
    with pytest.raises(AnswerError, match="not written yet"):
        check(mean_iou)


def test_a_file_of_functions_is_graded(tmp_path, capsys):
    path = tmp_path / "submission.py"
    path.write_text(
        "import numpy as np\ndef class_iou(matrix):\n    return np.diag(matrix) / matrix.sum(1)\n"
        "def mean_iou(matrix):\n    from labs.solutions.scores import mean_iou\n    return mean_iou(matrix)\n"
    )
    hints = grade_file(path)
    assert hints["mean_iou"] is None
    assert "recall" in hints["class_iou"]
    assert checks.main([str(path)]) == 1
    assert "1 of 2 right" in capsys.readouterr().out
