"""Notebooks of the labs, for students, otter-grader and nbgrader."""

import pathlib
import re

import pytest

from labs.make_labs import find_labs, main
from labs.notebooks import solved
from utils.errors import UsageError


def test_labs_are_found_by_number_and_name():
    assert [path.stem for path in find_labs(["1"])] == ["lab01_scores"] == [p.stem for p in find_labs(["lab01_scores"])]
    with pytest.raises(UsageError, match="no lab 77"):
        find_labs(["77"])


def test_the_solution_replaces_the_stub():
    stub = 'def mean_iou(matrix):\n    """Averages.\n\n    Returns: float\n    """\n    raise NotImplementedError'
    code = solved(stub, "mean_iou", "### BEGIN SOLUTION", "### END SOLUTION")
    assert code.splitlines()[-3:] == [
        "    ### BEGIN SOLUTION",
        "    return np.nanmean(class_iou(matrix))",
        "    ### END SOLUTION",
    ]
    assert "NotImplementedError" not in code
    assert "Returns: float" in code


def read(path):
    return pytest.importorskip("nbformat").read(path, as_version=4)


@pytest.mark.parametrize("kind", ["notebook", "student", "otter", "nbgrader"])
def test_all_formats_are_valid_notebooks_without_outputs(tmp_path, kind):
    pytest.importorskip("jupytext")
    nbformat = pytest.importorskip("nbformat")
    assert main(["1", "--for", kind, "--output", str(tmp_path), "--repository", "https://example.org/suite.git"]) == 0
    (path,) = tmp_path.rglob("*.ipynb")
    notebook = read(path)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    text = "\n".join(cell.source for cell in notebook.cells)
    assert "git" in code[0].source and "https://example.org/suite.git" in code[0].source
    assert "_path" not in text
    assert ("BEGIN SOLUTION" in text) == (kind in ("otter", "nbgrader"))


def test_the_student_version_has_no_solutions(tmp_path):
    pytest.importorskip("jupytext")
    main(["1", "--for", "student", "--output", str(tmp_path), "--repository", "https://example.org/suite.git"])
    assert (tmp_path / "labs" / "checks.py").is_file()
    assert (tmp_path / "labs" / "lab01_scores.ipynb").is_file()
    assert not (tmp_path / "labs" / "solutions").exists()
    assert not [path for path in tmp_path.rglob("*.py") if re.search("np.nanmean\\(class_iou", path.read_text())]


def test_nbgrader_cells_are_marked(tmp_path):
    pytest.importorskip("jupytext")
    main(["1", "--for", "nbgrader", "--output", str(tmp_path)])
    notebook = read(pathlib.Path(tmp_path) / "source" / "lab01_scores" / "lab01_scores.ipynb")
    marked = {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    }
    assert marked["mean_iou"].solution and not marked["mean_iou"].grade
    assert marked["grade_mean_iou"].grade and marked["grade_mean_iou"].points == 1
