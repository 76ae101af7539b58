"""Conversion of a lab's percent-format source to notebooks."""

import ast
import pathlib
import re
import subprocess
import textwrap
from collections.abc import Callable

from labs.checks import TASKS
from utils.errors import UsageError

ROOT = pathlib.Path(__file__).resolve().parents[1]
FIRST_CELL = """\
# Finds the suite, or on Colab and Kaggle fetches it and installs what is missing there.
import os
import pathlib
import subprocess
import sys

here = pathlib.Path.cwd()
folders = [pathlib.Path(os.environ.get("LABS_ROOT", here)), here, *here.parents]
root = next((folder for folder in folders if (folder / "labs" / "course.py").is_file()), None)
if root is None:
    root = here / "suite"
    subprocess.run(["git", "clone", "--depth", "1", "{repository}", str(root)], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "-r", str(root / "requirements.txt")], check=True)
sys.path.insert(0, str(root))"""
NO_REPOSITORY = "ADDRESS-OF-THE-REPOSITORY"
OTTER_CONFIG = """\
# ASSIGNMENT CONFIG
name: {name}
run_tests: false
generate: true
export_cell: false
tests:
    ok_format: false"""


def read_lab(path: pathlib.Path):
    """Reads a lab's source as a notebook (`nbformat.NotebookNode`), whose exercises have a title such as "exercise f".

    Raises:
        UsageError: if jupytext is not installed.
    """
    try:
        import jupytext
    except ModuleNotFoundError as error:
        raise UsageError("notebooks need jupytext: pip install -r labs/requirements.txt") from error
    notebook = jupytext.read(path, fmt="py:percent")
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02}"  # the same notebook each time
    return notebook


def write_notebook(notebook, source: pathlib.Path, output: pathlib.Path, repository: str | None) -> pathlib.Path:
    """Writes the lab as it is: functions to fill in, checks, no outputs."""
    return _write(_with_first_cell(notebook, repository), output / f"{source.stem}.ipynb")


def write_student(notebook, source: pathlib.Path, output: pathlib.Path, repository: str | None) -> pathlib.Path:
    """Writes the lab beside the code it imports, in `labs/`."""
    return write_notebook(notebook, source, output / "labs", repository)


def write_nbgrader(notebook, source: pathlib.Path, output: pathlib.Path, repository: str | None) -> pathlib.Path:
    """Writes the instructor version of nbgrader, `source/<lab>/<lab>.ipynb`, and the course's configuration."""
    import nbformat

    def graded(cell, task):
        cell.metadata["nbgrader"] = _nbgrader(task, solution=True)
        grade = nbformat.v4.new_code_cell(grade_code(task), metadata={"nbgrader": _nbgrader(f"grade_{task}", points=1)})
        return [cell, {**grade, "id": f"grade-{task.replace('_', '-')}"}]

    notebook.cells = _solved_cells(_with_first_cell(notebook, repository), "###", graded)
    path = _write(notebook, output / "source" / source.stem / f"{source.stem}.ipynb")
    (output / "nbgrader_config.py").write_text(
        'c = get_config()  # noqa: F821\nc.CourseDirectory.course_id = "segmentation"\n'
        "c.ExecutePreprocessor.timeout = 600\n",
        encoding="utf-8",
    )
    return path


def write_otter(notebook, source: pathlib.Path, output: pathlib.Path, repository: str | None) -> pathlib.Path:
    """Writes the master notebook of `otter assign`."""
    import nbformat

    def raw(text):
        return nbformat.v4.new_raw_cell(text)

    def question(cell, task):
        test = f"def test_{task}({task}):\n{textwrap.indent(grade_code(task), '    ')}"
        cells = [raw(f"# BEGIN QUESTION\nname: {task}\npoints: 1"), raw("# BEGIN SOLUTION"), cell]
        cells += [raw("# END SOLUTION"), raw("# BEGIN TESTS"), nbformat.v4.new_code_cell(test)]
        return [*cells, raw("# END TESTS"), raw("# END QUESTION")]

    solved_cells = _solved_cells(_with_first_cell(notebook, repository), "#", question)
    cells = [raw(OTTER_CONFIG.format(name=source.stem)), *solved_cells]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number:03}"
    notebook.cells = cells
    return _write(notebook, output / f"{source.stem}.ipynb")


FORMATS: dict[str, Callable] = {
    "notebook": write_notebook,
    "student": write_student,
    "otter": write_otter,
    "nbgrader": write_nbgrader,
}


def exercise_of(cell) -> str | None:
    """Returns the name of the function that a cell asks for, or None."""
    kind, _, name = cell.metadata.get("title", "").partition(" ")
    return name if cell.cell_type == "code" and kind == "exercise" else None


def solved(stub: str, task: str, begin: str, end: str) -> str:
    """Puts the reference solution into a function to fill in, after its docstring.

    Args:
        stub: source of the cell.
        task: name of the function, which is also defined in `labs/solutions/`.
        begin, end: comments around the solution.
    """
    module = ROOT / "labs" / "solutions" / f"{TASKS[task]}.py"
    solution, lines = _function(module.read_text(encoding="utf-8"), task), stub.splitlines()
    function = _function(stub, task)
    kept = lines[: function.body[0].end_lineno]
    text = module.read_text(encoding="utf-8").splitlines()
    body = text[solution.body[0].end_lineno : solution.end_lineno]
    return "\n".join([*kept, f"    {begin}", *body, f"    {end}", *lines[function.end_lineno :]])


def grade_code(task: str) -> str:
    """Returns the code of a cell that grades a function: an exception with a hint if it is wrong."""
    return f'from labs.checks import grade_function\n\ngrade_function("{task}", {task})'


def _solved_cells(notebook, comment, question):
    """Returns the cells, each exercise with its solution and replaced by the cells of `question(cell, task)`."""
    cells = []
    for cell in notebook.cells:
        task = exercise_of(cell)
        if task:
            cell.source = solved(cell.source, task, f"{comment} BEGIN SOLUTION", f"{comment} END SOLUTION")
        cells += question(cell, task) if task else [cell]
    return cells


def _function(source, name):
    """Returns the syntax tree of the function `name`, which begins with a docstring."""
    return next(node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == name)


def _with_first_cell(notebook, repository):
    """Replaces the cell that a script needs by the first cell of a notebook, and drops the module's docstring."""
    if repository is None:
        found = subprocess.run(["git", "remote", "get-url", "origin"], cwd=ROOT, capture_output=True, text=True)
        address = found.stdout.strip()
        repository = address if re.match(r"https?://", address) else NO_REPOSITORY
    cells = [cell for cell in notebook.cells if not cell.source.startswith('"""')]
    for cell in cells:
        if cell.metadata.get("title") == "script":
            cell.source = FIRST_CELL.replace("{repository}", repository)
            cell.metadata = {}
    notebook.cells = cells
    return notebook


def _nbgrader(name, solution=False, points=None):
    """Returns the metadata of nbgrader for a cell."""
    graded = {"grade": points is not None, "locked": points is not None, "solution": solution, "task": False}
    return {"grade_id": name, "schema_version": 3, **graded, **({"points": points} if points else {})}


def _write(notebook, path):
    """Writes a notebook without outputs."""
    import nbformat

    path.parent.mkdir(parents=True, exist_ok=True)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.write(nbformat.from_dict(notebook), path)
    return path
