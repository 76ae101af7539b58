"""Notebooks of the labs: plain, for students, for otter-grader and for nbgrader.

python labs/make_labs.py                                # labs_notebooks/: a notebook for each lab
python labs/make_labs.py --for student                  # with the code they need, without solutions
python labs/make_labs.py --for otter --output graded    # then: otter assign graded/lab01_scores.ipynb dist
python labs/make_labs.py --for nbgrader --output course # then: cd course; nbgrader generate_assignment lab01_scores
"""

import pathlib
import shutil
import sys

if __name__ == "__main__" and not __package__:
    import _path  # noqa: F401

from labs.notebooks import FORMATS, read_lab
from utils.cli import Parser
from utils.errors import UsageError, report_errors

LABS = pathlib.Path(__file__).resolve().parent
ROOT = LABS.parent
COPIED = ("frontends", "models", "utils", "tools", "labs", "requirements.txt")  # of a version that stands alone


def build_parser():
    """The command's flags."""
    parser = Parser(prog="labs/make_labs.py", description=__doc__.splitlines()[0])
    parser.add_argument("labs", nargs="*", metavar="LAB", help="such as lab01_scores or 1; default: all")
    parser.add_argument("--for", dest="format", choices=list(FORMATS), default="notebook", help="kind of notebook")
    parser.add_argument("--output", default="labs_notebooks", metavar="FOLDER", help="folder to write")
    parser.add_argument(
        "--repository",
        metavar="URL",
        help="git address of this repository, for the first cell on Colab and Kaggle; default: git's remote origin",
    )
    return parser


@report_errors
def main(argv=None):
    """Runs the command line `argv` (by default the program's own) and returns the exit code."""
    args = build_parser().parse_args(argv)
    output = pathlib.Path(args.output)
    sources = find_labs(args.labs)
    for source in sources:
        path = FORMATS[args.format](read_lab(source), source, output, args.repository)
        print(f"Wrote {path}")
    if args.format == "student":
        copy_without_solutions(output)
        print(f"{output} stands alone: code, labs and checks without solutions")
    return 0


def find_labs(names: list[str]) -> list[pathlib.Path]:
    """Finds the sources of labs by number or name; all of them for an empty list.

    Raises:
        UsageError: if there is no such lab.
    """
    sources = sorted(LABS.glob("lab[0-9][0-9]_*.py"))
    if not names:
        return sources
    by_name = {key: path for path in sources for key in (path.stem, path.stem[3:5], str(int(path.stem[3:5])))}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise UsageError(f"there is no lab {unknown[0]}; the labs are {', '.join(path.stem for path in sources)}")
    return [by_name[name] for name in names]


def copy_without_solutions(output: pathlib.Path) -> None:
    """Copies the code that the labs import to a folder, without solutions and teacher's notes."""
    ignored = shutil.ignore_patterns("__pycache__", "solutions", "notes", "output")
    for name in COPIED:
        source, target = ROOT / name, output / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy2(source, target)


if __name__ == "__main__":
    sys.exit(main())
