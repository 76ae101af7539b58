"""The labs' sources: form, seconds, exercises; all of them run at smoke size."""

import ast
import pathlib
import re
import runpy
import unittest.mock

import pytest

from labs.checks import TASKS
from models import MODELS

LABS = sorted((pathlib.Path(__file__).resolve().parents[2] / "labs").glob("lab[0-9][0-9]_*.py"))
CELL = re.compile(r"^# %%(.*)$", re.MULTILINE)


def cells(path):
    """`(title, source)` of each cell after the module's docstring."""
    parts = CELL.split(path.read_text(encoding="utf-8"))
    return list(zip((title.strip() for title in parts[1::2]), (source.strip() for source in parts[2::2])))


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_form(path):
    markdown = "\n".join(source for title, source in cells(path) if title == "[markdown]")
    assert "**Goal.**" in markdown
    for word in ("**Predict", "**Explain", "## Questions", "<details><summary>Answers</summary>"):
        assert word in markdown, f"{word} is missing"
    assert "**Expected**" in markdown, "the expected score with its tolerance is missing"


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_each_code_cell_states_its_seconds(path):
    seconds = []
    for title, source in cells(path):
        if title not in ("[markdown]", "script"):
            found = re.match(r"# (\d+) s\n", source + "\n")
            assert found, f"the cell does not state its seconds: {source[:60]!r}"
            seconds.append(int(found[1]))
    assert max(seconds) <= 90
    assert sum(seconds) <= 600


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_exercises_are_tasks_and_checked(path):
    text = path.read_text(encoding="utf-8")
    exercises = [title.split()[1] for title, _ in cells(path) if title.startswith("exercise")]
    assert exercises
    for name in exercises:
        assert name in TASKS
        assert f"{name} = check({name})" in text
    for title, source in cells(path):
        if title.startswith("exercise"):
            (function,) = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
            assert function.name == title.split()[1]
            assert {"Args:", "Returns:"} <= set(ast.get_docstring(function).split())
            assert ast.unparse(function.body[-1]) == "raise NotImplementedError"


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_runs_at_smoke_size(path, smoke_course, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(path.parent))
    monkeypatch.setattr("sys.argv", [str(path)])
    with unittest.mock.patch.dict(MODELS):  # labs add networks of their own
        runpy.run_path(str(path), run_name="__main__")
    assert "Figure: " in capsys.readouterr().out
    assert list((tmp_path / "labs_output").glob(f"{path.stem}_*.png"))
